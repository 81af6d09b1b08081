"""What leaves the screen: clipboard, editor, opener, a clean end.

May import the leaves only; never a widget or a screen.
"""
