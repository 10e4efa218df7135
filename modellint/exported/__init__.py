"""Files of `torch.export.save`: the graph, the inputs and the sizes that they state.

`archive` leads in: it reads the zip and its JSON, without torch and without the weights.
"""
