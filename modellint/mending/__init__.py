"""Fixes into files: which of them go together, what becomes of the bytes, the diff.

Nothing here lints or writes: the engine does (`modellint.engine.rounds`, `…fixing`).
"""
