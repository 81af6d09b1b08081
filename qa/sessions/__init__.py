"""Saved conversations, what is being typed, and their export.

May import `qa.types` and `qa.output`; knows neither index nor models.
"""
