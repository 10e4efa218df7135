"""From a candidate to an nn.Module: loads what a model needs of its file and constructs it on meta.

The way in is `loader`, for a file's statements, then `builder`. Of torch it imports public names,
and how `Module.to` reads its arguments; user code that runs here runs in a worker.
Nothing of inputs, traces or rules enters.
"""
