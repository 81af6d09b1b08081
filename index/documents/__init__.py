"""Which files of the documents folder are articles, and how each one becomes canonical text with its metadata.

May import `index.text` and the leaves of `index`. Storage and updating build on it.
"""
