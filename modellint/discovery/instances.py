"""A model and what that very model is fed: a call of a class and the input of it are one piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modellint.discovery.arguments import ConstructorCall
from modellint.discovery.example_tensors import InputHint


def of_instance(hints: Sequence[InputHint], call: ConstructorCall | None) -> tuple[InputHint, ...]:
    """The hints for the model that a call built: its own first, those of others marked `apart`.

    Without a call it is the file's own instance, whose hints are known by its variable.
    """
    if call is None:
        return tuple(hints)
    told = [replace(hint, apart=_apart(hint, call)) for hint in hints]
    return tuple(sorted(told, key=lambda hint: hint.apart))


def _apart(hint: InputHint, call: ConstructorCall) -> bool:
    if hint.built is None or hint.built == str(call):
        return False
    # What a function of the file builds without arguments is what the class is without any.
    return not (hint.built.endswith("()") and (call.origin == "defaults" or not call.node))
