"""From passages to an answer: what is asked, the final order, quotes, confidence, the decision to answer.

    request    -> follow_ups   one checked question; what it takes over from the conversation
    confidence -> ranking      scores become probabilities; the final order of the passages
    sentences  -> list_items -> quotes -> citations    what is quoted, and where it stands
    answer                     whether there is an answer, what it cites, why there is none

Imports `qa.types` and `index`; never a face, a command or the Answerer. Only `follow_ups.encode_question` and
`sentences.score_sentences` call a model; everything else is pure.
"""
