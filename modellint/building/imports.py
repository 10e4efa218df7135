"""Where imports of a user's file look: its package, its project's folders, and no shadowing."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from modellint.source.file import SourceFile

#: Run-time packages that no file in the user's own folders may replace.
_PROTECTED = frozenset({"torch", "numpy", "modellint", "modellint_rules"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file stands: its package if any, and the folders that imports start from."""

    package: str
    folders: tuple[str, ...]

    def has(self, top: str) -> bool:
        """Whether the project itself has a module or package of this top-level name."""
        if self.package and top == self.package.partition(".")[0]:
            return True
        return any(
            Path(folder, top).is_dir() or Path(folder, f"{top}.py").is_file()
            for folder in self.folders
        )


def place_of(source: SourceFile, root: str) -> Place:
    """The package that a file belongs to and the folders its imports look in, best first."""
    folder = Path(source.path).absolute().parent
    top = Path(root).absolute()
    start, parts = folder, list[str]()
    while (start / "__init__.py").is_file() and start.parent != start:
        parts.append(start.name)
        start = start.parent
    level = _relative_level(source.tree)
    if not parts and level:
        # Relative imports without an __init__.py: a namespace package below the root.
        start, parts = _namespace(folder, top, level)
    # A script would see its siblings as top-level modules, so the file's folder stays on the path
    # even inside a package, after the package's root.
    ordered = [start, folder, top, top / "src"] if parts else [folder, top, top / "src"]
    folders = tuple(dict.fromkeys(str(one) for one in ordered if one.is_dir()))
    return Place(".".join(reversed(parts)), folders)


def _relative_level(tree: ast.Module) -> int:
    levels = (node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return max(levels, default=0)


def _namespace(folder: Path, root: Path, level: int) -> tuple[Path, list[str]]:
    start, parts = folder, list[str]()
    while len(parts) < level or (root in start.parents and start != root):
        if start.parent == start:
            break
        parts.append(start.name)
        start = start.parent
    return start, parts


def make_importable(place: Place) -> None:
    """Put the file's folders on the path as running it as a script would, but hide nothing."""
    if not any(isinstance(one, _StandardLibraryFirst) for one in sys.meta_path):
        before = [one for one in sys.path if one not in place.folders]
        # After the finders of built-in and frozen modules, before that of the path.
        position = next(
            (at for at, one in enumerate(sys.meta_path) if one is PathFinder), len(sys.meta_path)
        )
        sys.meta_path.insert(position, _StandardLibraryFirst(before))
    for folder in reversed(place.folders):
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)


class _StandardLibraryFirst:
    """Finds the standard library, torch and numpy before the user's files of the same names."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = list(paths)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for protected top-level names only, from the path before user folders."""
        if path is not None or not (name in sys.stdlib_module_names or name in _PROTECTED):
            return None
        return PathFinder.find_spec(name, self._paths, target)
