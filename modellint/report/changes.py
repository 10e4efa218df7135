"""What a comparison says of one model, as words and cells that the formats for people share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from modellint.facts.costs import amount
from modellint.report.layers import sizes_of, windows_of
from modellint.report.lines import plural, shape
from modellint.results.compared import (
    FIGURES,
    IN_BYTES,
    Compared,
    LayerChange,
    ModelChange,
    ModelState,
)
from modellint.results.models import Layer, ModelInput, ModelReport

#: What stands before a layer, by what became of it.
MARKS: Mapping[str, str] = {
    "added": "+",
    "removed": "-",
    "changed": "~",
    "renamed": "=",
    "resized": "~",
}
#: How many modules of a checkpoint are named, and how many sizes.
_NAMED, _SIZES = 6, 3
#: What it says of a layer that is otherwise in itself, in this order.
_OWN = ("type", "op", "kernel", "stride", "padding", "parameters")


class Row(NamedTuple):
    """A fact of a model on both sides; `by` says how much that is, where it is a number."""

    name: str
    before: str
    after: str
    by: str = ""

    @property
    def words(self) -> str:
        """Both sides in a line."""
        by = f" ({self.by})" if self.by else ""
        return " → ".join(one for one in (self.before, self.after) if one) + by


def headline_of(change: ModelChange, comparison: Compared) -> str:
    """What became of a model, in a sentence without its place: `Net has changed since HEAD`."""
    now, then, since = change.after, change.before, comparison.since
    if then is None:
        return f"{change.name} is new since {since}"
    if now is None:
        return f"{change.name} is gone since {since}"
    if change.state == "unknown":
        return f"{change.name} cannot be compared with {since}: it {change.reason}"
    told = f"{change.name} has changed since {since}"
    was = then.name if then.name != now.name else ""
    # The other file is named already.
    where = f"in {then.path}" if then.path != now.path and comparison.commit else ""
    if was or where:
        told += f" (was {' '.join(part for part in (was, where) if part)})"
    return told


def rows_of(change: ModelChange) -> Iterator[Row]:
    """What of a model is not what it was; of one that is new or gone, what it costs."""
    for name, (before, after) in change.figures.items():
        if before != after:
            yield Row(FIGURES[name], *_figures(name, before, after))
    if change.before is not None and change.after is not None:
        yield from _facts(change.before, change.after)


def _facts(before: ModelReport, after: ModelReport) -> Iterator[Row]:
    for name, one, other in (
        ("class", before.class_name, after.class_name),
        ("receptive field", sizes_of(before.receptive_field), sizes_of(after.receptive_field)),
        ("built with", _arguments(before, after), _arguments(after, before)),
        ("input", _inputs(before), _inputs(after)),
    ):
        if one != other:
            yield Row(name, one or "none", other or "none")
    if (before.contract, before.joint) != (after.contract, after.joint):
        yield Row("accepts", before.accepts or "not known", after.accepts or "not known")
    if before.stopped != after.stopped:
        runs = ("runs through", f"stops at {after.stopped}")
        ran = (f"stops at {before.stopped}", "runs through")
        both = (f"stops at {before.stopped}", f"stops at {after.stopped}")
        chosen = runs if before.stopped is None else ran if after.stopped is None else both
        yield Row("forward", *chosen)


def _figures(name: str, before: int | None, after: int | None) -> tuple[str, str, str]:
    by = ""
    if before is not None and after is not None:
        by = change_of(before, after, signed=name not in IN_BYTES)
    return _figure(name, before), _figure(name, after), by


def figure_of(name: str, before: int | None, after: int | None) -> str:
    """A figure on both sides, in a cell: `5,322 → 16,690 (+213.6 %)`."""
    one, other = _figure(name, before), _figure(name, after)
    if before == after or before is None or after is None:
        return other or one
    return f"{one} → {other} ({change_of(before, after, signed=False) or f'{after - before:+,}'})"


def _figure(name: str, value: int | None) -> str:
    if value is None:
        return ""
    return in_bytes(value) if name in IN_BYTES else f"{value:,}"


def in_bytes(value: int) -> str:
    """A number of bytes in the unit that reads best: `500 B`, `327.7 kB`."""
    text = amount(value)
    return f"{text}B" if " " in text else f"{text} B"


def change_of(before: int, after: int, *, signed: bool = True) -> str:
    """How much a number has changed: `+21,420, +34.7 %`."""
    share = f"{100 * (after - before) / before:+.1f} %" if before else ""
    parts = [f"{after - before:+,}"] * signed + [share] * bool(share)
    return ", ".join(parts).replace("-", "−")


def _arguments(one: ModelReport, other: ModelReport) -> str:
    """The arguments that the other model does not have as well."""
    there = {(given.name, given.value) for given in other.arguments}
    return ", ".join(
        f"{given.name}={given.value}"
        for given in one.arguments
        if (given.name, given.value) not in there
    )


def _inputs(model: ModelReport) -> str:
    return "; ".join(map(_input, model.inputs))


def _input(given: ModelInput) -> str:
    sizes = "×".join(map(str, given.example))
    return f"{given.name} {shape(given.shape)} {given.dtype}, as {sizes}"


class LayerRow(NamedTuple):
    """A layer that is not as it was: a mark, its key and type, and what is to say of it."""

    mark: str
    key: str
    type: str
    text: str


def layer_rows_of(change: ModelChange) -> list[LayerRow]:
    """A row for each layer that is not as it was, in the order of the model."""
    return [_layer(one) for one in change.layers]


def _layer(change: LayerChange) -> LayerRow:
    now = change.after or change.before
    assert now is not None
    mark = MARKS[change.state]
    if change.before is None or change.after is None:
        return LayerRow(mark, now.key, now.type, _flow(now))
    words = [_own(name, change.before, change.after) for name in _OWN if name in change.fields]
    flow, was = _flow(change.after), _flow(change.before)
    if flow != was:
        words.append(f"{was}, now {flow}")
    elif change.state != "renamed":
        words.append(flow)
    if change.moved:
        words.insert(0, f"was {change.before.key}")
    return LayerRow(mark, now.key, now.type, "; ".join(words))


def _own(name: str, before: Layer, after: Layer) -> str:
    one, other = (_value(name, layer) for layer in (before, after))
    return f"{name} {one} → {other}"


def _value(name: str, layer: Layer) -> str:
    value = getattr(layer, name)
    if name == "padding":
        return windows_of(layer.padding) or "none"
    if name in ("kernel", "stride"):
        return sizes_of(value) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _flow(layer: Layer) -> str:
    return " → ".join(", ".join(map(shape, side)) for side in (layer.inputs, layer.outputs))


def checkpoint_of(change: ModelChange, since: str) -> str | None:
    """Whether a checkpoint of before loads, in a sentence; nothing where nothing is known of it."""
    found = change.checkpoint
    if found is None or change.before is None or change.after is None:
        return None
    if found.loads:
        return f"checkpoints of {since} load as before"
    was = {} if change.before.saved is None else change.before.saved.shapes
    now = {} if change.after.saved is None else change.after.saved.shapes
    parts = [
        f"{key} was {shape(before)}, is {shape(after)}"
        for key, (before, after) in [*found.reshaped.items()][:_SIZES]
    ]
    rest = len(found.reshaped) - len(parts)
    parts += [f"{rest} more have other sizes"] * bool(rest > 0)
    parts += _named([f"{one} is now {other}" for one, other in _moved(found.renamed)])
    parts += [f"gone: {', '.join(_named(_whole(found.missing, was)))}"] * bool(found.missing)
    parts += [f"new: {', '.join(_named(_whole(found.unexpected, now)))}"] * bool(found.unexpected)
    told = f"checkpoints of {since} will not load: {'; '.join(parts)}"
    if found.custom:
        who = ", ".join(path or change.name for path in found.custom[:3])
        told += f" (unless the loading code of {who} sees to it)"
    return told


def _named(texts: Sequence[str]) -> list[str]:
    rest = len(texts) - _NAMED
    return [*texts[:_NAMED], *([f"{rest} more"] if rest > 0 else [])]


def _moved(renamed: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of keys, or of the modules that they are of, without what both ends have in common."""
    found: dict[tuple[str, str], None] = {}
    for before, after in renamed.items():
        one, other = before.split("."), after.split(".")
        while len(one) > 1 and len(other) > 1 and one[-1] == other[-1]:
            one, other = one[:-1], other[:-1]
        whole = len(one) == before.count(".") + 1 or len(other) == after.count(".") + 1
        names = (before, after) if whole else (".".join(one) + ".*", ".".join(other) + ".*")
        found[names] = None
    return [*found]


def _whole(keys: Iterable[str], everything: Iterable[str]) -> list[str]:
    """Keys, those of a module of which all are among them as one: `head.*`."""
    keys = [*keys]
    here, there = _prefixes(keys), _prefixes(everything)
    found: dict[str, None] = {}
    for key in keys:
        whole = (one for one in _above(key) if here[one] == there[one])
        path = next(whole, None)
        found[key if path is None else f"{path}.*"] = None
    return [*found]


def _prefixes(keys: Iterable[str]) -> Counter[str]:
    return Counter(one for key in keys for one in _above(key))


def _above(key: str) -> list[str]:
    """The paths of the modules that a key is in, the outermost first."""
    parts = key.split(".")[:-1]
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def summary_of(comparison: Compared) -> str:
    """What became of models and findings, in numbers: `since HEAD: 1 model changed, 2 added`."""
    commit = f" ({comparison.commit[:9]})" if comparison.commit else ""
    counts = Counter(model.state for model in comparison.models)
    words: Mapping[ModelState, str] = {
        "changed": "changed",
        "added": "new",
        "removed": "gone",
        "unknown": "not comparable",
        "same": "as before",
    }
    parts = [f"{counts[state]} {word}" for state, word in words.items() if counts[state]]
    if parts:
        count, _, rest = parts[0].partition(" ")
        parts[0] = f"{plural(int(count), 'model')} {rest}"
    told = f"since {comparison.since}{commit}: {', '.join(parts) or 'no models'}"
    found = [
        f"{plural(len(comparison.known), 'finding')} as before" * bool(comparison.known),
        f"{len(comparison.gone)} gone" * bool(comparison.gone),
    ]
    return "; ".join(part for part in (told, ", ".join(one for one in found if one)) if part)
