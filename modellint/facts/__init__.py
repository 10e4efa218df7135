"""What else rules ask of a graph: costs, usage, composition, flattening, and words for them.

Each module is a subject, computed once a graph whichever rules ask. Never imports torch. Public:
rules of others use these modules.
"""
