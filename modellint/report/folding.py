"""A table of layers that is folded: the layers of a block in one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from modellint.results.models import Layer


def folded(layers: Mapping[str, Layer], depth: int) -> Mapping[str, Layer]:
    """The layers by key, those whose paths have more than `depth` parts as one for each block.

    That has the inputs of the block's first call and the outputs of its last; what a layer that is
    called several times weighs counts once.
    """
    groups: dict[str, list[Layer]] = {}
    for layer in layers.values():
        parts = layer.path.split(".")
        deep = layer.path and len(parts) > depth
        groups.setdefault(".".join(parts[:depth]) if deep else layer.key, []).append(layer)
    return {
        key: _block(key, group) if group[0].key != key else group[0]
        for key, group in groups.items()
    }


def _block(key: str, group: Sequence[Layer]) -> Layer:
    first, last = group[0], group[-1]
    once = {layer.path: layer for layer in group}.values()
    return replace(
        first,
        key=key,
        path=key,
        type=f"{len(group)} layers" if len(group) > 1 else first.type,
        outputs=last.outputs,
        example_outputs=last.example_outputs,
        parameters=sum(layer.parameters for layer in once),
        macs=sum(layer.macs for layer in group),
        receptive_field=last.receptive_field,
        kernel=first.kernel if len(group) == 1 else None,
        stride=first.stride if len(group) == 1 else None,
        padding=first.padding if len(group) == 1 else None,
        parameter_memory=sum(layer.parameter_memory for layer in once),
        activation_memory=sum(layer.activation_memory for layer in group),
        kept=None if first.kept is None else sum(layer.kept or 0 for layer in group),
    )
