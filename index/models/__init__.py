"""The model files and what runs them: encoder, cross-encoder and the runtimes behind them.

May import the leaves of `index` only. Nothing is ever downloaded; heavy libraries are imported when they are used.
"""
