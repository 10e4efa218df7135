"""From a candidate to an nn.Module: loads what a model needs of its file and constructs it on meta.

The way in is `builder`. Imports torch's public names; user code that runs here runs in a worker.
Nothing of inputs, traces or rules enters.
"""
