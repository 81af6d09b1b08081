"""The one gate to a terminal; an answer as text, JSON or Markdown.

May import `qa.types` and the leaves of `index`. Decides nothing about answers.
"""
