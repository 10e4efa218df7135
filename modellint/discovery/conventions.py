"""Names that say by convention how a model is built and fed: `get_inputs`, `dummy_inputs`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import NamedTuple

from modellint.discovery.example_tensors import InputHint
from modellint.discovery.scope_reader import ScopeReader
from modellint.discovery.scopes import Function, Value, functions
from modellint.discovery.shown_inputs import of_value
from modellint.source.walking import nodes_of, walk

_INPUTS, _ARGUMENTS = "get_inputs", "get_init_inputs"
#: The class that benchmarks of kernels look for, and the one that they compare with it.
_BENCHMARKED = ("Model", "ModelNew")
_EXAMPLES = frozenset(
    """example_input_array example_input example_inputs dummy_input dummy_inputs sample_input
    sample_inputs""".split()
)
_MAKING = ("get_", "make_", "create_", "build_", "_")


class Built(NamedTuple):
    """A call that a convention speaks of, and the line that does."""

    callee: str
    node: ast.Call
    line: int


def is_example(name: str) -> bool:
    """Whether a variable or a function is called after the inputs that a model is tried with."""
    last = name.rpartition(".")[2]
    for prefix in _MAKING:
        last = last.removeprefix(prefix)
    return last in _EXAMPLES


def built_by_convention(reader: ScopeReader, roots: Collection[str]) -> Iterator[Built]:
    """The models that `get_init_inputs` has the arguments of."""
    function = reader.functions.get(_ARGUMENTS)
    if function is None:
        return
    for name in _meant(roots):
        node = _built(name, reader.result_of(function, {}))
        for inner in walk(node):
            ast.copy_location(inner, function)
        yield Built(name, node, function.lineno)


def _meant(roots: Collection[str]) -> list[str]:
    named = [name for name in _BENCHMARKED if name in roots]
    return named or [*roots]


def _built(name: str, arguments: Value | None) -> ast.Call:
    """The call with what the function returns: a list, a dictionary, or one of each."""
    kinds = [part.kind for part in (arguments.parts or {}).values()] if arguments else []
    call = f"{_ARGUMENTS}()"
    given = f"*{call}"
    if arguments is not None and arguments.kind == "dict":
        given = f"**{call}"
    elif kinds == ["list", "dict"]:
        given = f"*{call}[0], **{call}[1]"
    node = ast.parse(f"{name}({given})", mode="eval").body
    assert isinstance(node, ast.Call)
    return node


def fed_by_convention(
    reader: ScopeReader, roots: Collection[str], built: Collection[Built]
) -> Iterator[tuple[str, InputHint]]:
    """The inputs that functions of a file with such names give, by the class that they are for.

    Those of the module are for the one model of the file, and for none if there are several.
    """
    calls = {one.callee: ast.unparse(one.node) for one in built}
    function = reader.functions.get(_INPUTS)
    if function is not None:
        for name in _meant(roots):
            yield from _returned(reader, function, name, calls.get(name))
    for function, owner in functions(reader.source.tree):
        if is_example(function.name) and (owner is not None or len(roots) == 1):
            loose = owner is None
            yield from _returned(reader, function, owner or next(iter(roots)), None, loose)
    for node in nodes_of(reader.source.tree, ast.ClassDef):
        yield from _of_body(reader, node)


def _of_body(reader: ScopeReader, node: ast.ClassDef) -> Iterator[tuple[str, InputHint]]:
    for item in node.body:
        match item:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_example(name):
                hint = example_hint(name, reader.value(value), item.lineno)
                if hint is not None:
                    yield node.name, hint


def _returned(
    reader: ScopeReader, function: Function, name: str, built: str | None, loose: bool = False
) -> Iterator[tuple[str, InputHint]]:
    value = reader.result_of(function, reader.parameters_bound(function, None))
    hint = example_hint(function.name, value, function.lineno, built, loose) if value else None
    if hint is not None:
        yield name, hint


def example_hint(
    name: str, value: Value, line: int, built: str | None = None, loose: bool = False
) -> InputHint | None:
    """The hint that a value of such a name is; `None` where it has no tensors."""
    given = of_value(value)
    if given is None or any(tensor.of is not None for tensor in given.tensors):
        return None
    last = name.rpartition(".")[2]
    source = f"{last} at line {line}"
    return InputHint(
        given.tensors, line, source, built=built, arguments=given.arguments, loose=loose
    )
