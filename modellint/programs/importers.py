"""Which files of a project import which, by their text alone; so which may build a file's models.

Files are known by their places in a list of paths. Nothing is parsed: a statement that begins a
line with `import` or `from` counts, in texts as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: How many steps of imports lead from a program to a model, and how many programs are told.
_DEEPEST, MOST_PROGRAMS = 6, 24
#: Larger files are data more often than code, in bytes.
LARGEST = 1_000_000
#: How many texts of a file may begin such a name.
_MOST_BEGUN = 200
_FROM = re.compile(
    rb"^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]*(\([^)]*\)|[^\n]+)", re.MULTILINE
)
_IMPORT = re.compile(rb"^[ \t]*import[ \t]+([\w., \t]+)", re.MULTILINE)
#: What imports by names that are computed, and texts that may be where such a name begins.
_BY_NAME = re.compile(rb"import_module|__import__")
_BEGUN = re.compile(rb"""["']\.*([A-Za-z_][\w.]*?)\.?["'{]""")
#: What a file has that Python is started with, and what one may have, or that a test runner runs.
_STARTS = b"__main__"
_RUNS = (b"parse_args(", b".backward(", b"def test_")


@dataclass(frozen=True)
class Imports:
    """What the text of one file imports: modules with the names that are taken from each.

    `computed` are the packages that it may import from besides, `*` for any. `runs` is how much it
    looks like a program or a test: 2 for a main guard, 0 for not at all.
    """

    modules: tuple[tuple[str, tuple[str, ...]], ...]
    computed: tuple[str, ...]
    runs: int

    def to_list(self) -> list[Any]:
        """All of it as JSON has it."""
        return [self.modules, self.computed, self.runs]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Imports:
        """Read what `to_list` gave."""
        modules, computed, runs = values
        named = tuple((str(module), tuple(map(str, names))) for module, names in modules)
        return cls(named, tuple(map(str, computed)), int(runs))


def read_imports(data: bytes) -> Imports:
    """What a file imports, by its bytes."""
    modules: dict[str, tuple[str, ...]] = {}
    for match in _FROM.finditer(data):
        module = match[1].decode("utf-8", "replace")
        names = re.sub(rb"#[^\n]*|\bas\s+\w+", b"", match[2])
        words = tuple(word.decode("utf-8", "replace") for word in re.findall(rb"\w+", names))
        modules[module] = (*modules.get(module, ()), *words)
    for match in _IMPORT.finditer(data):
        for part in match[1].decode("utf-8", "replace").split(","):
            words = tuple(part.split())
            if words:
                modules.setdefault(words[0], ())
    computed: tuple[str, ...] = ()
    if _BY_NAME.search(data):
        found = {match[1].decode("utf-8", "replace") for match in _BEGUN.finditer(data)}
        computed = ("", *sorted(found)[:_MOST_BEGUN])
    elif b"instantiate(" in data:
        computed = ("*",)
    runs = 2 if _STARTS in data else int(any(sign in data for sign in _RUNS))
    return Imports(tuple(modules.items()), computed, runs)


class Importers:
    """The imports among the files of a project, from each file to those that import it."""

    def __init__(self, imports: Mapping[str, Imports]) -> None:
        self._imports = imports
        self._folders: dict[str, list[str]] = {}
        for path in imports:
            self._folders.setdefault(path.rpartition("/")[0], []).append(path)
        self.importers: dict[str, list[str]] = {path: [] for path in imports}
        for path, one in imports.items():
            for imported in dict.fromkeys(self._led_to(path, one)):
                if imported != path:
                    self.importers[imported].append(path)

    def _led_to(self, path: str, one: Imports) -> Iterator[str]:
        folder = path.rpartition("/")[0]
        for module, names in one.modules:
            yield from self._module(folder, module, names)
        for begun in one.computed:
            if begun == "*":
                yield from self._imports
                continue
            tail = begun.replace(".", "/")
            for place, files in self._folders.items():
                if place == folder if not tail else f"/{tail}/" in f"/{place}/":
                    yield from files

    def _module(self, folder: str, module: str, names: Sequence[str]) -> Iterator[str]:
        """The files that an import in a folder leads to: the module, and modules in it."""
        level = len(module) - len(module.lstrip("."))
        parts = [part for part in module.split(".") if part]
        above = folder.split("/") if folder else []
        if level:
            if level - 1 > len(above):
                return
            starts = [above[: len(above) - level + 1]]
        else:
            starts = [above[:at] for at in range(len(above), -1, -1)] + [["src"]]
        for start in starts:
            base = "/".join([*start, *parts])
            found = [one for one in _files(base) if one in self._imports]
            inner = [
                one
                for name in names
                for one in _files(f"{base}/{name}" if base else name)
                if one in self._imports
            ]
            if found or inner:
                yield from found[:1]
                yield from inner
                return

    def programs(self, path: str) -> tuple[str, ...]:
        """The files that import one, directly or by others: what looks like a program first."""
        level = {path: 0}
        pending = [path]
        while pending:
            current = pending.pop(0)
            if level[current] == _DEEPEST:
                continue
            for importer in self.importers.get(current, ()):
                if importer not in level:
                    level[importer] = level[current] + 1
                    pending.append(importer)
        del level[path]
        return tuple(sorted(level, key=lambda one: self._likely(one, level[one])))[:MOST_PROGRAMS]

    def _likely(self, path: str, level: int) -> tuple[bool, int, int, str]:
        name = path.rpartition("/")[2]
        test = name.startswith("test") or name.endswith("_test.py")
        return (test, -self._imports[path].runs, level, path)


def _files(base: str) -> tuple[str, str]:
    return (f"{base}.py", f"{base}/__init__.py") if base else ("", "__init__.py")
