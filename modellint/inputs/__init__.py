"""The search for inputs: what a model is fed, the runs that try it, what a run objected to.

The way in is `search`. Imports torch's public names. `tracing` does the runs, but for those that
judge: in `plain_runs` the untouched model runs in torch alone.
"""
