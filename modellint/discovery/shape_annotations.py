"""Shapes that annotations state: jaxtyping's `Float[Tensor, "batch 3 h w"]`, `Annotated[...]`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from modellint.discovery.names import Names, written_name
from modellint.discovery.scopes import Function

#: jaxtyping's kinds of arrays with torch's dtypes; `None` where one may be any.
_DTYPES: dict[str, str | None] = {
    "Float": "float32",
    "Float16": "float16",
    "BFloat16": "bfloat16",
    "Float32": "float32",
    "Float64": "float64",
    "Int": "int64",
    "Integer": "int64",
    "Int8": "int8",
    "Int16": "int16",
    "Int32": "int32",
    "Int64": "int64",
    "UInt8": "uint8",
    "UInt": "uint8",
    "Bool": "bool",
    "Complex": "complex64",
    "Complex64": "complex64",
    "Complex128": "complex128",
    "Inexact": None,
    "Num": None,
    "Real": None,
    "Shaped": None,
}
#: Words for axes in texts that need not be about axes: others are prose.
_WORDS = frozenset(
    """batch batch_size bs time steps seq seq_len length len channels channel height width depth
    dim features hidden embed embedding tokens points nodes heads classes frames samples""".split()
)
_SHORT = re.compile(r"(?:[A-Za-z]\w?|\d+)\Z")


@dataclass(frozen=True, slots=True)
class AnnotatedShape:
    """The axes that an annotation states, as they are written, and the dtype, if it states one."""

    axes: tuple[str, ...]
    dtype: str | None
    line: int

    def __str__(self) -> str:
        return f'"{" ".join(self.axes)}"'

    @property
    def open_at(self) -> int | None:
        """The place of the entry that stands for any number of axes: `*batch`, `...`."""
        places = (at for at, axis in enumerate(self.axes) if axis.startswith(("*", "...")))
        return next(places, None)


def annotated_shape(node: ast.expr | None, names: Names) -> AnnotatedShape | None:
    """The shape that an annotation states; `None` where it states none."""
    match node:
        case ast.Constant(value=str(text)):
            try:
                return annotated_shape(ast.parse(text, mode="eval").body, names)
            except (SyntaxError, ValueError):
                return None
        case ast.Subscript(value=kind, slice=ast.Tuple(elts=[_, *said])):
            dotted = names.dotted(kind) or ""
            last = dotted.rpartition(".")[2]
            if dotted.startswith("jaxtyping.") and last in _DTYPES:
                return _jaxtyping(said, _DTYPES[last], node.lineno)
            if dotted in ("typing.Annotated", "typing_extensions.Annotated"):
                return _annotated(said, node.lineno)
    return None


def _jaxtyping(said: list[ast.expr], dtype: str | None, line: int) -> AnnotatedShape | None:
    match said:
        case [ast.Constant(value=str(text))]:
            axes = [axis.rpartition("=")[2] for axis in text.split()]
            return AnnotatedShape(tuple(axes), dtype, line)
    return None


def _annotated(said: list[ast.expr], line: int) -> AnnotatedShape | None:
    """The shape among what `Annotated` holds: a text of axes, or the axes one by one."""
    if len(said) == 1 and isinstance(said[0], ast.Tuple | ast.List):
        said = said[0].elts
    if not all(isinstance(one, ast.Constant) for one in said):
        return None
    words = [str(one.value) for one in said if isinstance(one, ast.Constant)]
    if len(words) == 1:
        words = words[0].strip("()[] ").replace(",", " ").split()
    if not words or not all(_SHORT.match(word) or word.lower() in _WORDS for word in words):
        return None
    return AnnotatedShape(tuple(words), None, line)


def returned_shapes(function: Function, names: Names) -> tuple[AnnotatedShape | None, ...]:
    """The shapes that a function says it returns, one a tensor of the result."""
    match function.returns:
        case ast.Subscript(value=kind, slice=ast.Tuple(elts=items)) if (
            written_name(kind) or ""
        ).rpartition(".")[2].lower() == "tuple":
            return tuple(annotated_shape(item, names) for item in items)
    return (annotated_shape(function.returns, names),)


def parameter_shapes(function: Function, names: Names) -> Iterator[tuple[str, AnnotatedShape]]:
    """The required parameters of a method that have a shape, in order."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args][1:]
    required = positional[: len(positional) - len(arguments.defaults)]
    for one in required:
        shape = annotated_shape(one.annotation, names)
        if shape is not None:
            yield one.arg, shape


def forward_of(node: ast.ClassDef) -> Function | None:
    """The forward that a class declares itself."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "forward":
            return item
    return None
