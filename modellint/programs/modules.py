"""The modules of a project, each read once, and what an import in one of them leads to."""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modellint.errors import FileError
from modellint.source.file import read_source
from modellint.source.paths import is_notebook
from modellint.source.project_files import sources_in

#: Larger files are data more often than code, in bytes.
LARGEST = 1_000_000
#: What no file of a project stands for, by the first part of its name.
_LIBRARIES = sys.stdlib_module_names | {"torch", "numpy", "torchvision", "pytest", "yaml", "tqdm"}
#: How many modules of a package may stand for one whose name is computed.
_MOST_SIBLINGS = 16


@dataclass(eq=False, slots=True)
class Module:
    """A file of the project, with what its names stand for as far as it was read.

    `path` is a folder where that is a package without a file of its own.
    """

    path: str
    tree: ast.Module
    names: dict[str, Any] = field(default_factory=dict)
    state: str = "unread"
    #: The modules whose names it takes over with a star.
    imported: dict[str, Module | None] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The folder that it lies in, or is."""
        is_file = self.path.endswith(".py") or is_notebook(self.path)
        return os.path.dirname(self.path) if is_file else self.path  # noqa: PTH120


class Modules:
    """The modules of one project, by where they lie; `root` is the project's folder.

    `consulted` are the files that were looked for, whether there are such or not, and folders.
    """

    def __init__(
        self,
        root: str,
        trees: dict[str, ast.Module | None] | None = None,
        consulted: set[str] | None = None,
        files: dict[str, bool] | None = None,
    ) -> None:
        self.root = root
        self._files: dict[str, bool] = {} if files is None else files
        self.consulted: set[str] = set() if consulted is None else consulted
        #: Where Python looks for modules first: the folder of the program.
        self.start = root
        self._trees = {} if trees is None else trees
        self._known: dict[str, Module | None] = {}

    def unread(self) -> Modules:
        """The same modules before any of them was read."""
        return Modules(self.root, self._trees, self.consulted, self._files)

    def own(self, path: str, tree: ast.Module) -> None:
        """Take the tree of a file that is there already."""
        self._trees[os.path.normpath(path)] = tree

    def at(self, path: str) -> Module | None:
        """The module of a file, if that can be read."""
        self.consulted.add(path)
        if path not in self._known:
            if path not in self._trees:
                self._trees[path] = _read(path)
            tree = self._trees[path]
            self._known[path] = None if tree is None else Module(path, tree)
        return self._known[path]

    def named(self, dotted: str, importer: Module) -> Module | None:
        """The module of the project's that an import of a dotted name in another leads to."""
        if dotted.partition(".")[0] in _LIBRARIES:
            return None
        folder = importer.folder
        level = len(dotted) - len(dotted.lstrip("."))
        name = os.path.join(*dotted[level:].split("."))  # noqa: PTH118
        if level:
            up = os.path.normpath(os.path.join(folder, *[".."] * (level - 1)))  # noqa: PTH118
            places = [up] if not name else [os.path.join(up, name)]  # noqa: PTH118
        else:
            places = [os.path.join(start, name) for start in self._starts(folder)]  # noqa: PTH118
        for place in places:
            for file in (f"{place}.py", os.path.join(place, "__init__.py")):  # noqa: PTH118
                if (name or file.endswith("__init__.py")) and self._is_file(file):
                    return self.at(file)
        return next((one for one in map(self._folder, places) if one is not None), None)

    def _starts(self, folder: str) -> list[str]:
        """The folders that an import looks in: the program's, the module's, and those above it."""
        starts = [folder]
        while folder != self.root and folder.startswith(os.path.join(self.root, "")):  # noqa: PTH118
            folder = os.path.dirname(folder)  # noqa: PTH120
            starts.append(folder)
        return [*dict.fromkeys([*starts, self.start, os.path.join(self.root, "src")])]  # noqa: PTH118

    def within(self, package: Module, name: str) -> Module | None:
        """The module of a name in a package."""
        base = Path(package.folder, name)
        if package.path == package.folder or package.path.endswith("__init__.py"):
            for file in (f"{base}.py", str(base / "__init__.py")):
                if self._is_file(file):
                    return self.at(file)
            return self._folder(str(base))
        return None

    def beside(self, path: str | None, module: Module) -> str | None:
        """What a path leads to in the project, seen from a module, the program or the top."""
        for folder in dict.fromkeys([self.start, module.folder, self.root]):
            found = os.path.normpath(os.path.join(folder, path or ""))  # noqa: PTH118
            inside = found.startswith(os.path.join(self.root, "")) or found == self.root  # noqa: PTH118
            if path is not None and inside:
                self.consulted.add(found)
                if os.path.exists(found):  # noqa: PTH110
                    return found
        return None

    def held(self, folder: str) -> list[str]:
        """The names that a folder holds."""
        self.consulted.add(folder)
        try:
            return sorted(os.listdir(folder))  # noqa: PTH208
        except OSError:
            return []

    def sources(self, folder: str) -> list[str]:
        """The names of modules and settings that a folder holds, and of folders of settings."""
        self.consulted.add(folder)
        return sources_in(folder)

    def names_in(self, package: Module) -> list[str]:
        """The modules that a package holds."""
        names = [name for name in self.sources(package.folder) if name.endswith(".py")]
        return [name.removesuffix(".py") for name in names[:_MOST_SIBLINGS]]

    def _is_file(self, path: str) -> bool:
        # A reading asks for the same again and again, and so does the next.
        if path not in self._files:
            self.consulted.add(path)
            self._files[path] = os.path.isfile(path)  # noqa: PTH113
        return self._files[path]

    def _folder(self, folder: str) -> Module | None:
        """The module that a folder of the project is, which has no file of its own."""
        inside = os.path.join(folder, "").startswith(os.path.join(self.root, ""))  # noqa: PTH118
        if not inside or not os.path.isdir(folder):  # noqa: PTH112
            return None
        if folder not in self._known:
            self._known[folder] = Module(folder, ast.Module([], []), state="read")
        return self._known[folder]


def _read(path: str) -> ast.Module | None:
    try:
        if os.stat(path).st_size > LARGEST:  # noqa: PTH116
            return None
        return read_source(path).tree
    except (FileError, OSError, RecursionError):
        return None
