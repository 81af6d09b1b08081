"""Which files of the documents folder are articles, and how each becomes canonical text with its metadata.

May import `index.text` and the leaves of `index`; storage and updating build on it.
"""
