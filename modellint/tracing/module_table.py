"""The modules of a traced model by path, as the graph tells of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from torch import nn

from modellint.graph import Module, Site
from modellint.tracing.forward_run import Traced

#: Where modules were built: by `id(module)`, the user's line, and one inside a library.
Sites = Mapping[int, tuple[Site, Site | None]]
NOWHERE = (None, None)


class Modules(Mapping[str, Module]):
    """The modules by path, each made when it is asked for, since few are."""

    def __init__(self, traced: Traced, kinds: Mapping[int, str | None], sites: Sites) -> None:
        self.members, self.called = traced.members, traced.called
        self.kinds = kinds
        self.sites = sites
        self.made: dict[str, Module] = {}

    @cached_property
    def _by_path(self) -> Mapping[str, nn.Module]:
        return dict(self.members)

    def classes(self, path: str) -> Any:
        """The class of the module at a path."""
        return type(self._by_path[path])

    @cached_property
    def _registered(self) -> frozenset[str]:
        return frozenset(path for path, _ in self.members.registered)

    def __getitem__(self, path: str) -> Module:
        made = self.made.get(path)
        if made is None:
            made = self.made[path] = self._make(path, self._by_path[path])
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_path)

    def __len__(self) -> int:
        return len(self._by_path)

    def _make(self, path: str, module: nn.Module) -> Module:
        key = id(module)
        site, related = self.sites.get(key, NOWHERE)
        prefix = f"{path}." if path else ""
        own = module._parameters.items()
        return Module(
            path=path,
            type=type(module).__name__,
            kind=self.kinds[key],
            construction=site,
            related=related,
            parameters=tuple(prefix + name for name, value in own if value is not None),
            registered=path in self._registered,
            called=key in self.called,
        )
