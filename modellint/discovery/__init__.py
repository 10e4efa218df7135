"""What a syntax tree tells: which models a file has, how each is built and what it is fed.

The way in is `candidates`. Reads text alone: nothing here runs code or imports torch.
"""
