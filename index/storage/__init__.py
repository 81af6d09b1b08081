"""The index folder: its schema, rows, locks and the snapshot that a searching process has open. SQLite is the truth.

May import the leaves of `index` and `index.engines`; updating and searching build on it.
"""
