"""Extracts, splits, embeds, stores and searches articles. Imports nothing here, so that importing a part is cheap."""
