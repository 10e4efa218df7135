"""One forward, recorded: nn.Module and inputs to a Graph.

The way in is `forward_run`, its end `freezing`. In between every torch call arrives in `tracer`,
`held_tensors` knows what a tensor is, and `recorder` puts operations on the `tape`. What torch's
functions are called, and their arguments, tell `torch_functions` and `binding`.
What it needs of torch's internals, more than any other room, is in the files of those calls.
"""
