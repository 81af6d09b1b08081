"""The app in a browser.

May import `qa.settings` and `qa.output`; the app itself runs as a process of its own.
"""
