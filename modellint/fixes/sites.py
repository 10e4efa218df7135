"""Where layers are constructed and called in a file, as nodes of its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from modellint.fixes.edits import Edit
from modellint.graph import Site
from modellint.source.file import SourceFile
from modellint.source.walking import nodes_of


class NoEdit(Exception):
    """A change cannot be made in the text; the message says why."""


@dataclass(frozen=True)
class Text:
    """A file in which changes are to be made."""

    source: SourceFile

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        """What each node of the tree stands in."""
        return {
            child: node
            for node in ast.walk(self.source.tree)
            for child in ast.iter_child_nodes(node)
        }

    def call_at(self, site: Site | None) -> ast.Call:
        """The call that stands at a place; raise `NoEdit` where there is none."""
        if site is None or site.path != self.source.path:
            raise NoEdit("it is written in another file")
        call = self._calls.get((site.end_line, site.end_column))
        if call is None:
            raise NoEdit(f"{self.source.words(site.line)} does not build or call it alone")
        return call

    @cached_property
    def _calls(self) -> Mapping[tuple[int, int], ast.Call]:
        """The calls by where they end, which no two do at one place.

        Where one begins is told otherwise for a chain of methods over several lines.
        """
        return {extent[2:]: call for extent, call in self.source.calls.items()}

    def line_of(self, node: ast.expr) -> str:
        """The line where an expression begins, as a text names it: `line 17`."""
        return self.source.words(self.source.extent(node)[0])

    def text_of(self, node: ast.expr) -> str:
        """An expression as it is written."""
        return ast.get_source_segment(self.source.text, node) or ""

    def names_library(self, node: ast.expr) -> bool:
        """Whether an expression is an import of the file, as `F` and `torch.nn.functional` are."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self._imported

    @cached_property
    def _imported(self) -> frozenset[str]:
        """The names that imports of the file bind."""
        return frozenset(
            alias.asname or alias.name.partition(".")[0]
            for node in nodes_of(self.source.tree, ast.Import, ast.ImportFrom)
            for alias in node.names
        )

    def replaced(self, node: ast.expr, text: str) -> Edit:
        """The edit that writes something in the place of an expression."""
        return Edit(*self.source.extent(node), text, self.source.path)

    def inserted(self, line: int, column: int, text: str) -> Edit:
        """The edit that writes something at a place."""
        return Edit(line, column, line, column, text, self.source.path)
