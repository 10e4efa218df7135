"""Which sizes a model accepts: solving what a run demanded, confirming it, saying it in words.

The way in is `contract`. Knows symbols, constraints and the graph; never imports torch. Public:
rules use these names.
"""
