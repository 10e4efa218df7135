"""The process that user code runs in: server, forks, limits, and one file through every stage.

The way in is `server`, the stages are in `pipeline`. Of other packages it needs torch alone.
"""
