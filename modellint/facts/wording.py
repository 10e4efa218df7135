"""How findings speak of a layer: its name with its own arguments, sizes, numbers of an axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modellint.graph import Node, Tensor
from modellint.symbolic.dims import symbolic

__all__ = [
    "AXES",
    "channels",
    "describe",
    "on_axes",
    "resized",
    "spatial",
    "symbolic",
    "times",
    "together",
]

#: The names of the last axes of a map, by how many spatial axes there are.
AXES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}


def describe(call: Node) -> str:
    """A layer with what its constructor says, as `conv1 (Conv2d 1→6, 3×3, padding=0)`."""
    details = [f"{call.type} {channels(call)}".rstrip()]
    if call.rank and call.kernel is not None:
        details.append(times(call.kernel) if call.rank > 1 else f"kernel {call.kernel[0]}")
        for name, usual in (("stride", 1), ("padding", None), ("dilation", 1)):
            value = call.arguments.get(name, 0 if usual is None else usual)
            if isinstance(value, str):
                details.append(f'{name}="{value}"')
                continue
            sizes = call.per_axis(name, 0 if usual is None else usual)
            if any(size != usual for size in sizes):
                details.append(f"{name}={together(sizes)}")
    # A layer that is the whole model has no path.
    return f"{call.key} ({', '.join(details)})".lstrip()


def named(call: Node) -> str:
    """An operation by its key, with the class of the layer that it is for: `drop (Dropout)`."""
    return call.key if call.type == call.op else f"{call.key} ({call.type})"


def channels(call: Node) -> str:
    """What goes in and comes out, as `1→6`; empty where the weight does not say."""
    weight = call.arguments.get("weight")
    if not isinstance(weight, Node) or not weight.outputs or len(weight.output.example) < 2:
        return ""
    first, second = weight.output.example[:2]
    groups = int(call.arguments.get("groups", 1) or 1)
    if call.op.startswith("conv_transpose"):
        return f"{first}→{second * groups}"
    return f"{second * groups}→{first}"


def times(sizes: Iterable[int]) -> str:
    """Sizes of a window or map, as `3×3`."""
    return "×".join(str(int.__add__(size, 0)) for size in sizes)


def together(sizes: Sequence[int]) -> str:
    """One number an axis as an argument is written: `1` if all agree, else `(1, 0)`."""
    if len(set(sizes)) == 1:
        return str(sizes[0])
    return f"({', '.join(map(str, sizes))})"


def on_axes(axes: Sequence[int], rank: int) -> str:
    """Which axes are meant: empty if all of them, else as ` along W`."""
    if len(axes) == rank:
        return ""
    names = AXES.get(rank)
    return " along " + " and ".join(names[axis] if names else str(axis) for axis in axes)


def resized(call: Node) -> str:
    """Sizes before and after a call, as `(N, 1, H, W) → (N, 6, H - 2, W - 2), here 28×28 → 26×26`.

    Without symbols that differ from the numbers, only the numbers.
    """
    before, after = call.input.output, call.output
    here = f"{times(spatial(call, before))} → {times(spatial(call, after))}"
    if before.symbolic == before.example and after.symbolic == after.example:
        return f"{before} → {after}"
    return f"{before} → {after}, here {here}"


def spatial(call: Node, tensor: Tensor) -> tuple[int, ...]:
    """The example sizes of the axes that a call's window slides along."""
    return tensor.example[-call.rank :] if call.rank else tensor.example
