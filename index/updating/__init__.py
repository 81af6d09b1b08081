"""Brings an index up to date: what changed, ingest, the next generation; also watch, check and adopt.

May import every other room of `index` except `index.search`; nothing in `index` imports it.
"""
