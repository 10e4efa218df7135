"""The sizes that a model admits, as data, and the words for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from modellint.symbolic.constraints import Constraint


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes one symbol may have while the others keep the example's.

    `max` is `None` where there is no greatest; `values` lists them where only some work. `apart`
    is how far the sizes are from each other where they are no multiples: 2 for those that are odd.
    """

    min: int = 1
    max: int | None = None
    multiple_of: int = 1
    values: tuple[int, ...] | None = None
    apart: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The sizes as the JSON report has them."""
        values = None if self.values is None else list(self.values)
        return {
            "min": self.min,
            "max": self.max,
            "multiple_of": self.multiple_of,
            "values": values,
        }


@dataclass(frozen=True)
class Contract:
    """The sizes a model accepts: each free symbol's, and what ties several of them.

    `told` are those of the joint conditions that the sizes say in full, though not in JSON.
    `demands` are what all of it was solved from.
    """

    sizes: Mapping[str, Sizes] = field(default_factory=dict)
    joint: tuple[str, ...] = ()
    confirmed: bool = False
    told: frozenset[str] = frozenset()
    demands: tuple[Constraint, ...] = ()

    def __getitem__(self, symbol: str) -> Sizes:
        return self.sizes[symbol]

    def to_dict(self) -> dict[str, Any]:
        """The symbols' sizes as the JSON report has them."""
        return {name: sizes.to_dict() for name, sizes in self.sizes.items()}


#: By a symbol, the sizes of others beside which alone it may have the sizes that are told of it.
Beside: TypeAlias = Mapping[str, Mapping[str, int]]


def grouped(axes: Iterable[tuple[str, Sizes]], beside: Beside) -> str:
    """Axes with their sizes in words: `H and W 28 to 29 while the other is 28`."""
    return ", ".join(f"{listed(names)} {phrase}" for names, phrase in phrases(axes, beside))


def phrases(axes: Iterable[tuple[str, Sizes]], beside: Beside) -> Iterator[tuple[list[str], str]]:
    """Names of axes of which the same is said, and what that is."""
    alike: dict[str, list[str]] = {}
    for name, sizes in dict(axes).items():
        alike.setdefault(words(sizes), []).append(name)
    for phrase, names in alike.items():
        free = [name for name in names if not beside.get(name)]
        tied = [name for name in names if beside.get(name)]
        if free:
            yield free, phrase
        others = {frozenset({name, *beside[name]}) for name in tied}
        sizes_of_others = {size for name in tied for size in beside[name].values()}
        if len(tied) > 1 and others == {frozenset(tied)} and len(sizes_of_others) == 1:
            several = "others are" if len(tied) > 2 else "other is"
            yield tied, f"{phrase} while the {several} {sizes_of_others.pop()}"
            continue
        for name in tied:
            held = listed([f"{other} = {size}" for other, size in beside[name].items()])
            yield [name], f"{phrase} while {held}"


def listed(names: Sequence[str]) -> str:
    """Names as a text lists them: `N, H and W`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def words(sizes: Sizes) -> str:
    """The sizes of a symbol in words: `any`, `28 to 29`, `odd`, `multiples of 16, at least 16`."""
    if sizes.values is not None and sizes.max is not None:
        if len(sizes.values) == 1:
            return f"= {sizes.values[0]}"
        if len(sizes.values) == sizes.max - sizes.min + 1:
            return f"{sizes.min} to {sizes.max}"
        return "one of " + ", ".join(map(str, sizes.values))
    first = 1
    said = "any" if sizes.min == 1 and sizes.multiple_of == 1 else ""
    if sizes.apart is not None:
        first = sizes.min % sizes.apart or sizes.apart
        said = "odd" if sizes.apart == 2 else f"{first} more than a multiple of {sizes.apart}"
    elif sizes.multiple_of > 1:
        said = f"multiples of {sizes.multiple_of}"
    if sizes.min > first:
        said = f"{said}, at least {sizes.min}" if said else f"at least {sizes.min}"
    if sizes.max is None:
        return said
    return f"at most {sizes.max}" if said == "any" else f"{said}, at most {sizes.max}"
