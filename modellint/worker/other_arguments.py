"""Whether what fails would fail with other arguments, where nobody gave those that a model has."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modellint.building.builder import BuiltModel, build
from modellint.building.failures import UNREAD
from modellint.building.given_arguments import arguments_of
from modellint.discovery.arguments import ConstructorCall, how_to_give
from modellint.discovery.readable_calls import readable
from modellint.errors import FileError, ModellintError, NotAnalysed
from modellint.graph import Graph
from modellint.inputs.objections import Objected
from modellint.source.file import SourceFile
from modellint.source.walking import nodes_of

if TYPE_CHECKING:
    from modellint.building.loader import LoadedModule
    from modellint.discovery.example_tensors import InputHint

#: How many arguments are tried at another value, one by one.
_MOST = 8
#: What all of them are where they are alike.
_ALIKE = "16"
#: The least number that is a width, as 3 channels are, and how many times as wide is much wider.
_LEAST_WIDTH, _MUCH = 3, 32


def unless_arguments_decide(
    trace: Callable[[BuiltModel], Graph],
    built: BuiltModel,
    hints: Sequence[InputHint],
    loaded: LoadedModule,
) -> tuple[Graph, BuiltModel]:
    """The graph of a model, and the model that it is of: another, where only that one fits.

    Raises `NotAnalysed` where a model only fails for arguments that nobody gave: those that
    modellint chose, of which others may fit, and the defaults of a class that the file builds with
    arguments which cannot be told. What fails at the same place with each of them at another value
    stands.
    """
    call = built.call
    untold = any(hint.built == "" for hint in hints) and call is not None and not call.node
    doubtful = call is not None and (call.assumed or untold)
    found: Graph | FileError
    try:
        found = trace(built)
    except FileError as error:
        left = _left_none(built, error, loaded)
        if left:
            raise NotAnalysed(
                f"needs {', '.join(left)}, whose default is None: {error.message} "
                f"({how_to_give(call.callee if call else built.candidate.name)})",
                error.line,
            ) from error
        if built.walked:
            raise NotAnalysed(f"{UNREAD}: {error.message}", error.line) from error
        if not doubtful or (isinstance(error, Objected) and error.of_names):
            raise
        found = error
    place = _place(found)
    if built.walked and isinstance(found, Graph) and found.mismatch is not None:
        node = found.mismatch.node
        line = node.call.line if node.call else None
        raise NotAnalysed(f"{UNREAD}: without them {node.key} refuses what it gets", line)
    if doubtful and place is not None:
        assert call is not None
        differs = call.assumed and any(not _variants(text) for _, text in call.keywords)
        for given in _others(call, loaded):
            other = _other(trace, built, given, loaded)
            if other is None:
                continue
            traced, model = other
            if call.assumed and isinstance(traced, Graph) and traced.mismatch is None:
                return traced, model
            differs = differs or _place(traced) != place
        if differs:
            raise _untold(call, found)
    if isinstance(found, FileError):
        raise found
    return found, built


def _left_none(built: BuiltModel, error: FileError, loaded: LoadedModule) -> list[str]:
    """The arguments that were left at a default of `None`, of which the line that raises speaks.

    Not where the file itself builds the model so.
    """
    call = built.call
    if call is None or call.node is not None or "NoneType" not in error.message:
        return []
    given = arguments_of(call, loaded.namespace)
    left = [one.name for one in given if (one.value, one.source) == ("None", "default")]
    line = loaded.source.snippet(error.line or 0)
    return [name for name in left if _spoken_of(name, line, loaded.source)]


def _spoken_of(parameter: str, line: str, source: SourceFile) -> bool:
    """Whether a line reads a parameter, or an attribute that one is kept in."""
    names = {parameter}
    for node in nodes_of(source.tree, ast.Assign):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr=kept)], value=ast.Name(id=name)):
                names |= {kept} if name == parameter else set()
    return any(re.search(rf"\b{re.escape(name)}\b", line) for name in names)


def _place(found: Graph | ModellintError) -> tuple[str, int | None] | None:
    """What a model fails at, and `None` where it does not."""
    if isinstance(found, Graph):
        return (found.mismatch.node.key, None) if found.mismatch is not None else None
    return ("", found.line) if isinstance(found, FileError) else ("not analysed", None)


def _other(
    trace: Callable[[BuiltModel], Graph],
    built: BuiltModel,
    call: ConstructorCall,
    loaded: LoadedModule,
) -> tuple[Graph | ModellintError, BuiltModel] | None:
    """What comes of the model that another call builds; `None` where that builds none."""
    try:
        other = build(loaded, replace(built.candidate, calls=(call,)))
    except ModellintError:
        return None
    try:
        return trace(other), other
    except ModellintError as error:
        return error, other


def with_other_arguments(
    trace: Callable[[BuiltModel], Graph], built: BuiltModel, loaded: LoadedModule
) -> Iterator[Graph]:
    """The model with other values for the arguments that modellint chose, where it takes them."""
    call = built.call
    if call is None or not call.assumed:
        return
    for other in [*_others(call, loaded), *_extremes(call)][: 4 * _MOST]:
        try:
            graph = trace(build(loaded, replace(built.candidate, calls=(other,))))
        except ModellintError:
            continue
        if graph.mismatch is None:
            yield graph


def _others(call: ConstructorCall, loaded: LoadedModule) -> Iterator[ConstructorCall]:
    """The call with one of the values that nobody gave at another, one after another.

    Last, all numbers are alike: what is added needs sizes that are equal.
    """
    values = dict(call.keywords) if call.assumed else _defaults(call, loaded)
    if call.elsewhere:
        values = {name: text for name, text in values.items() if name in call.guessed}
    for name, text in [*values.items()][:_MOST]:
        for other in _variants(text):
            yield _with(call, {name: other})
    numbers = [name for name, text in values.items() if text.isdecimal() and int(text)]
    if len(numbers) > 1:
        yield _with(call, dict.fromkeys(numbers, _ALIKE))


def _variants(text: str) -> tuple[str, ...]:
    """Other values for what is a number, a flag, a rate or a list of numbers; else none."""
    try:
        value = ast.literal_eval(text)
    except ValueError:
        return ()
    match value:
        case bool():
            return (str(not value),)
        case int() | float() if value:
            return (str(2 * value),)
        case [int(), *rest] if all(isinstance(one, int) for one in rest):
            return (str([2 * one for one in value]), str([*value, value[-1]]))
    return ()


def _extremes(call: ConstructorCall) -> Iterator[ConstructorCall]:
    """The call with one of its numbers as small as can be or much larger, one after another.

    What is smaller than a width may be a count of layers, which are not made many.
    """
    for name, text in call.keywords:
        if text.isdecimal() and int(text) > 1:
            yield _with(call, {name: "1"})
        if text.isdecimal() and int(text) >= _LEAST_WIDTH:
            yield _with(call, {name: str(_MUCH * int(text))})


def _with(call: ConstructorCall, values: Mapping[str, str]) -> ConstructorCall:
    keywords = {**dict(call.keywords), **values}
    listed = ", ".join(f"{key}={text}" for key, text in keywords.items())
    origin = f"assumed: {listed}" if call.assumed else call.origin
    return replace(call, keywords=tuple(keywords.items()), origin=origin)


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
        f"the arguments are not known, and built as {readable(call)} it fails: {told} "
        f"({how_to_give(call.callee)})",
        line,
    )
