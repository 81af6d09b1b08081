"""The model files, the encoder, the cross-encoder, and the runtimes behind them.

May import the leaves of `index` only. Nothing is downloaded. Heavy libraries are imported when they are used.
"""
