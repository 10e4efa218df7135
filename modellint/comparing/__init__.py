"""Two reports side by side: what became of models, layers, checkpoints and findings.

`comparison` leads into it. Knows nothing of files, git or processes: a report says it all.
"""
