"""Trains, exports and judges the answer reader in `index/models/data/answer_reader`."""
