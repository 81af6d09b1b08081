"""Text and styles of what is shown: lines, wrapping, highlights.

May import `qa.types` and `qa.output`; never a widget or a screen.
"""
