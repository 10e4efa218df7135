"""nn.Modules as they are: what they hold, where they were constructed, how to leave them as found.

Imports torch's public names. Nothing here runs a forward.
"""
