"""The bounds that an activation sets to values, and how far they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from modellint.graph import Graph, Node
from modellint.graph.operations import (
    ADAPTIVE_POOLS,
    DROPOUTS,
    IDENTITIES,
    POOLS,
    REORDERINGS,
    RESHAPES,
    varying_inputs,
)


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds that values cannot leave, and the activation that sets them."""

    low: float
    high: float
    maker: Node


#: Bounds that do not depend on arguments.
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "relu": (0.0, inf),
    "relu6": (0.0, 6.0),
    "sigmoid": (0.0, 1.0),
    "hardsigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "softmin": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "softplus": (0.0, inf),
    "exp": (0.0, inf),
}
#: What hands on some of the values, or means of them: inside the same bounds.
_WITHIN = (
    RESHAPES
    | REORDERINGS
    | IDENTITIES
    | (POOLS - {"lp_pool1d", "lp_pool2d", "lp_pool3d"})
    | ADAPTIVE_POOLS
    | {"getitem", "narrow", "select", "chunk", "split", "unpack", "mean", "channel_shuffle",
       "pixel_shuffle", "pixel_unshuffle", "amax", "max"}
)  # fmt: skip


def range_of(graph: Graph, node: Node) -> Range | None:
    """The bounds of a node's values, set by one activation before it; `None` where none does.

    Followed through what only picks, moves or averages values. Dropout scales them, which keeps
    their sign and no other bound.
    """
    scaled = False
    while True:
        bounds = _own(node)
        if bounds is not None:
            low, high = bounds
            if scaled:
                low, high = (0.0 if low >= 0 else -inf), inf
            return Range(low, high, node)
        sources = varying_inputs(graph, node)
        if len(sources) != 1 or not (node.op in _WITHIN or node.op in DROPOUTS or _pads(node)):
            return None
        if node.op == "alpha_dropout" or node.op == "feature_alpha_dropout":
            return None
        scaled = scaled or node.op in DROPOUTS
        node = sources[0]


def _own(node: Node) -> tuple[float, float] | None:
    if node.op == "hardtanh":
        return float(node.arguments["min_val"]), float(node.arguments["max_val"])
    return _BOUNDS.get(node.op)


def _pads(node: Node) -> bool:
    """Whether it adds values of the map itself; a constant may lie outside the bounds."""
    return node.op == "pad" and node.arguments.get("mode", "constant") != "constant"
