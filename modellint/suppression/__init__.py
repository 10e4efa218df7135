"""Which findings users accept: comments, per-file ignores, baselines, and what one is known by.

Never imports torch. Public: rules about comments use these names.
"""
