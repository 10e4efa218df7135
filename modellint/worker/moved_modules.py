"""What imports mean for a file of an earlier revision: modules as they were, wherever they lie.

An environment may lead to the project's work tree, by `pip install -e` or a `.pth` file; what it
finds there is today's. In its place counts the file of the revision.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType


def import_from(tree: str, root: str) -> None:
    """Have imports of this process find in `tree` what others have found below `root`."""
    for name, module in [*sys.modules.items()]:
        file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
        if isinstance(file, str) and _below(file, root):
            del sys.modules[name]  # Imported beforehand, for files of today.
    sys.path[:] = [_moved(one, tree, root) for one in sys.path]
    sys.meta_path.insert(0, _Then(tree, root))


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(os.path.join(root, ""))  # noqa: PTH118


def _moved(path: str, tree: str, root: str) -> str:
    return tree + path[len(root) :] if _below(path, root) else path


class _Then:
    """Finds what the other finders find, and gives the file of the revision in its place."""

    def __init__(self, tree: str, root: str) -> None:
        self._tree = tree
        self._root = root

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for top-level names that are found in the work tree, and for no others."""
        if path is not None or name in sys.stdlib_module_names:
            return None  # A module of a package is looked for where the package is.
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            found: ModuleSpec | None = None
            if find is not None and finder is not self:
                found = find(name, None, target)
            if found is not None:
                return self._as_then(found)
        return None

    def _as_then(self, found: ModuleSpec) -> ModuleSpec | None:
        folders = found.submodule_search_locations
        inside = [] if folders is None else [*folders]
        places = [*filter(None, [found.origin]), *inside]
        if not any(_below(one, self._root) for one in places):
            return None  # The finders that follow find it once more.
        moved = [_moved(one, self._tree, self._root) for one in inside]
        if found.origin is None or not found.has_location:
            spec = ModuleSpec(found.name, None, is_package=True)
            spec.submodule_search_locations = [one for one in moved if os.path.isdir(one)]  # noqa: PTH112
            return spec
        file = _moved(found.origin, self._tree, self._root)
        if not os.path.isfile(file):  # noqa: PTH113
            raise ModuleNotFoundError(f"No module named {found.name!r}", name=found.name)
        return spec_from_file_location(
            found.name, file, submodule_search_locations=moved if folders is not None else None
        )
