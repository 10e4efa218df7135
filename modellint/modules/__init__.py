"""nn.Modules as they are: what they hold, where they were constructed, how to leave them as found.

Of torch it imports public names, and the switch that lets a lazy module be. Nothing here runs a
forward.
"""
