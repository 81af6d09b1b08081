"""The one gate to a terminal, and an answer as text, JSON or Markdown.

May import `qa.types` and the leaves of `index`; decides nothing about answers.
"""
