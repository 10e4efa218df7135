"""Writes what is told of options, operations and the JSON format from the code itself.

    python docs/make_reference.py

A test fails where a committed file is not what this writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import click

from modellint.cli.command import command
from modellint.graph import LAYERS
from modellint.results.compared_types import ComparisonJson
from modellint.results.json_types import ReportJson
from modellint.shapes import OPS, Op

DOCS = Path(__file__).parent

_OPTIONS = """\
# Command line

    modellint [OPTIONS] TARGET...

A target is a file, a directory, a selector such as `net.py::Net` or `"net.py::Net(width=32)"`, a
module of the project's Python such as `mypackage.nets` or `torchvision.models:resnet18`, or `-` for
standard input. Several may be given. What each option does is said by `modellint --help`, too; most
have a key in the [configuration](configuration.md), and what is given here counts.

| option | what it does |
|---|---|
"""
_STATUSES = """
| exit status | |
|---|---|
| 0 | no finding at or above `--fail-level`; what is only *not analysed* counts under `--strict` |
| 1 | findings, or a file that fails by its own fault: a syntax error, an exception, a time-out |
| 2 | wrong usage or configuration, a plugin that does not load or raises, an internal error |

Findings and reports go to standard output, everything else to standard error.
"""
_OPERATIONS = """\
# Operations

The names by which [a rule](writing-a-rule.md) asks for calls (`graph.calls("conv2d")`), and those
of their arguments (`call.arguments["stride"]`). `nn.Conv2d`, a subclass and `F.conv2d` are all
`conv2d`; what a call leaves out is there with torch's default. An operation that is not in these
lists runs on meta tensors as torch has it: it is a call as well, by torch's name for it, its sizes
known for the example only.

"""


def files() -> Iterator[tuple[Path, str]]:
    """Each file that is written, with its text."""
    yield DOCS / "command-line.md", _OPTIONS + "".join(_option_rows()) + _STATUSES
    yield DOCS / "operations.md", _OPERATIONS + "\n".join(_operations())
    yield DOCS / "report.schema.json", json.dumps(report_schema(), indent=2) + "\n"


def main() -> None:
    """Write every file."""
    for path, text in files():
        path.write_text(text, "utf-8")


def _option_rows() -> Iterator[str]:
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            takes = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len))
            yield f"| {takes}{_value(option)} | {option.help} |\n"


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        # A bar would end the cell of the table.
        return " " + ", ".join(f"`{one}`" for one in option.type.choices)
    return f" `{option.metavar}`" if option.metavar else ""


def _operations() -> Iterator[str]:
    layers = {name for name in OPS if name in LAYERS}
    for title, names in (("Layers", layers), ("Others", {*OPS} - layers)):
        yield f"## {title}\n"
        yield "| operation | arguments |\n|---|---|"
        for name in sorted(names):
            yield f"| `{name}` | {_arguments(OPS[name])} |"
        yield ""


def _arguments(of: Op) -> str:
    shown = []
    for name, default in zip(of.parameters, of.defaults, strict=True):
        if name == of.variadic:
            shown.append(f"`*{name}`")
        elif name in of.required:
            shown.append(f"`{name}`")
        else:
            shown.append(f"`{name}={default!r}`")
    return ", ".join(shown)


def report_schema() -> dict[str, Any]:
    """The JSON Schema of `--format json`, from the types that reports are read by."""
    defined: dict[str, Any] = {}
    _schema(ReportJson, defined)
    root = defined.pop("Report")
    # A worker fills in neither; a run over files does.
    root["properties"]["baseline"] = {"type": ["object", "null"]}
    root["properties"]["summary"]["additionalProperties"] = {"type": "integer"}
    root["properties"]["comparison"] = _schema(ComparisonJson, defined)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A report of modellint",
        **root,
        "description": "What --format json prints; keys may be added, none renamed or dropped.",
        "$defs": dict(sorted(defined.items())),
    }


def _schema(kind: Any, defined: dict[str, Any]) -> dict[str, Any]:
    if is_typeddict(kind):
        name = kind.__name__.removesuffix("Json")
        if name not in defined:
            defined[name] = {}  # Known while its parts are described.
            defined[name] = _object(kind, defined)
        return {"$ref": f"#/$defs/{name}"}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner = _schema(arguments[0], defined)
        return inner | {"minItems" if inner.get("type") == "array" else "minimum": arguments[1]}
    if origin in (Union, UnionType):
        return {"anyOf": [_schema(one, defined) for one in arguments]}
    if origin is Literal:
        return {"enum": [*arguments]}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], defined)}
    if origin is tuple:
        items = [_schema(one, defined) for one in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], defined)}
    return {} if kind is Any else {"type": _ATOMS[kind]}


_ATOMS = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    NoneType: "null",
}


def _object(kind: Any, defined: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    properties, required = {}, []
    for name, hint in hints.items():
        optional = get_origin(hint) is NotRequired
        properties[name] = _schema(get_args(hint)[0] if optional else hint, defined)
        if not optional:
            required.append(name)
    # Keys may be added within a version: what is not described here is no error.
    return {
        "description": (kind.__doc__ or "").strip().replace("\n", " "),
        "type": "object",
        "properties": properties,
        "required": required,
    }


if __name__ == "__main__":
    main()
