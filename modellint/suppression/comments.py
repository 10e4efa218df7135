"""Which findings the comments of the linted files silence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from modellint.graph import Site
from modellint.rules import Rule
from modellint.source.classes import source_at
from modellint.source.file import Ignore, SourceFile


@dataclass(frozen=True)
class Silence:
    """The ignore comments that count for one model.

    A comment counts on the construction's line, around it (a class, a file), and on the line that
    defines the model, wherever its layers are built. `sources` holds the files read so far.
    """

    path: str
    class_name: str
    line: int
    sources: dict[str, SourceFile | None] = field(default_factory=dict)

    def __call__(self, rule: Rule, site: Site) -> tuple[Site, ...]:
        """The comments that silence this rule at this place, by their own places."""
        names = {rule.name, *rule.aliases}
        return tuple(
            Site(path, ignore.line)
            for path, ignore in self._ignores(site)
            if names.intersection(ignore.rules)
        )

    def _ignores(self, site: Site) -> Iterator[tuple[str, Ignore]]:
        source = self._source(site.path)
        for ignore in source.ignores if source else ():
            if ignore.first_line <= site.line <= ignore.last_line:
                yield site.path, ignore
        model = self._source(self.path)
        lines = {self.line, *_class_lines(model, self.class_name)} if model else set()
        for ignore in model.ignores if model else ():
            # A class comment's lines span the class, so only its first tells where it stands.
            last = ignore.first_line if ignore.scope == "class" else ignore.last_line
            if any(ignore.first_line <= line <= last for line in lines):
                yield self.path, ignore

    def _source(self, path: str) -> SourceFile | None:
        if path not in self.sources:
            self.sources[path] = source_at(path)
        return self.sources[path]


def _class_lines(source: SourceFile, name: str) -> Iterator[int]:
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield node.lineno
