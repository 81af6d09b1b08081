"""From passages to an answer: what is asked, the final order, quotes, confidence, the decision to answer.

May import `qa.types` and `index`; never a face, a command or the `Answerer`.
"""
