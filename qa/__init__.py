"""Asks, answers and shows. Imports nothing here, so that importing a part stays cheap."""
