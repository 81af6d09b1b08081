"""The only owner of offsets: cuts canonical text into paragraphs, sentences and list items, marks boilerplate, and
prepares words for searching.

May import the leaves of `index` only, and no model: a function that counts tokens is passed in.
"""
