"""Whether what fails would fail with other arguments, where nobody gave those that a model has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modellint.building.builder import BuiltModel, build
from modellint.discovery.arguments import ConstructorCall, how_to_give
from modellint.errors import FileError, ModellintError, NotAnalysed
from modellint.graph import Graph
from modellint.inputs.objections import Objected

if TYPE_CHECKING:
    from modellint.building.loader import LoadedModule
    from modellint.discovery.example_tensors import InputHint

#: How many arguments are tried at another value, one by one.
_MOST = 8


def unless_arguments_decide(
    trace: Callable[[BuiltModel], Graph],
    built: BuiltModel,
    hints: Sequence[InputHint],
    loaded: LoadedModule,
) -> Graph:
    """The graph of a model; `NotAnalysed` where it only fails for arguments that nobody gave.

    Those are what modellint chose, and the defaults of a class that the file builds with arguments
    which cannot be told. What fails at the same place with each of them at another value stands.
    """
    call = built.call
    untold = any(hint.built == "" for hint in hints) and call is not None and not call.node
    doubtful = call is not None and (call.assumed or untold)
    found: Graph | FileError
    try:
        found = trace(built)
    except FileError as error:
        if not doubtful or (isinstance(error, Objected) and error.of_code):
            raise
        found = error
    place = _place(found)
    if doubtful and place is not None:
        assert call is not None
        for other in _others(call, loaded):
            if _fails_at(trace, built, other, loaded) not in (place, _UNBUILT):
                raise _untold(call, found)
    if isinstance(found, FileError):
        raise found
    return found


#: What a model that cannot be built with other arguments says of them.
_UNBUILT = ("", None)


def _place(found: Graph | ModellintError) -> tuple[str, int | None] | None:
    """What a model fails at, and `None` where it does not."""
    if isinstance(found, Graph):
        return (found.mismatch.node.key, None) if found.mismatch is not None else None
    return ("", found.line) if isinstance(found, FileError) else ("not analysed", None)


def _fails_at(
    trace: Callable[[BuiltModel], Graph],
    built: BuiltModel,
    call: ConstructorCall,
    loaded: LoadedModule,
) -> tuple[str, int | None] | None:
    try:
        other = build(loaded, replace(built.candidate, calls=(call,)))
    except ModellintError:
        return _UNBUILT
    try:
        return _place(trace(other))
    except ModellintError as error:
        return _place(error)


def _others(call: ConstructorCall, loaded: LoadedModule) -> Iterator[ConstructorCall]:
    """The call with one of the numbers that nobody gave twice as large, one after another."""
    values = dict(call.keywords) if call.assumed else _defaults(call, loaded)
    numbers = [(name, text) for name, text in values.items() if text.isdecimal() and int(text)]
    for name, text in numbers[:_MOST]:
        keywords = {**dict(call.keywords), name: str(2 * int(text))}
        yield replace(call, keywords=tuple(keywords.items()))


def _defaults(call: ConstructorCall, loaded: LoadedModule) -> dict[str, str]:
    callee = loaded.namespace.get(call.callee)
    if not callable(callee):
        return {}
    try:
        parameters = inspect.signature(callee).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {one.name: repr(one.default) for one in parameters if type(one.default) is int}


def _untold(call: ConstructorCall, found: Graph | FileError) -> NotAnalysed:
    if isinstance(found, FileError):
        told, line = found.message, found.line
    else:
        assert found.mismatch is not None
        node = found.mismatch.node
        told, line = f"{node.key} refuses what it gets", node.call.line if node.call else None
    return NotAnalysed(
        f"the arguments are not known, and built as {call} it fails: {told} "
        f"({how_to_give(call.callee)})",
        line,
    )
