"""One forward, recorded: nn.Module and inputs to a Graph.

The way in is `tracer`, its end `freezing`. The only room that touches torch's internals.
"""
