"""The process that user code runs in: server, forks, limits, and one file through every stage.

The way in is `server`, the stages are in `pipeline`. Needs the standard library and torch alone.
"""
