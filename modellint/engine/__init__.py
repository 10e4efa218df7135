"""The front end of a run: which files need a worker, what came of each, what is remembered.

The way in is `engine`. Never imports torch and never runs user code.
"""
