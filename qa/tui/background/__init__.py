"""What the app does beside the conversation: worker threads, the indexing process, saving, looking after the index.

May import the ports and messages of `qa.tui`; never a widget or a screen.
"""
