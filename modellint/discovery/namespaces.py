"""What files keep settings in: namespaces, dataclasses, and classes that only hold values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Namespace:
    """Values that are read by attribute: `cfg.width`."""

    values: Mapping[str, Any]

    def attribute(self, name: str) -> Any:
        """The value of an attribute; raises `KeyError` where none is known."""
        return self.values[name]


@dataclass(frozen=True, slots=True)
class NamespaceClass:
    """A class whose attributes are values, and what calling it gives.

    Its constructor takes `fields` in order, `required` among them, and keeps them as they are; or
    `construct` tells the attributes that it makes of its arguments.
    """

    values: Mapping[str, Any]
    fields: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    construct: Callable[[Sequence[Any], Mapping[str, Any]], Mapping[str, Any]] | None = None

    def attribute(self, name: str) -> Any:
        """The value of an attribute; raises `KeyError` where none is known."""
        return self.values[name]

    def made(self, given: Sequence[Any], named: Mapping[str, Any]) -> Namespace:
        """What a call makes; raises `TypeError` for a call that it would refuse."""
        if self.construct is not None:
            return Namespace(self.construct(given, named))
        bound = {**dict(zip(self.fields, given, strict=False)), **named}
        unknown = bound.keys() - set(self.fields)
        if len(given) > len(self.fields) or unknown or self.required - bound.keys():
            raise TypeError
        return Namespace({**self.values, **bound})
