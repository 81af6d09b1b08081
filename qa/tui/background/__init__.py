"""What runs beside the conversation: worker threads, the indexing process, saving, upkeep of the index.

May import the ports and messages of `qa.tui`; never a widget or a screen.
"""
