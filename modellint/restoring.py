"""A model exactly as it was, whatever a run of it does to its modules and to random state."""

from __future__ import annotations

import operator
import random
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from modellint.holding import is_stock


@contextmanager
def untouched(modules: Iterable[tuple[str, nn.Module]], training: bool) -> Iterator[None]:
    """Every module in the given mode inside the block, and exactly as it was after it.

    Attributes are compared by their container as well: what a forward appends to a list or puts
    into a dict of a module is taken out again. Random state is put back.
    """
    # Torch's own layers put nothing into containers, which are most of what they hold.
    stock = [(own := vars(m), own.copy()) for _, m in modules if is_stock(type(m))]
    saved = [_Saved(vars(module)) for _, module in modules if not is_stock(type(module))]
    python, seeds = random.getstate(), torch.get_rng_state()
    numpy = sys.modules.get("numpy")
    numbers = numpy.random.get_state() if numpy is not None else None
    try:
        for _, module in modules:
            vars(module)["training"] = training
        random.seed(0)
        # Not torch.manual_seed: that seeds (and so touches) every accelerator as well.
        torch.default_generator.manual_seed(0)
        yield
    finally:
        for now, then in stock:
            _put_back(now, then)
        for state in saved:
            state.restore()
        random.setstate(python)
        torch.set_rng_state(seeds)
        if numpy is not None:
            numpy.random.set_state(numbers)


def _put_back(now: dict[str, Any], then: dict[str, Any]) -> None:
    if len(now) != len(then) or not all(map(operator.is_, now.values(), then.values())):
        now.clear()
        now.update(then)


class _Saved:
    """A module's attributes, and the contents of the containers among them."""

    __slots__ = ("attributes", "contents", "empty", "values")

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.attributes = attributes
        self.values = attributes.copy()
        self.contents: list[tuple[Any, Any]] = []
        self.empty: list[Any] = []
        held = [value for value in attributes.values() if type(value) in _CONTAINERS]
        for container in held:
            if not container:
                self.empty.append(container)
                continue
            self.contents.append((container, container.copy()))
            # The loop goes on with what is found: containers inside of containers.
            inside = container.values() if isinstance(container, dict) else container
            held += [value for value in inside if type(value) in _CONTAINERS]

    def restore(self) -> None:
        """Put everything back that is not as it was."""
        _put_back(self.attributes, self.values)
        for container in self.empty if any(self.empty) else ():
            container.clear()
        for container, content in self.contents:
            if isinstance(container, list):
                container[:] = content
            elif isinstance(container, deque):
                container.clear()
                container.extend(content)
            elif isinstance(container, set):
                container.clear()
                container.update(content)
            elif not _same(container, content):
                container.clear()
                # Not the subclass's own update: a Counter's adds.
                dict.update(container, content)


_CONTAINERS = frozenset([dict, list, set, OrderedDict, Counter, defaultdict, deque])


def _same(left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    return (
        len(left) == len(right)
        and all(map(operator.is_, left, right))
        and all(map(operator.is_, left.values(), right.values()))
    )
