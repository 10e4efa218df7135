"""What the names of a source file stand for, as far as its syntax tree tells.

Nothing of the file is run: imports give names their dotted origin.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from modellint.source.file import blocks
from modellint.source.walking import nodes_of, walk

#: Modules that are torch's own under a longer or a shorter name.
_ABBREVIATIONS = {
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "torch.nn.modules": "torch.nn",
}


@dataclass(frozen=True)
class Names:
    """The imports of a file: local name to dotted origin, and modules imported with a star."""

    origins: Mapping[str, str]
    stars: tuple[str, ...] = ()
    local: frozenset[str] = field(default=frozenset())

    def dotted(self, node: ast.AST) -> str | None:
        """The full dotted name of `a.b.c`, its import resolved; None for another expression."""
        written = written_name(node)
        if written is None:
            return None
        head, _, rest = written.partition(".")
        if head in self.origins:
            head = self.origins[head]
        elif head not in self.local:
            head = self._from_star(head, rest)
        return _canonical(f"{head}.{rest}" if rest else head)

    def _from_star(self, head: str, rest: str) -> str:
        if head in _ABBREVIATIONS and rest:
            return _ABBREVIATIONS[head]
        if "torch.nn" in self.stars and head[:1].isupper():
            return f"torch.nn.{head}"
        return head


def _canonical(name: str) -> str:
    if not name.startswith("torch.nn.modules."):
        return name
    return f"torch.nn.{name.rpartition('.')[2]}"


def read_names(tree: ast.Module) -> Names:
    """Collect a file's imports, wherever they stand, and the names it defines itself."""
    origins: dict[str, str] = {}
    stars: list[str] = []
    for node in nodes_of(tree, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    origins[alias.asname] = alias.name
                else:
                    head = alias.name.partition(".")[0]
                    origins[head] = head
        else:
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                if alias.name == "*":
                    stars.append(module)
                else:
                    separator = "" if module.endswith(".") else "."
                    origins[alias.asname or alias.name] = f"{module}{separator}{alias.name}"
    defined = frozenset(
        node.name
        for node in top_level(tree.body)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    )
    for name in defined & origins.keys():
        del origins[name]
    return Names(origins, tuple(stars), defined)


def top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement at module level, those inside `if`, `try` and `with` included.

    What stands under `if __name__ == "__main__"` is not: it never runs on import.
    """
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.TryStar | ast.With) and not is_main_guard(node):
            yield from top_level(blocks(node))


def is_main_guard(node: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == "__main__"`, the two sides in any order."""
    if not isinstance(node, ast.If):
        return False
    for test in walk(node.test):
        if isinstance(test, ast.Compare) and len(test.comparators) == 1:
            sides = [test.left, test.comparators[0]]
            named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
            main = any(
                isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
            )
            if named and main:
                return True
    return False


def last_name(node: ast.AST) -> str:
    """The last part of a chain of names: `Linear` of `nn.Linear`; empty for what is none."""
    return (written_name(node) or "").rpartition(".")[2]


def written_name(node: ast.AST) -> str | None:
    """The text of `a.b.c`, or None if the expression is not a chain of names."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def stored_names(*nodes: ast.AST) -> set[str]:
    """The names that some code stores to, wherever in it."""
    return {
        inner.id
        for node in nodes
        for inner in walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    }
