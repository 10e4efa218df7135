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
    """Where a file stands: its package if any, and the folders that imports start from.

    `namesake` is the file itself where it imports a package that is called as it is.
    """

    package: str
    folders: tuple[str, ...]
    namesake: Path | None = None

    def has(self, top: str) -> bool:
        """Whether the project itself has a module or package of this top-level name."""
        if self.package and top == self.package.partition(".")[0]:
            return True
        return any(
            Path(folder, top).is_dir() or self._is_module(Path(folder, f"{top}.py"))
            for folder in self.folders
        )

    def _is_module(self, path: Path) -> bool:
        return path.is_file() and path != self.namesake


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
    return Place(".".join(reversed(parts)), folders, _namesake(source))


def _namesake(source: SourceFile) -> Path | None:
    """The file, if it imports a package of its own name: it does not mean itself.

    Run as a script it would find itself; as a part of a package, `models/einops.py`, it does not.
    """
    path = Path(source.path).absolute()
    tops = set[str]()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            tops.add(node.module.partition(".")[0])
    return path if path.suffix == ".py" and path.stem in tops else None


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
    if place.namesake is not None:
        # Before the finder of the path, which may be the first of all.
        sys.meta_path.insert(0, _NotItself(place.namesake))
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


class _NotItself:
    """Finds the package that a file imports and is called like, in the file's place."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the file's own name; raise `ModuleNotFoundError` where no other has it."""
        if path is not None or name != self._file.stem:
            return None
        if name in sys.stdlib_module_names or name in _PROTECTED:
            return None  # Those are found before any file of the user's.
        elsewhere = [one for one in sys.path if Path(one).absolute() != self._file.parent]
        found = PathFinder.find_spec(name, elsewhere, target)
        if found is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return found
