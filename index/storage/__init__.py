"""The index folder: its schema, rows and locks, and the snapshot that a search has open. SQLite is the truth.

May import `index.engines` and the leaves of `index`; updating and searching build on it.
"""
