"""Where imports of a user's file look: its package, its project's folders, and no shadowing."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType

from modellint.source.file import SourceFile
from modellint.source.paths import is_installed
from modellint.source.walking import nodes_of

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
    for node in nodes_of(source.tree, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            tops.add(node.module.partition(".")[0])
    return path if path.suffix == ".py" and path.stem in tops else None


def _relative_level(tree: ast.Module) -> int:
    levels = (node.level for node in nodes_of(tree, ast.ImportFrom))
    return max(levels, default=0)


def _namespace(folder: Path, root: Path, level: int) -> tuple[Path, list[str]]:
    start, parts = folder, list[str]()
    while len(parts) < level or (root in start.parents and start != root):
        if start.parent == start:
            break
        parts.append(start.name)
        start = start.parent
    return start, parts


def make_importable(place: Place, tree: ast.Module) -> None:
    """Put a file's folders on the path as running it as a script would, but hide nothing.

    `tree` is that of the file: what it imports itself is found as Python would find it.
    """
    if not any(isinstance(one, _OthersFirst) for one in sys.meta_path):
        before = [one for one in sys.path if one not in place.folders]
        # After the finders of built-in and frozen modules, before that of the path.
        position = next(
            (at for at, one in enumerate(sys.meta_path) if one is PathFinder), len(sys.meta_path)
        )
        sys.meta_path.insert(position, _OthersFirst(before, _imported(tree)))
    if place.namesake is not None:
        # Before the finder of the path, which may be the first of all.
        sys.meta_path.insert(0, _NotItself(place.namesake))
    for folder in reversed(place.folders):
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)


def _imported(tree: ast.Module) -> frozenset[str]:
    """The top-level names that a file imports, wherever in it."""
    names: set[str] = set()
    for node in nodes_of(tree, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module)
    return frozenset(name.partition(".")[0] for name in names)


class _OthersFirst:
    """Finds what is not the user's before the user's files of the same names.

    For whoever asks: the standard library, torch and numpy. For installed packages, their own: a
    `mpmath.py` beside a model is not what sympy means, unless the model's file imports it too.
    """

    def __init__(self, paths: Sequence[str], imported: frozenset[str]) -> None:
        self._paths = list(paths)
        self._imported = imported

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for top-level names only, from the path before user folders."""
        if path is not None:
            return None
        protected = name in sys.stdlib_module_names or name in _PROTECTED
        if protected or (name not in self._imported and _is_asked_by_package()):
            return PathFinder.find_spec(name, self._paths, target)
        return None


def _is_asked_by_package() -> bool:
    """Whether an import statement of an installed package is what runs.

    Not where it imports by name, as what is made for others does: it is told a module of theirs.
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None and is_installed(frame.f_code.co_filename)


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
