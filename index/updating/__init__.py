"""Brings an index up to date: what changed, ingest, the next generation; also watch, check and adopt.

May import every other room of `index`, but not `index.search`; nothing in `index` imports it.
"""
