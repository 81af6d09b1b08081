"""Saved conversations, drafts of questions, and exports.

May import `qa.types` and `qa.output`; knows neither index nor models.
"""
