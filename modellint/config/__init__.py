"""What counts for a file: configuration, the command line over it, rules, Python and targets.

The way in is `plans`. Never imports torch, and never runs code of the project but its plugins.
"""
