"""The search engines behind `protocols`, one file or folder each: the only importers of faiss and tantivy. Everything
an engine keeps is derived from the database and can be made again.

May import `index.text` and the leaves of `index`; the rest of the program reaches an engine through `registry` only.
"""
