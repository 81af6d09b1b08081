"""The search engines behind `protocols`, one file or folder an engine: the only importers of faiss and tantivy.

May import the leaves of `index` only. Everything an engine holds is derived from the database and can be made again.
"""
