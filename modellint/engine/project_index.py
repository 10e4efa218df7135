"""Which programs of a project may build a file's models: an index a project, kept with results.

Only files that have changed are read again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from modellint.programs.importers import LARGEST, Importers, Imports, read_imports
from modellint.protocol.states import digest
from modellint.source.paths import regular_bytes
from modellint.source.project_files import ProjectFile, python_files, root_of

if TYPE_CHECKING:
    from modellint.engine.cache import Cache


#: Fewer files are read as quickly as what was kept of them.
_WORTH_KEEPING = 100


class ProjectIndex:
    """The programs of each project that a run meets; `cache` gives where a file's results are.

    `given` are the folders that the run was asked to search.
    """

    def __init__(self, given: tuple[str, ...], cache: Callable[[str], Cache | None]) -> None:
        self._given = given
        self._cache = cache
        self._projects: dict[str, Importers] = {}
        self._roots: dict[str, str | None] = {}
        self._imports: dict[str, dict[ProjectFile, Imports]] = {}

    def look_again(self) -> None:
        """Let what is asked next be answered by the files as they are then."""
        self._projects.clear()
        self._roots.clear()

    def programs(self, path: str) -> tuple[str, tuple[str, ...]]:
        """The project's folder for a file, and the other files that may build its models.

        What is installed belongs to none.
        """
        folder = os.path.dirname(path)  # noqa: PTH120 - asked for each file
        if folder not in self._roots:
            self._roots[folder] = root_of(path, self._highest(path))
        root = self._roots[folder]
        if root is None:
            return "", ()
        if root not in self._projects:
            self._projects[root] = self._read(root, self._cache(path))
        below = os.path.relpath(path, root).replace(os.sep, "/")
        found = self._projects[root].programs(below)
        return root, tuple(os.path.join(root, *one.split("/")) for one in found)  # noqa: PTH118

    def _highest(self, path: str) -> str | None:
        """The highest folder of the run's that a file is in."""
        above = [one for one in self._given if path.startswith(os.path.join(one, ""))]  # noqa: PTH118
        return min(above, key=len, default=None)

    def _read(self, root: str, cache: Cache | None) -> Importers:
        files = python_files(root)
        if len(files) < _WORTH_KEEPING:
            cache = None
        name = digest(f"imports of {root}".encode())
        known = self._imports.get(root) or ({} if cache is None else _known(cache.load(name)))
        read = {file.path: known.get(file) or _imports(root, file) for file in files}
        if cache is not None:
            cache.use(name)
        if cache is not None and known.keys() != set(files):
            rows = [[*file, read[file.path].to_list()] for file in files]
            cache.store(name, {"imports": rows})
        self._imports[root] = {file: read[file.path] for file in files}
        return Importers(read)


def _known(entry: Mapping[str, Any] | None) -> dict[ProjectFile, Imports]:
    try:
        rows = [] if entry is None else entry["imports"]
        return {ProjectFile(*row[:3]): Imports.from_list(row[3]) for row in rows}
    except (KeyError, TypeError, ValueError, IndexError):
        return {}


def _imports(root: str, file: ProjectFile) -> Imports:
    if file.size > LARGEST:
        return Imports((), (), 0)
    try:
        return read_imports(regular_bytes(os.path.join(root, *file.path.split("/"))))  # noqa: PTH118
    except OSError:
        return Imports((), (), 0)
