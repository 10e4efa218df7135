"""Shapes that a forward says of its inputs: in annotations, and in comments and docstrings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from modellint.discovery.constants import NotConstant, constant, no_name
from modellint.discovery.example_tensors import InputHint, InputTensor
from modellint.discovery.names import last_name
from modellint.source.file import SourceFile
from modellint.source.walking import nodes_of
from modellint.symbolic.specs import is_number

Dims = tuple[int | str | None, ...]

#: Annotations of jaxtyping by the dtype that they ask for; nothing where they ask for none.
_DTYPES = {
    **dict.fromkeys(["Float", "Float32"], "float32"),
    **dict.fromkeys(["Int", "Integer", "Int64", "Num", "Shaped"], ""),
    "Int": "int64",
    "Integer": "int64",
    "Int64": "int64",
    "Int32": "int32",
    "Bool": "bool",
    "Float16": "float16",
    "BFloat16": "bfloat16",
    "Float64": "float64",
    "UInt8": "uint8",
    "Complex": "complex64",
    "Complex64": "complex64",
}
#: `x: (B, 3, H, W)`, `x is of shape [B, T, 512]`, `tokens = B x T`.
_SAID = re.compile(
    r"(?P<name>[A-Za-z_]\w*)\b[^()\[\],]{0,40}?[:=\s]\s*[(\[](?P<sizes>[^()\[\]]*,[^()\[\]]*)[)\]]"
)
_BARE = re.compile(r"^#?\s*[(\[](?P<sizes>[^()\[\]]*,[^()\[\]]*)[)\]]")
_DOCUMENTED = re.compile(
    r"^\s*(?P<name>[A-Za-z_]\w*)\s*(?:\([^()]*\))?\s*:.*?[(\[](?P<sizes>[^()\[\]]*,[^()\[\]]*)[)\]]"
)
_SIZE = re.compile(r"\w+(?:\s*[-+*/]+\s*\w+)*\Z")
_LARGEST_RANK = 6


def annotated_shapes(source: SourceFile) -> dict[str, list[InputHint]]:
    """What the forward of each class of a file says of its inputs."""
    found: dict[str, list[InputHint]] = {}
    for node in nodes_of(source.tree, ast.ClassDef):
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "forward":
                hints = [_annotated(item), _commented(item, source)]
                found[node.name] = [hint for hint in hints if hint is not None]
    return found


def _parameters(function: ast.FunctionDef) -> list[ast.arg]:
    """The parameters that a call must give, without `self`."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args][1:]
    given = len(positional) - len(arguments.defaults)
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    required = positional[: max(given, 0)]
    return [*required, *(one for one, default in keyword if default is None)]


def _annotated(function: ast.FunctionDef) -> InputHint | None:
    """The shapes in annotations, where those of all inputs are told."""
    tensors: list[InputTensor] = []
    for parameter in _parameters(function):
        shape = None if parameter.annotation is None else _of_annotation(parameter.annotation)
        if shape is None:
            return None
        tensors.append(InputTensor(parameter.arg, *shape))
    if not tensors:
        return None
    return InputHint(tuple(tensors), function.lineno, f"annotation at line {function.lineno}")


def _of_annotation(node: ast.expr) -> tuple[Dims, str] | None:
    """The dims and the dtype of `Float[Tensor, "batch 3 h w"]` and its kin."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except (SyntaxError, ValueError):
            return None
    if not isinstance(node, ast.Subscript):
        return None
    kind = last_name(node.value)
    inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if kind in _DTYPES and len(inside) == 2:
        dims = _spelled(inside[1])
        return (dims, _DTYPES[kind]) if dims else None
    if kind == "Annotated":
        for said in inside[1:]:
            dims = _spelled(said) or _listed(said)
            if dims:
                return dims, ""
    if kind == "TensorType":
        dims = _named(inside)
        return (dims, "") if dims else None
    return None


def _spelled(node: ast.expr) -> Dims | None:
    """The axes of a text such as `batch time 3 height width`; `None` if their number is free."""
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return None
    words = node.value.replace(",", " ").split()
    if not words or any(word.startswith(("*", "...")) or word == "_" * 3 for word in words):
        return None
    return tuple(_dim(word.lstrip("#").partition("=")[2] or word.lstrip("#")) for word in words)


def _listed(node: ast.expr) -> Dims | None:
    try:
        value = constant(node, no_name)
    except NotConstant:
        return None
    if not isinstance(value, tuple | list) or not value:
        return None
    return tuple(_dim(str(one)) for one in value)


def _named(nodes: list[ast.expr]) -> Dims | None:
    values: list[Any] = []
    for node in nodes:
        if isinstance(node, ast.Slice) and isinstance(node.lower, ast.Constant):
            values.append(node.lower.value)
        elif isinstance(node, ast.Constant) and node.value is not ...:
            values.append(node.value)
        elif isinstance(node, ast.Constant):
            return None
    return tuple(_dim(str(one)) for one in values) or None


def _dim(word: str) -> int | str | None:
    """A size as it is written: a number, a name, or something that is computed."""
    word = word.strip()
    if is_number(word) and int(word) > 0:
        return int(word)
    return word if word.isidentifier() and word != "_" and word != "None" else None


def _commented(function: ast.FunctionDef, source: SourceFile) -> InputHint | None:
    """The shapes that comments before the first statement say, or the docstring does."""
    wanted = [parameter.arg for parameter in _parameters(function)]
    said: dict[str, tuple[Dims, int]] = {}
    for line, text, pattern in _said(function, source):
        bare = _BARE.match(text) if len(wanted) == 1 and pattern is _SAID else None
        for match in [bare] if bare else pattern.finditer(text):
            name = wanted[0] if bare else match["name"]
            dims = _sizes(match["sizes"])
            if name in wanted and dims is not None:
                said.setdefault(name, (dims, line))
    if not wanted or said.keys() != set(wanted):
        return None
    # The letters of comments seldom mean the same in all of them.
    tensors = tuple(
        InputTensor(name, tuple(size if isinstance(size, int) else None for size in dims), "")
        for name, (dims, _) in ((name, said[name]) for name in wanted)
    )
    line = said[wanted[0]][1]
    return InputHint(tensors, line, f"comment at line {line}", loose=True)


def _said(
    function: ast.FunctionDef, source: SourceFile
) -> Iterator[tuple[int, str, re.Pattern[str]]]:
    """Comments of the head of a function and the lines of its docstring, with their numbers."""
    body = function.body
    documented = ast.get_docstring(function, clean=False) is not None
    first = body[1] if documented and len(body) > 1 else body[0]
    text_ends = body[0].end_lineno or body[0].lineno if documented else 0
    for number in range(function.lineno, first.lineno):
        line = source.lines[number - 1]
        if documented and body[0].lineno <= number <= text_ends:
            yield number, line, _DOCUMENTED
            continue
        code, sign, comment = line.partition("#")
        if not sign:
            continue
        parameter = re.match(r"\s*(\w+)\s*(?::[^=,]*)?,?\s*$", code)
        yield number, f"{parameter[1]}: {comment}" if parameter else comment.strip(), _SAID


def _sizes(text: str) -> Dims | None:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(parts) <= _LARGEST_RANK or not all(map(_SIZE.match, parts)):
        return None
    return tuple(_dim(part) for part in parts)
