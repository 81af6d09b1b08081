"""What each command of `qa` does once its options are parsed.

May import the `Answerer`, `qa.output` and `qa.sessions`; only the faces (`cli.py`, the app) import it.
"""
