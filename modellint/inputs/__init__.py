"""The search for inputs: what a model is fed, the runs that try it, what a run objected to.

The way in is `search`. Imports torch's public names, and asks `tracing` for every run.
"""
