"""What a project's other files do with a model: which mention it, how these build and feed it.

They are read as if they ran, on values as far as those are known. Nothing of them runs.
"""
