"""Which model of one report is which of another, whatever file or name it has by now."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from modellint.comparing.checkpoints import checkpoint_change
from modellint.comparing.layers import layer_changes
from modellint.results.compared import FIGURES, ModelChange
from modellint.results.models import ModelReport

#: How much of two models has to be the same, by key and size of what they save, to be one model.
_ENOUGH = 0.5

Pair = tuple[ModelReport | None, ModelReport | None]
_ANALYSED = ("analysed", "partial")


def model_changes(
    before: Sequence[ModelReport], after: Sequence[ModelReport], *, alone: bool = False
) -> Iterator[ModelChange]:
    """What became of each model, those of now in their order, then those that are gone.

    With `alone` the one model of each side is the same model, whatever it is called.
    """
    pairs = [*zip(before, after, strict=True)] if alone else _pairs(before, after)
    known = {id(now): then for then, now in pairs}
    kept = {id(then) for then, _ in pairs}
    for now in after:
        yield _change(known.get(id(now)), now)
    for then in before:
        if id(then) not in kept:
            yield _change(then, None)


def _pairs(
    before: Sequence[ModelReport], after: Sequence[ModelReport]
) -> list[tuple[ModelReport, ModelReport]]:
    """The models of both sides: by place and name, by name elsewhere, by what they are made of."""
    pairs: list[tuple[ModelReport, ModelReport]] = []
    old, new = [*before], [*after]
    for same in (
        lambda one: (one.path, one.name),
        lambda one: (one.path, one.class_name) if one.name != one.class_name else None,
        lambda one: (one.name, one.class_name),
        lambda one: (one.name, one.path.rpartition("/")[2]),
        _made_of,
    ):
        for then, now in _only(old, new, same):
            pairs.append((then, now))
            old.remove(then)
            new.remove(now)
    return pairs + _alike(old, new)


def _made_of(model: ModelReport) -> Hashable:
    """All that a model saves and runs; nothing for one that is not known or saves nothing."""
    if model.saved is None or not model.saved.shapes:
        return None
    layers = tuple((layer.type, layer.path, layer.outputs) for layer in model.layers.values())
    return (*model.saved.shapes.items(), layers)


def _only(
    old: Iterable[ModelReport],
    new: Iterable[ModelReport],
    same: Callable[[ModelReport], Hashable],
) -> list[tuple[ModelReport, ModelReport]]:
    """The pairs that have something in common with each other and with no third model."""
    thens, nows = _grouped(old, same), _grouped(new, same)
    return [
        (thens[key][0], nows[key][0])
        for key in thens
        if key in nows and len(thens[key]) == len(nows[key]) == 1
    ]


def _grouped(
    models: Iterable[ModelReport], same: Callable[[ModelReport], Hashable]
) -> dict[Hashable, list[ModelReport]]:
    groups: dict[Hashable, list[ModelReport]] = {}
    for model in models:
        key = same(model)
        if key is not None:
            groups.setdefault(key, []).append(model)
    return groups


def _alike(
    old: Sequence[ModelReport], new: Sequence[ModelReport]
) -> list[tuple[ModelReport, ModelReport]]:
    """Those that share most of what they save, the likest first."""
    ranked = sorted(
        (
            (-_shared(then, now), at, to)
            for at, then in enumerate(old)
            for to, now in enumerate(new)
            if _shared(then, now) >= _ENOUGH
        ),
    )
    pairs: list[tuple[ModelReport, ModelReport]] = []
    olds, news = set[int](), set[int]()
    for _, at, to in ranked:
        if at not in olds and to not in news:
            olds.add(at)
            news.add(to)
            pairs.append((old[at], new[to]))
    return pairs


def _shared(then: ModelReport, now: ModelReport) -> float:
    """The part of two models' tensors that is in both, by key and size."""
    if then.saved is None or now.saved is None:
        return 0.0
    one, other = {*then.saved.shapes.items()}, {*now.saved.shapes.items()}
    return len(one & other) / len(one | other) if one else 0.0


def _change(before: ModelReport | None, after: ModelReport | None) -> ModelChange:
    if before is None or after is None:
        return ModelChange("added" if before is None else "removed", before, after)
    reason = _unknown(before, after)
    if reason is not None:
        return ModelChange("unknown", before, after, reason=reason)
    layers = tuple(layer_changes(before, after))
    moved = {
        one.before.path: one.after.path
        for one in layers
        if one.before is not None and one.after is not None and one.moved
    }
    checkpoint = checkpoint_change(before.saved, after.saved, moved)
    same = (
        not layers and (checkpoint is None or checkpoint.loads) and _facts(before) == _facts(after)
    )
    return ModelChange("same" if same else "changed", before, after, layers, checkpoint)


def _unknown(before: ModelReport, after: ModelReport) -> str | None:
    """Why it cannot be said what became of a model."""
    if after.status not in _ANALYSED:
        return f"is {_words(after)}"
    if before.status not in _ANALYSED:
        return f"was {_words(before)}"
    return None


def _words(model: ModelReport) -> str:
    return model.status.replace("-", " ") + (f": {model.reason}" if model.reason else "")


def _facts(model: ModelReport) -> tuple[object, ...]:
    """All of a model that counts as a change, besides its layers and what it saves."""
    inputs = [(one.name, one.shape, one.example, one.dtype) for one in model.inputs]
    arguments = [(one.name, one.value) for one in model.arguments]
    figures = [getattr(model, name) for name in FIGURES]
    contract = sorted(model.contract.items())
    where = (model.path, model.name, model.class_name, model.stopped)
    return (inputs, arguments, figures, contract, model.joint, model.receptive_field, where)
