"""Faults planted in clean models by programs, and what modellint says of them."""
