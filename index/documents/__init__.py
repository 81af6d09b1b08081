"""Which files of the documents folder are articles, and how each becomes canonical text with its metadata.

May import the leaves of `index` only; storage and updating build on it.
"""
