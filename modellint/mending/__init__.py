"""Fixes into files: which of them go together, what becomes of the bytes, the diff.

Nothing here lints or writes: the rounds of a run do (`modellint.engine.rounds`).
"""
