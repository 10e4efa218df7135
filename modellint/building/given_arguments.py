"""The arguments that a model was built with: each with its value as code, and where it is from."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from modellint.discovery.arguments import ConstructorCall
from modellint.discovery.readable_calls import readable_value
from modellint.graph import ConstructorArgument, Origin

#: The longest value that is told whole.
_LONGEST = 200
_PLAIN = (int, float, complex, str, bytes, bool, type(None), type(...))
#: Sets are none of them: their order is not the same in each run.
_DISPLAYS = (tuple, list)


def arguments_of(
    call: ConstructorCall | None, namespace: Mapping[str, object]
) -> tuple[ConstructorArgument, ...]:
    """The arguments of a call and the defaults that it leaves, in the order of the parameters.

    There are none where nobody knows the call. What is unpacked is called `*` or `**`, and may be
    any of the others; what is collected is `layers[0]`.
    """
    if call is None:
        return ()
    callee, positional, keywords = _written(call)
    parameters = _parameters(callee, namespace)
    origin: Origin = _origin(call)
    source = call.origin.partition(":")[0] if call.assumed else call.origin
    given = dict(_named(positional, parameters))
    given |= {"**" if name is None else name: text for name, text in keywords}
    left = {
        one.name: _shown(one.default)
        for one in parameters
        if one.default is not one.empty and one.name not in given and not {"*", "**"} & {*given}
    }
    order = [one.name for one in parameters]
    named = sorted(given | left, key=lambda name: _place(name, order))
    return tuple(
        ConstructorArgument(name, _clipped(given[name]), origin, source)
        if name in given
        else ConstructorArgument(name, _clipped(left[name]), "shown", "default")
        for name in named
    )


def _origin(call: ConstructorCall) -> Origin:
    if call.assumed:
        return "assumed"
    return "shown" if call.text is None and call.folder is None else "stated"


def _written(
    call: ConstructorCall,
) -> tuple[str, list[str], list[tuple[str | None, str]]]:
    """What is called, and the arguments as text, by place and by name."""
    if call.text is None:
        named = [(None if name == "**" else name, text) for name, text in call.keywords]
        return call.callee, list(call.positional), named
    tree = ast.parse(call.text, mode="eval").body
    if not isinstance(tree, ast.Call):
        return call.text, [], []
    words = [(word.arg, ast.unparse(word.value)) for word in tree.keywords]
    return ast.unparse(tree.func), [ast.unparse(one) for one in tree.args], words


def _parameters(callee: str, namespace: Mapping[str, object]) -> list[inspect.Parameter]:
    """The parameters of what a dotted name stands for, but for `*args` and `**kwargs`."""
    head, *rest = callee.split(".")
    found: Any = namespace.get(head)
    for name in rest:
        found = getattr(found, name, None)
    if not callable(found):
        return []
    try:
        return [*inspect.signature(found).parameters.values()]
    except (TypeError, ValueError):
        return []


def _named(positional: list[str], parameters: list[inspect.Parameter]) -> Iterator[tuple[str, str]]:
    """The positional arguments by the parameters that take them."""
    places = [one for one in parameters if one.kind not in (one.KEYWORD_ONLY, one.VAR_KEYWORD)]
    collecting = next((one for one in places if one.kind is one.VAR_POSITIONAL), None)
    single = [one.name for one in places if one is not collecting]
    collector = collecting.name if collecting is not None else ""
    for at, text in enumerate(positional):
        if text.startswith("*"):
            yield "*", text.removeprefix("*")
            return
        yield single[at] if at < len(single) else f"{collector}[{at - len(single)}]", text


def _place(name: str, order: list[str]) -> int:
    name = name.partition("[")[0]
    return order.index(name) if name in order else len(order)


def _shown(value: object) -> str:
    """A default as code: what is no plain value by its name or its type."""
    if _is_plain(value):
        return repr(value)
    named = getattr(value, "__qualname__", None)
    return named if isinstance(named, str) else f"{type(value).__name__}(...)"


def _is_plain(value: object) -> bool:
    if type(value) in _DISPLAYS:
        assert isinstance(value, tuple | list)
        return all(map(_is_plain, value))
    return type(value) in _PLAIN


def _clipped(text: str) -> str:
    line = " ".join(readable_value(text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
