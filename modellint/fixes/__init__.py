"""Changes to a model that a rule offers, and what they are in the text of its file.

A rule says a change in terms of the model: this layer's `padding` becomes 2, a `flatten(1)` before
this call. `edits_of` finds where that stands in the source. Nothing here runs a model: whether a
change works is tried by the worker. This room imports the graph and the source only, so that rules
may import it.
"""

from __future__ import annotations

from modellint.fixes.changes import (
    After,
    Assign,
    Before,
    Behind,
    Change,
    Contain,
    Fix,
    Instead,
    SetArgument,
    SetNumber,
    Without,
    is_numbered,
    one_or_each,
    set_arguments,
)
from modellint.fixes.edits import Edit, edited, touch

__all__ = [
    "After",
    "Assign",
    "Before",
    "Behind",
    "Change",
    "Contain",
    "Edit",
    "Fix",
    "Instead",
    "SetArgument",
    "SetNumber",
    "Without",
    "edited",
    "is_numbered",
    "one_or_each",
    "set_arguments",
    "touch",
]
