"""Integers that carry expressions over sizes, equalities among them, shapes as people write them.

Knows no torch and no graph.
"""
