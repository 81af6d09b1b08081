"""The only owner of offsets: cuts canonical text into paragraphs, sentences and list items, and marks boilerplate.

May import the leaves of `index` only, and no model: tokens are counted by a function it is given.
"""
