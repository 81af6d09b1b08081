"""The app in a browser.

May import `qa.settings` and `qa.output`; the app itself runs in a process of its own.
"""
