"""Which layer of one model is which of another, and what became of it.

Layers keep their order, so the two lists are aligned: the alignment with the best score counts, as
of sequences in biology (Needleman and Wunsch, 1970). A layer is known by its key, else by being the
same thing; so one that is put into an `nn.Sequential`, which renumbers the rest, is one addition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from modellint.results.compared import LayerChange, plain_key
from modellint.results.models import Layer, ModelReport

#: What a layer is in itself, whatever it is fed.
_OWN = ("type", "op", "kernel", "stride", "padding", "parameters")
#: What follows from what it is fed.
_FED = ("inputs", "outputs")
#: How well two layers fit: the same key and the same thing, the same key, the same thing elsewhere,
#: another thing in its place, one of its kind that has its name in another block.
_SAME, _CHANGED, _RENAMED, _REPLACED, _LIKE = 8, 6, 4, 3, 2
#: The second and the fourth of these where a key tells little: a place in a list moves with what is
#: put before it, and a function has its line for a name.
_CHANGED_AT, _REPLACED_AT = 3, 1
#: How many pairs are weighed: more than these of two models that share next to nothing.
_MOST = 1_000_000

Pair = tuple[Layer | None, Layer | None]


def layer_changes(before: ModelReport, after: ModelReport) -> Iterator[LayerChange]:
    """The layers that are not as they were, in the order of the model as it is now."""
    old, new = [*before.layers.values()], [*after.layers.values()]
    for one, other in _pairs(old, _names(old), new, _names(new)):
        change = _change(one, other)
        if change is not None:
            yield change


def _change(before: Layer | None, after: Layer | None) -> LayerChange | None:
    if before is None or after is None:
        return LayerChange("added" if before is None else "removed", before, after)
    own = tuple(name for name in _OWN if getattr(before, name) != getattr(after, name))
    fed = tuple(name for name in _FED if getattr(before, name) != getattr(after, name))
    if own:
        return LayerChange("changed", before, after, own + fed)
    if plain_key(before.key) != plain_key(after.key):
        return LayerChange("renamed", before, after, fed)
    return LayerChange("resized", before, after, fed) if fed else None


def _names(layers: Sequence[Layer]) -> list[str]:
    """The keys by which layers are recognised."""
    return [plain_key(layer.key) for layer in layers]


def _counted(layers: Sequence[Layer]) -> list[str]:
    """The keys of layers, those that are equal without a line counted in their order."""
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        plain = plain_key(layer.key)
        seen[plain] += 1
        names.append(f"{plain}~{seen[plain]}")
    return names


def _pairs(
    old: Sequence[Layer], old_names: Sequence[str], new: Sequence[Layer], new_names: Sequence[str]
) -> list[Pair]:
    """The layers side by side, in an order that is that of both as far as they have one."""
    start = _common(old, old_names, new, new_names)
    end = _common(old[start:][::-1], old_names[start:][::-1], new[start:][::-1],
                  new_names[start:][::-1])  # fmt: skip
    middle_old, middle_new = slice(start, len(old) - end), slice(start, len(new) - end)
    aligned = _aligned(
        old[middle_old], old_names[middle_old], new[middle_new], new_names[middle_new]
    )
    head = [*zip(old[:start], new[:start], strict=True)]
    tail = [*zip(old[len(old) - end :], new[len(new) - end :], strict=True)]
    return [*head, *_with_moved(aligned), *tail]


def _common(
    old: Sequence[Layer], old_names: Sequence[str], new: Sequence[Layer], new_names: Sequence[str]
) -> int:
    """How many layers at the start are the same by name and by themselves."""
    count = 0
    for one, name, other, other_name in zip(old, old_names, new, new_names, strict=False):
        if name != other_name or _is(one) != _is(other):
            break
        count += 1
    return count


def _is(layer: Layer) -> tuple[object, ...]:
    return tuple(getattr(layer, name) for name in _OWN)


def _is_place(layer: Layer) -> bool:
    """Whether a key tells where a layer stands, and not what it is called."""
    return "@" in layer.key or any(part.isdecimal() for part in layer.path.split("."))


def _is_like(one: Layer, other: Layer) -> bool:
    """Whether a layer may be another one that its block, by another name, has made wider."""
    (block, _, name), (other_block, _, other_name) = (x.path.rpartition(".") for x in (one, other))
    if name != other_name or not (block and other_block):
        return False
    return (one.type, one.kernel, one.stride) == (other.type, other.kernel, other.stride)


def _aligned(
    old: Sequence[Layer], old_names: Sequence[str], new: Sequence[Layer], new_names: Sequence[str]
) -> list[Pair]:
    if len(old) * len(new) > _MOST:
        return _by_name(old, new)
    were, are = [*map(_is, old)], [*map(_is, new)]

    def fits(i: int, j: int) -> int:
        if old_names[i] == new_names[j]:
            if were[i] == are[j]:
                return _SAME
            scores = (_CHANGED_AT, _REPLACED_AT) if _is_place(new[j]) else (_CHANGED, _REPLACED)
            return scores[old[i].type != new[j].type]
        if were[i] == are[j]:
            return _RENAMED
        return _LIKE if _is_like(old[i], new[j]) else 0

    # best[i][j]: the best score of what follows the first i and the first j.
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        row, below = best[i], best[i + 1]
        for j in range(len(new) - 1, -1, -1):
            score = fits(i, j)
            row[j] = max(below[j], row[j + 1], score + below[j + 1] if score else 0)
    pairs: list[Pair] = []
    i = j = 0
    while i < len(old) and j < len(new):
        score = fits(i, j)
        if score and best[i][j] == score + best[i + 1][j + 1]:
            pairs.append((old[i], new[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((old[i], None))
            i += 1
        else:
            pairs.append((None, new[j]))
            j += 1
    pairs += [(one, None) for one in old[i:]]
    pairs += [(None, other) for other in new[j:]]
    return pairs


def _by_name(old: Sequence[Layer], new: Sequence[Layer]) -> list[Pair]:
    known = dict(zip(_counted(old), old, strict=True))
    pairs: list[Pair] = [
        (known.pop(name, None), layer) for name, layer in zip(_counted(new), new, strict=True)
    ]
    return [*pairs, *((layer, None) for layer in known.values())]


def _with_moved(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs, with a layer that only runs at another place of the model as one, not as two."""
    gone = {one.key: one for one, other in pairs if one is not None and other is None}
    moved = {
        other.key: gone[other.key]
        for one, other in pairs
        if one is None and other is not None and other.key in gone
        if gone[other.key].type == other.type
    }
    found: list[Pair] = []
    for one, other in pairs:
        if other is None and one is not None and one.key in moved:
            continue
        found.append((moved.get(other.key) if one is None and other is not None else one, other))
    return found
