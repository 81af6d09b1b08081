"""Extracts, splits, embeds, stores and searches articles. Nothing is imported here, so that importing a part is cheap."""
