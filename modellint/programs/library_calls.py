"""What calls of libraries give that a reading needs, and what decorators say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modellint.discovery.shown_inputs import SHOWERS, WITH_BATCH
from modellint.programs.configurations import CONFIGURATIONS, composed
from modellint.programs.data_loaders import LOADERS
from modellint.programs.known_calls import Given, Known, Named
from modellint.programs.python_calls import OF_PYTHON
from modellint.programs.values import (
    UNKNOWN,
    ClassValue,
    FunctionValue,
    Made,
    Method,
    Scope,
    Tensor,
    Value,
    either,
)

if TYPE_CHECKING:
    from modellint.programs.calls import Calls


_INPUT_WORDS = ("input_size", "input_data", "inputs", "args", "example_inputs", "example_args")


def shown(dotted: str, given: Given, named: Named) -> list[Value] | None:
    """What a call like `summary(net, (3, 32, 32))` runs its model with."""
    last = dotted.rpartition(".")[2]
    if last not in SHOWERS:
        return None
    offered = [*given[1:2], *(named[word] for word in _INPUT_WORDS if word in named)]
    for value in offered:
        items = list(value) if isinstance(value, tuple | list) else [value]
        if items and all(isinstance(one, Tensor) for one in items):
            return items
        sizes = items if items and isinstance(items[0], tuple | list) else [items]
        if all(one and all(type(size) is int for size in one) for one in sizes):
            whole = dotted.startswith(WITH_BATCH)
            return [Tensor(tuple(one) if whole else (None, *one)) for one in sizes]
    return None


def options_of(reader: Calls, decorator: Made, scope: Scope) -> dict[str, Value]:
    """What a decorator says of its function's parameters: options of click, a file of Hydra."""
    last = decorator.dotted.rpartition(".")[2]
    if decorator.dotted.startswith("click.") and last == "option":
        flags = [one for one in decorator.given if isinstance(one, str)]
        plain = next((one for one in flags if not one.startswith("-")), None)
        long = next((one for one in flags if one.startswith("--")), "")
        option = plain or long.lstrip("-").partition("/")[0].replace("-", "_")
        default = decorator.named.get(
            "default", UNKNOWN if decorator.named.get("required") else None
        )
        flag = decorator.named.get("is_flag") is True and "default" not in decorator.named
        return {option: False if flag else default}
    if decorator.dotted == "hydra.main":
        folder = decorator.named.get("config_path")
        name = decorator.named.get("config_name")
        if isinstance(name, str):
            at = os.path.join(scope.module.folder, folder if isinstance(folder, str) else "")  # noqa: PTH118
            return {"*first": composed(reader, os.path.normpath(at), name)}
    if decorator.dotted.endswith("mark.parametrize") and len(decorator.given) > 1:
        return _parametrized(*decorator.given[:2])
    return {}


def _parametrized(names: Value, rows: Value) -> dict[str, Value]:
    """The first of the cases that a test is run with; of several classes, one of them."""
    words = names.replace(" ", "").split(",") if isinstance(names, str) else names
    if not isinstance(rows, list | tuple) or not rows or not isinstance(words, list | tuple):
        return {}
    if len(words) == 1:
        built = all(isinstance(one, ClassValue | FunctionValue) for one in rows)
        return {words[0]: either(list(rows)) if built else rows[0]}
    first = rows[0]
    return dict(zip(words, first, strict=False)) if isinstance(first, list | tuple) else {}


def _run(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    """What runs a function that it is given: `Fire(main)`, `spawn(worker, args=(cfg,))`."""
    function = next((one for one in given if isinstance(one, FunctionValue | Method)), None)
    function = named.get("target", function)
    if isinstance(function, FunctionValue | Method):
        more = named.get("args", ())
        first = [0] if "nprocs" in named else []
        reader.called(
            function, [*first, *(more if isinstance(more, tuple | list) else ())], {}, scope
        )
    return UNKNOWN


#: The calls by dotted names, those of Python's own without more, others by `*.` and the last name.
CALLS: Mapping[str, Known] = {
    **OF_PYTHON,
    **CONFIGURATIONS,
    **LOADERS,
    "*.Fire": _run,
    "*.spawn": _run,
    "*.Process": _run,
}
