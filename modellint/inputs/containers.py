"""Arguments of a forward that hold tensors inside: lists, dictionaries, objects of the user's."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from modellint.discovery.example_tensors import Argument, Held, Live, Nest, Plain, Slot
from modellint.errors import NotAnalysed
from modellint.symbolic.specs import InputSpec

if TYPE_CHECKING:
    from torch import nn


def places(held: Held, name: str) -> Iterator[str]:
    """What the tensors of an argument are called, in order: `maps[0]`, `batch['image']`."""
    if isinstance(held, Slot):
        yield name
    elif isinstance(held, Nest):
        for key, inner in held.items:
            by_key = held.kind in ("list", "tuple", "dict")
            yield from places(inner, f"{name}[{key!r}]" if by_key else f"{name}.{key}")


def container_of(spec: InputSpec, start: int) -> Held:
    """The container that a user states, with the places of its tensors from `start` on."""
    if spec.kind is None:
        return Slot(start)
    if spec.kind == "value":
        return Live(spec.live)
    items: list[tuple[Any, Held]] = []
    for key, part in spec.parts:
        items.append((key, container_of(part, start)))
        start += sum(1 for _ in part.leaves())
    return Nest(spec.kind, tuple(items), spec.live)


#: Annotations of what is no tensor, as they are written: containers, and arrays.
_OTHERS = re.compile(
    r"""(?:\w+\.)*(?:list|tuple|dict|set|sequence|iterable|mapping|mutablemapping|namedtuple|ndarray)
    \b""",
    re.IGNORECASE | re.VERBOSE,
)
_OPTIONAL = re.compile(r"(?:\w+\.)*Optional\[(.*)\]$|(.*?)\s*\|\s*None$", re.DOTALL)


def annotated_container(parameter: inspect.Parameter) -> str | None:
    """The annotation of a parameter that takes a container or an object; `None` for others.

    A class of data counts: a dataclass, or a named tuple.
    """
    given = parameter.annotation
    if given is parameter.empty:
        return None
    written = given if isinstance(given, str) else inspect.formatannotation(given)
    text = re.sub(r"(?:typing|_modellint\w*)\.", "", written).strip("'\"")
    inside = [one for one in typing.get_args(given) if one is not type(None)]
    kinds = inside if type(None) in typing.get_args(given) else [given]
    if any(isinstance(one, type) and _holds_fields(one) for one in kinds):
        return text
    optional = _OPTIONAL.match(text)
    only = next((one for one in optional.groups() if one), text) if optional else text
    return text if _OTHERS.match(only) else None


def _holds_fields(kind: type) -> bool:
    plain = not typing.get_args(kind)
    return is_dataclass(kind) or (plain and issubclass(kind, tuple))


def called_with(
    arguments: Sequence[Argument], tensors: Sequence[Any], model: nn.Module
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call by position and by name, with tensors in their places."""
    positional = [_filled(one.held, tensors, model) for one in arguments if one.name is None]
    named = {one.name: _filled(one.held, tensors, model) for one in arguments if one.name}
    return positional, named


def _filled(held: Held, tensors: Sequence[Any], model: nn.Module) -> Any:
    if isinstance(held, Slot):
        return tensors[held.at]
    if isinstance(held, Plain):
        return ast.literal_eval(held.text)
    if isinstance(held, Live):
        return held.value
    assert isinstance(held, Nest)
    items = [(key, _filled(inner, tensors, model)) for key, inner in held.items]
    if held.make is not None:
        return _made_by(held.make, dict(items))
    if held.kind == "dict":
        return dict(items)
    if held.kind in ("list", "tuple"):
        inside = [inner for _, inner in items]
        return inside if held.kind == "list" else tuple(inside)
    return _made(held.kind, dict(items), model)


def _made_by(make: Callable[[dict[Any, Any]], Any], items: dict[Any, Any]) -> Any:
    """An object that a caller gave one like, of its parts by key."""
    from modellint.tracing.nested import Made

    keys = [*items]
    # Fields have names, which keys need not be.
    fields = {f"field{at}": value for at, value in enumerate(items.values())}
    return Made(lambda **held: make(dict(zip(keys, held.values(), strict=True))), fields)


def _made(kind: str, fields: dict[str, Any], model: nn.Module) -> Any:
    """An object of a class that the module of the forward knows."""
    from modellint.tracing.nested import Made

    head, *rest = kind.split(".")
    found = getattr(type(model).forward, "__globals__", {}).get(head)
    for name in rest:
        found = getattr(found, name, None)
    if not callable(found):
        raise NotAnalysed(f"it is given a {kind}, which is not defined when the file is imported")
    return Made(found, fields)
