"""Where modules are constructed: the call in the user's file behind each `nn.Module`.

`nn.Module.__init__` is observed while user code runs; the stack at that moment tells the call that
made the module.
"""

from __future__ import annotations

import sys
import sysconfig
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from modellint.modules.members import held, walk
from modellint.source.paths import PACKAGE, is_installed

#: The name of code that modellint compiles for a user's file without a place of its own in it.
SYNTHETIC = "<modellint>"

_TORCH = Path(torch.__file__).absolute().parent
_STDLIB = Path(sysconfig.get_path("stdlib")).resolve()
_CONSTRUCTORS = frozenset({"__init__", "__post_init__", "__setstate__"})


@dataclass(frozen=True, slots=True)
class ConstructionSite:
    """A place in a file: lines from 1, columns as CPython's UTF-8 byte offsets from 0.

    Without columns (None) the whole line is meant.
    """

    path: str
    line: int
    column: int | None
    end_line: int
    end_column: int | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a module was made: the first call outside torch, and the user's line behind it.

    `user` equals `site` when the call stands in first-party code, and is None when no first-party
    code was running.
    """

    site: ConstructionSite
    user: ConstructionSite | None


@dataclass
class Sites:
    """The origins of the modules constructed so far, by identity; keeps no module alive."""

    _found: dict[int, tuple[weakref.ref[nn.Module], Origin]] = field(default_factory=dict)

    def record(self, module: nn.Module, origin: Origin) -> None:
        """Note where a module was made, in place of what had its identity before."""
        # User classes may define __eq__ and __hash__ that raise: the key is the id, and the
        # reference tells whether the id still means the same module.
        self._found[id(module)] = (weakref.ref(module), origin)

    def of(self, module: nn.Module) -> Origin | None:
        """Where a module was made, if that was observed."""
        reference, origin = self._found.get(id(module), (None, None))
        return origin if reference is not None and reference() is module else None

    def within(self, model: nn.Module) -> dict[int, Origin]:
        """The origins of a model's modules, by `id(module)`; those in its plain lists too."""
        registered = walk(model)
        everything = [*registered, *held(registered)]
        found = ((id(module), self.of(module)) for _, module in everything)
        return {key: origin for key, origin in found if origin is not None}


@contextmanager
def observe_construction(sites: Sites, is_first_party: Callable[[str], bool]) -> Iterator[Sites]:
    """Record into `sites` where each module is constructed until the block ends.

    Copies count as constructed where they are copied: `copy.deepcopy(layer)` runs no `__init__`.
    """

    def observing(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def observed(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            origin = _origin(self, sys._getframe(1), is_first_party)
            if origin is not None:
                sites.record(self, origin)
            return original(self, *args, **kwargs)

        return observed

    init, setstate = nn.Module.__init__, nn.Module.__setstate__
    nn.Module.__init__ = observing(init)  # type: ignore[method-assign]
    nn.Module.__setstate__ = observing(setstate)  # type: ignore[method-assign]
    try:
        yield sites
    finally:
        nn.Module.__init__ = init  # type: ignore[method-assign]
        nn.Module.__setstate__ = setstate  # type: ignore[method-assign]


def first_party(*roots: str) -> Callable[[str], bool]:
    """A test for file names: under one of the roots, and not installed there."""
    resolved = tuple(Path(root).resolve() for root in roots)

    @lru_cache(maxsize=4096)
    def test(filename: str) -> bool:
        path = Path(filename).resolve()
        if path in resolved:
            return True
        return not is_installed(path) and any(root in path.parents for root in resolved)

    return test


def _origin(
    module: nn.Module, frame: FrameType | None, is_first_party: Callable[[str], bool]
) -> Origin | None:
    site: ConstructionSite | None = None
    while frame is not None:
        code = frame.f_code
        if not _is_machinery(code.co_filename) and not _constructs(frame, module):
            mine = is_first_party(code.co_filename)
            if site is None:
                site = _position(code, frame)
                if mine:
                    return Origin(site, site)
            elif mine:
                return Origin(site, _position(code, frame))
        frame = frame.f_back
    return Origin(site, None) if site is not None else None


def _constructs(frame: FrameType, module: nn.Module) -> bool:
    """Whether a frame is a constructor of this very module, on its way to `Module.__init__`."""
    code = frame.f_code
    if code.co_name not in _CONSTRUCTORS or not code.co_argcount:
        return False
    return frame.f_locals.get(code.co_varnames[0]) is module


def _position(code: CodeType, frame: FrameType) -> ConstructionSite:
    line = frame.f_lineno or code.co_firstlineno
    if code.co_name == SYNTHETIC:
        return ConstructionSite(code.co_filename, line, None, line, None)
    index = max(frame.f_lasti, 0) // 2
    start, end, column, end_column = next(
        islice(code.co_positions(), index, None), (line, line, None, None)
    )
    return ConstructionSite(code.co_filename, start or line, column, end or line, end_column)


@lru_cache(maxsize=4096)
def _is_machinery(filename: str) -> bool:
    """Whether a file is torch's, modellint's or the standard library's."""
    if filename.startswith("<"):
        return True
    path = Path(filename).absolute()
    if PACKAGE in path.parents or _TORCH in path.parents:
        return True
    return _STDLIB in path.resolve().parents and not is_installed(path)
