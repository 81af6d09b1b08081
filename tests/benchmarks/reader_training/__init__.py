"""How the answer reader in `index/models/data/answer_reader` is trained, exported and judged."""
