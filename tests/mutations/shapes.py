"""Faults of sizes: layers that do not fit, flattened maps, batches cut up, and costs."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from modellint.graph import Node
from modellint.graph.operations import ELEMENTWISE, data_readers

from .faults import Plan, Subject, fault
from .kernels import CONVOLUTIONS
from .surgery import Folded, Levels, Truncated, key, like, put

LINEAR_OR_CONVOLUTION = (nn.Linear, *CONVOLUTIONS)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm)
#: What makes the map that a global pool reads.
MAKERS = (*CONVOLUTIONS, *NORMS, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.GELU)
GLOBAL_POOLS = ("adaptive_avg_pool2d", "mean", "avg_pool2d")
#: What gives the same numbers a channel again behind a global pool.
_HANDS_ON = frozenset("flatten view reshape squeeze dropout getitem".split())


# Layers that do not fit


@fault("shape-mismatch")
def wrong_channels(subject: Subject) -> Iterator[Plan]:
    """One input channel more than comes in."""
    for path, layer, _ in subject.layers(*CONVOLUTIONS):
        if layer.groups == 1:
            c = layer.in_channels + 1
            plant = put(path, lambda old, c=c: like(old, in_channels=c))
            yield Plan(path, f"in_channels {c - 1} → {c}", path, plant, stops=True)


@fault("shape-mismatch")
def wrong_features(subject: Subject) -> Iterator[Plan]:
    """One input feature more than comes in."""
    for path, layer, _ in subject.layers(nn.Linear):
        f = layer.in_features + 1
        plant = put(path, lambda old, f=f: like(old, in_features=f))
        yield Plan(path, f"in_features {f - 1} → {f}", path, plant, stops=True)


@fault("shape-mismatch")
def a_norm_for_other_channels(subject: Subject) -> Iterator[Plan]:
    """A batch norm for twice the channels."""
    for path, layer, _ in subject.layers(nn.BatchNorm2d, nn.BatchNorm3d):
        c = 2 * layer.num_features
        plant = put(path, lambda old, c=c: type(old)(c))
        yield Plan(path, f"num_features {c // 2} → {c}", path, plant, stops=True)


@fault("invalid-argument")
def a_stride_of_zero(subject: Subject) -> Iterator[Plan]:
    """A stride of 0, which a constructor takes."""
    for path, _, call in subject.layers(*CONVOLUTIONS, nn.MaxPool2d, nn.AvgPool2d):
        if call.kernel and max(call.kernel) > 1 and not isinstance(call.arguments["padding"], str):
            change = put(path, lambda old: like(old, stride=0))
            yield Plan(path, "stride 0", path, change, stops=True)


@fault("invalid-argument")
def integers_for_weights_that_are_none(subject: Subject) -> Iterator[Plan]:
    """A linear layer that gets integers."""
    for path, _, _ in subject.layers(nn.Linear):
        change = put(path, lambda old: nn.Sequential(Truncated(), old))
        yield Plan(path, "its input made integers", f"{path}.1", change, stops=True)


# Behind the map


def heads(subject: Subject) -> Iterator[tuple[str, Node, str, nn.Linear]]:
    """A global pooling, by path and operation, and the one linear layer that its result goes to."""
    linear = {call.index: (path, layer) for path, layer, call in subject.layers(nn.Linear)}
    for path, layer in subject.modules.items():
        if next(layer.parameters(), None) is not None or not subject.graph.modules[path].called:
            continue
        pools = [
            node
            for node in subject.graph.nodes
            if node.op in ("adaptive_avg_pool2d", "mean") and _inside(node, path)
        ]
        if len(pools) != 1 or not path:
            continue
        (pool,) = pools
        before, after = pool.input.output.example, pool.output.example
        if len(before) != 4 or len(before) < 4 or before[2] * before[3] < 2:
            continue
        if after[1:] not in ((before[1],), (before[1], 1, 1)):
            continue
        node = pool
        while True:
            readers = data_readers(subject.graph, node)
            if len(readers) != 1:
                break
            node = readers[0]
            if node.index in linear and node.output.example[:1] == before[:1]:
                yield path, pool, *linear[node.index]
                break
            if node.op not in _HANDS_ON:
                break


def _inside(node: Node, path: str) -> bool:
    return node.module == path or node.module.startswith(f"{path}.")


def _result(subject: Subject, path: str, pool: Node) -> int:
    """How many dimensions what a module with a pool in it gives has."""
    last = pool
    while True:
        readers = [node for node in data_readers(subject.graph, last) if _inside(node, path)]
        if not readers:
            return len(last.output.shape)
        last = readers[0]


@fault("parameter-heavy-linear")
def a_flattened_map(subject: Subject) -> Iterator[Plan]:
    """A flatten in place of the global pool, and a linear layer that fits it."""
    total = sum(p.numel() for p in subject.model.parameters())
    for path, pool, head, linear in heads(subject):
        _, c, h, w = pool.input.output.example
        grown = c * h * w * linear.out_features
        if grown < 100_000 or grown < 0.35 * (total + grown - linear.weight.numel()):
            continue
        flat = _result(subject, path, pool) == 2

        def plant(
            model: nn.Module,
            path: str = path,
            head: str = head,
            f: int = c * h * w,
            flat: bool = flat,
        ) -> None:
            put(path, lambda old: nn.Flatten(1) if flat else nn.Identity())(model)
            put(head, lambda old: like(old, in_features=f))(model)

        yield Plan(
            head,
            f"{path} flattened instead of pooled: in_features {c} → {c * h * w}",
            head,
            plant,
            implied={"input-size-fixed": "a linear layer on a whole map takes one size of it"},
        )


@fault("parameter-heavy-linear")
def a_wide_hidden_layer(subject: Subject) -> Iterator[Plan]:
    """A hidden layer in front of the last that holds more than all the rest."""
    total = sum(p.numel() for p in subject.model.parameters())
    for path, layer, call in subject.layers(nn.Linear):
        if call not in subject.graph.outputs or layer.in_features <= 2 * layer.out_features:
            continue
        width = 3 * total // (layer.in_features - layer.out_features) + 1
        width = max(width, 100_000 // layer.in_features + 1)  # The least that is looked at.
        yield Plan(
            path,
            f"a hidden layer of {width} features before it",
            f"{path}.0",
            put(
                path,
                lambda old, width=width: nn.Sequential(
                    nn.Linear(old.in_features, width), nn.ReLU(), like(old, in_features=width)
                ),
            ),
        )


@fault("input-size-fixed")
def a_narrow_flattened_map(subject: Subject) -> Iterator[Plan]:
    """A flatten of few channels in place of the global pool."""
    for path, pool, head, linear in heads(subject):
        _, c, h, w = pool.input.output.example
        flat = _result(subject, path, pool) == 2
        # Not so many weights that the layer is parameter-heavy as well.
        few = min(4, 99_999 // (h * w * linear.out_features))
        if few == 0:
            continue

        def plant(
            model: nn.Module,
            path: str = path,
            head: str = head,
            c: int = c,
            few: int = few,
            f: int = few * h * w,
            flat: bool = flat,
        ) -> None:
            ending = nn.Flatten(1) if flat else nn.Identity()
            put(path, lambda old: nn.Sequential(nn.Conv2d(c, few, 1), nn.ReLU(), ending))(model)
            put(head, lambda old: like(old, in_features=f))(model)

        yield Plan(head, f"{path} flattened instead of pooled, {few} channels of it", head, plant)


@fault("batch-folded")
def a_view_that_takes_positions_for_samples(subject: Subject) -> Iterator[Plan]:
    """`view(-1, channels)` of a map that is not pooled."""
    for path, pool, _, _ in heads(subject):
        dims = _result(subject, path, pool)
        tail = () if dims == 2 else (1, 1)
        yield Plan(
            path,
            f"view(-1, {pool.input.output.example[1]}) of a {pool.input.output.example} map",
            key("reshape", Folded.forward),
            put(path, lambda old, tail=tail: Folded(*tail)),
            implied={"scrambled-axes": "the view gives the sizes of a permutation"},
        )


@fault("batch-norm-single-value")
def a_norm_behind_the_global_pool(subject: Subject) -> Iterator[Plan]:
    """A batch norm on what is left of a map."""
    for path, pool, _, _ in heads(subject):
        c, dims = pool.input.output.example[1], _result(subject, path, pool)
        norm = nn.BatchNorm1d if dims == 2 else nn.BatchNorm2d
        yield Plan(
            path,
            f"{norm.__name__}({c}) behind it",
            f"{path}.1",
            put(path, lambda old, norm=norm, c=c: nn.Sequential(old, norm(c))),
            severity="info" if dims == 2 else "warning",
        )


# What a model accepts, and what it costs


@fault("input-divisor")
def a_way_down_and_up_again(subject: Subject) -> Iterator[Plan]:
    """A map that is halved, doubled, and added to what it was."""
    for path, _, call in subject.layers(nn.Conv2d):
        size = call.input.output
        # Behind a stride that rounds, the sizes that fit are no multiples.
        free = all(isinstance(n, str) and n.isidentifier() for n in size.symbolic[2:])
        if free and all(n % 2 == 0 and n >= 4 for n in size.example[2:]):
            yield Plan(
                path,
                "its map halved, doubled and added",
                key("add", Levels.join),
                put(path, Levels),
            )


@fault("unproductive-layer")
def a_layer_that_sees_all_already(subject: Subject) -> Iterator[Plan]:
    """A 3×3 behind a convolution that covers the whole map, before the global pool."""
    made = {call.index: path for path, _, call in subject.layers(*MAKERS)}
    if len(subject.graph.outputs[0].output.shape) != 2:
        return  # What is enlarged again works on detail.
    for pool in subject.graph.nodes:
        if pool.op not in GLOBAL_POOLS or any(i.node.rank > 3 for i in subject.graph.inputs):
            continue
        before, after = pool.input.output.example, pool.output.example
        node = pool.input
        while node.index not in made and node.op in ELEMENTWISE:
            node = node.input
        if len(before) != 4 or after[2:] not in ((), (1, 1)) or node.index not in made:
            continue
        _, c, h, w = before
        if h != w or h < 3 or node.output.example != before:
            continue

        def behind(old: nn.Module, c: int = c, n: int = h) -> nn.Module:
            whole = nn.Conv2d(c, c, 2 * n - 1, padding=n - 1, groups=c)
            narrow = nn.Conv2d(c, c, 3, padding=1, groups=c)
            return nn.Sequential(old, nn.SiLU(), whole, nn.SiLU(), narrow, nn.SiLU())

        path = made[node.index]
        yield Plan(
            path,
            f"a {2 * h - 1}×{2 * h - 1} and a 3×3 behind it",
            # The first of the two where the model saw all before them.
            (f"{path}.2", f"{path}.4"),
            put(path, behind),
        )


@fault("budget")
def more_than_is_allowed(subject: Subject) -> Iterator[Plan]:
    """A layer more in a model that is as large as it may be."""
    total = sum(p.numel() for p in subject.model.parameters())
    for path, layer, call in subject.layers(nn.Linear):
        if call in subject.graph.outputs:
            width = 2 * total // layer.out_features
            yield Plan(
                path,
                f"a layer of {width} features behind it, where {total} parameters are allowed",
                f"{path}.2",
                put(path, lambda old, width=width: _followed(old, width)),
                options={"budget": {"parameters": total}},
            )


def _followed(layer: nn.Linear, width: int) -> nn.Module:
    return nn.Sequential(layer, nn.ReLU(), nn.Linear(layer.out_features, width))
