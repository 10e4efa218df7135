"""The rule shape-annotation."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from modellint import Finding, Graph, Skip, rule
from modellint.facts.annotations import AnnotatedForward, annotated_forward
from modellint.facts.wording import named


@rule("suspicious")
def shape_annotation(graph: Graph) -> Iterator[Finding | Skip]:
    """The forward returns another shape than its annotation says.

    Annotations such as jaxtyping's `Float[Tensor, "batch 11"]`, and shapes in `Annotated`, promise
    the shape of a result. Numbers must be the sizes that come out; a name that stands in an input's
    annotation must be that input's size; `2*h` is computed of such sizes. Reported is the operation
    that gives the result.

    **Why it matters.** Nothing checks annotations unless a type checker of shapes runs, and whoever
    reads them builds the next layer, or the loss, on what they say.

    **When it is fine.** Silent: axes that are named in no input, `_`, `#name` and what stands in
    braces; sizes that are not known; equal sizes by another way of computing them. There are no
    options.
    """
    declared = annotated_forward(graph)
    if declared is None or graph.mismatch is not None:
        return
    sizes = _sizes(graph, declared)
    for output, shape in zip(graph.outputs, declared.returned, strict=False):
        if shape is None or not output.outputs or not output.output.known:
            continue
        got = output.output.example
        wrong = _wrong(shape.axes, got, sizes, shape.open_at)
        if wrong is not None:
            yield Finding(
                output,
                f"{named(output)} gives {output.output}, and the annotation of forward says "
                f"{shape}: {wrong}",
                help="change the layer, or what the annotation says",
            )


def _sizes(graph: Graph, declared: AnnotatedForward) -> Mapping[str, int]:
    """The example's size of each name in the annotations of inputs; of two different ones none."""
    found: dict[str, set[int]] = {}
    for given in graph.inputs:
        shape = declared.parameters.get(given.name)
        if shape is None:
            continue
        for axis, size in _aligned(shape.axes, given.node.output.example, shape.open_at):
            found.setdefault(axis, set()).add(size)
    return {name: min(sizes) for name, sizes in found.items() if len(sizes) == 1}


def _aligned(
    axes: tuple[str, ...], example: tuple[int, ...], open_at: int | None
) -> list[tuple[str, int]]:
    """Each written axis with its size, those that stand for any number left out."""
    if open_at is None:
        return list(zip(axes, example, strict=False)) if len(axes) == len(example) else []
    behind = len(axes) - open_at - 1
    first = list(zip(axes[:open_at], example[:open_at], strict=False))
    return first + list(
        zip(axes[len(axes) - behind :], example[len(example) - behind :], strict=False)
    )


def _wrong(
    axes: tuple[str, ...],
    got: tuple[int, ...],
    sizes: Mapping[str, int],
    open_at: int | None,
) -> str | None:
    """What does not hold of a result, in words; `None` where nothing is known to."""
    if open_at is None and len(axes) != len(got):
        return f"{len(axes)} axes, where it has {len(got)}"
    if len(got) < len(axes) - (open_at is not None):
        return f"at least {len(axes) - 1} axes, where it has {len(got)}"
    for axis, size in _aligned(axes, got, open_at):
        promised = _value(axis, sizes)
        if promised is not None and promised != size:
            stands = "" if axis.isdecimal() else f" ({axis} is {promised})"
            return f"{promised}, where it has {size}{stands}"
    return None


def _value(axis: str, sizes: Mapping[str, int]) -> int | None:
    """The size that a written axis promises, as far as it tells one."""
    try:
        return _computed(ast.parse(axis, mode="eval").body, sizes)
    except (SyntaxError, ValueError, ZeroDivisionError):
        return None


def _computed(node: ast.expr, sizes: Mapping[str, int]) -> int | None:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return sizes.get(name)
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _computed(left, sizes), _computed(right, sizes)
            if one is None or other is None:
                return None
            match op:
                case ast.Add():
                    return one + other
                case ast.Sub():
                    return one - other
                case ast.Mult():
                    return one * other
                case ast.FloorDiv():
                    return one // other
    return None


shape_annotation.flags(
    """
    from typing import Annotated

    from torch import Tensor, nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(8, 10)

        def forward(self, x: Annotated[Tensor, "N 8"]) -> Annotated[Tensor, "N 11"]:
            return self.head(x)
    """,
    layers=["head"],
    severity="warning",
)
# A map that loses its border; one result of two; an axis too many.
shape_annotation.flags(
    """
    from typing import Annotated

    from torch import Tensor, nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(
            self, x: Annotated[Tensor, "N 3 H W"]
        ) -> tuple[Annotated[Tensor, "N 8 H W"], Annotated[Tensor, "N 8"]]:
            y = self.conv(x)
            return y, y.mean(3)
    """,
    layers=["conv", "mean@16"],
)
shape_annotation.allows(
    """
    from typing import Annotated

    from torch import Tensor, nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.head = nn.Linear(8, 10)

        def forward(self, x: Annotated[Tensor, "N 3 H W"]) -> Annotated[Tensor, "N 10"]:
            return self.head(self.conv(x).relu().mean((2, 3)))


    class Prose(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(8, 10)

        def forward(
            self, x: Annotated[Tensor, "a list of values"]
        ) -> Annotated[Tensor, "one score a class"]:
            return self.head(x)
    """
)
