"""A model exactly as it was, whatever a run of it does to its modules and to random state."""

from __future__ import annotations

import operator
import random
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import nn

from modellint.modules.members import LARGEST, MOST, is_stock


@contextmanager
def untouched(modules: Iterable[tuple[str, nn.Module]], training: bool) -> Iterator[None]:
    """Every module in the given mode inside the block, and exactly as it was after it.

    Attributes are compared by their container as well: what a forward appends to a list or puts
    into a dict of a module is taken out again. Random state is put back.
    """
    saved = _Saved(modules)
    python, seeds = random.getstate(), torch.get_rng_state()
    numpy = sys.modules.get("numpy")
    numbers = numpy.random.get_state() if numpy is not None else None
    try:
        for own in saved.attributes:
            own["training"] = training
        random.seed(0)
        # Not torch.manual_seed: that seeds (and so touches) every accelerator as well.
        torch.default_generator.manual_seed(0)
        yield
    finally:
        saved.restore()
        random.setstate(python)
        torch.set_rng_state(seeds)
        if numpy is not None:
            numpy.random.set_state(numbers)


class _Saved:
    """The attributes of modules, and the contents of the containers among them.

    A model has ten thousand dicts, hardly any of which a forward changes: all are compared at
    once, and one by one only where something differs.
    """

    def __init__(self, modules: Iterable[tuple[str, nn.Module]]) -> None:
        self.attributes = [vars(module) for _, module in modules]
        self.dicts: list[dict[Any, Any]] = []
        self.others: list[tuple[Any, Any]] = []
        self.empty: list[Any] = []
        # A module's own dict, which an attribute may lead back to, is looked through here only.
        self._seen = {id(own) for own in self.attributes}
        tables: list[dict[Any, Any]] = []
        for own, (_, module) in zip(self.attributes, modules, strict=True):
            if is_stock(type(module)):
                tables += _tables(own)
            else:
                tables += self._registers(own)
                self._contents(
                    [
                        value
                        for name, value in own.items()
                        if type(value) in _CONTAINERS and name not in _REGISTERS
                    ]
                )
        self.dicts += [table for table in tables if table]
        self.empty += [table for table in tables if not table]
        self.values = [*map(dict.copy, self.attributes)]
        self.copies = [*map(dict.copy, self.dicts)]

    def _registers(self, own: dict[str, Any]) -> list[dict[Any, Any]]:
        """The tables that every module has, but for those that are kept here in their order."""
        held = [own[name] for name in _REGISTERS if name in own]
        held = [table for table in held if type(table) in _CONTAINERS]
        # The order of an OrderedDict is none of the dict's below it.
        ordered = [table for table in held if table and type(table) is not dict]
        self.others += [(table, table.copy()) for table in ordered]
        return [table for table in held if type(table) is dict or not table]

    def _contents(self, held: list[Any]) -> None:
        """Keep what containers hold, and those inside of them, each once by identity.

        A tree whose nodes know their parents contains itself, and what is shared is met again at
        each place that leads to it.
        """
        for container in held:
            if id(container) in self._seen or len(self._seen) > MOST:
                continue
            self._seen.add(id(container))
            if not container:
                self.empty.append(container)
                continue
            if isinstance(container, dict) and not isinstance(container, OrderedDict):
                self.dicts.append(container)
            else:
                self.others.append((container, container.copy()))
            if len(container) > LARGEST:
                continue
            # The loop goes on with what is found: containers inside of containers.
            inside = container.values() if isinstance(container, dict) else container
            held += [value for value in inside if type(value) in _CONTAINERS]

    def restore(self) -> None:
        """Put everything back that is not as it was."""
        for container in self.empty if any(self.empty) else ():
            container.clear()
        for container, content in self.others:
            if isinstance(container, list):
                container[:] = content
            elif isinstance(container, deque):
                container.clear()
                container.extend(content)
            else:
                container.clear()
                container.update(content)
        if not _same(self.attributes, self.values):
            _put_back(self.attributes, self.values)
        # A forward may give what is in a dict another key.
        if not (_same(self.dicts, self.copies) and _same_keys(self.dicts, self.copies)):
            _put_back(self.dicts, self.copies)


def _put_back(dicts: list[dict[Any, Any]], copies: list[dict[Any, Any]]) -> None:
    for now, then in zip(dicts, copies, strict=True):
        if not (_same([now], [then]) and _same_keys([now], [then])):
            now.clear()
            # Not the subclass's own update: a Counter's adds. An OrderedDict, which torch keeps its
            # parameters in up to 2.4, does not see what is put into it as into a dict.
            put = OrderedDict.__setitem__ if isinstance(now, OrderedDict) else dict.__setitem__
            for key, value in then.items():
                put(now, key, value)


#: What others put something into that belongs to one of torch's own layers. The layers themselves
#: put nothing into containers.
_tables = operator.itemgetter(
    "_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks"
)
_CONTAINERS = frozenset([dict, list, set, OrderedDict, Counter, defaultdict, deque])
#: Where every module keeps parameters, modules and hooks: none of these holds further containers.
_REGISTERS = frozenset(
    name for name, value in vars(nn.Module()).items() if type(value) in _CONTAINERS
)


def _same(left: list[dict[Any, Any]], right: list[dict[Any, Any]]) -> bool:
    """Whether dicts are as long and hold the very same values, in the same order."""
    alike = all(map(operator.is_, _values(left), _values(right)))
    return alike and [*map(len, left)] == [*map(len, right)]


def _same_keys(left: list[dict[Any, Any]], right: list[dict[Any, Any]]) -> bool:
    return all(map(operator.is_, chain.from_iterable(left), chain.from_iterable(right)))


def _values(dicts: list[dict[Any, Any]]) -> Iterator[Any]:
    return chain.from_iterable(map(dict.values, dicts))
