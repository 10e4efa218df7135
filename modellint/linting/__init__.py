"""Rules over a graph: where rules come from, what they found, placed and grouped.

The way in is `linter`. Never imports torch.
"""
