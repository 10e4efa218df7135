"""Finds the rules: those of installed distributions, the built-in ones among them, and by path.

The built-in rules are found through the entry-point group like anyone else's. Nothing here imports
torch, and neither should a rule file.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from modellint.errors import PluginError
from modellint.rules import Rule

#: The entry-point group; an entry names a module or package that holds rules.
GROUP = "modellint.rules"

#: What the modules of files begin with that are no distribution's.
_PRIVATE = "_modellint_plugin_"


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule and where it comes from.

    `origin` is the distribution, or the path that was given; `path` the file of the rule's module.
    """

    rule: Rule
    origin: str
    path: str


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed plugin: its distribution, the module that holds its rules, and how to find it.

    `places` are the folders of the module's top-level package, or the file of a single module. With
    them the plugin loads under its own name where its distribution is not installed.
    """

    distribution: str
    module: str
    places: tuple[str, ...]


class Rules(Mapping[str, Rule]):
    """The rules of a run by name, in order of their names; where they come from in `loaded`.

    `whole` is whether there are no others: a plugin that was only read may have more.
    """

    def __init__(self, loaded: Iterable[LoadedRule], *, whole: bool = True) -> None:
        self.whole = whole
        self.loaded: Mapping[str, LoadedRule] = {
            one.rule.name: one for one in sorted(loaded, key=lambda one: one.rule.name)
        }

    def __getitem__(self, name: str) -> Rule:
        return self.loaded[name].rule

    def __iter__(self) -> Iterator[str]:
        return iter(self.loaded)

    def __len__(self) -> int:
        return len(self.loaded)

    def __repr__(self) -> str:
        return f"<{len(self)} rules from {', '.join(self.origins)}>"

    @property
    def origins(self) -> tuple[str, ...]:
        """The distributions and paths that the rules come from."""
        return tuple(sorted({one.origin for one in self.loaded.values()}))

    def with_files(self, paths: Iterable[str | Path]) -> Rules:
        """These rules and those of further files and folders, as `load_rules` takes them."""
        found = list(self.loaded.values())
        for path, given in _once(paths):
            brought = _rules_at(path, given)
            if not brought:
                raise PluginError(f"plugin {given} holds no rule: no function there has @rule")
            found += brought
        return Rules(_distinct(found))

    def with_written(self, paths: Iterable[str | Path]) -> Rules:
        """These rules and those that further files and folders show without being run."""
        from modellint.linting.plugin_trees import rules_written_at  # Few runs only read.

        plugins = _once(paths)
        read = [one for path, given in plugins for one in rules_written_at(path, given)]
        return Rules(_distinct([*self.loaded.values(), *read]), whole=not plugins)


def _once(paths: Iterable[str | Path]) -> list[tuple[Path, str]]:
    """Each path once, with how it was first given."""
    found: dict[Path, str] = {}
    for given in paths:
        found.setdefault(Path(os.path.realpath(given)), str(given))
    return [*found.items()]


def load_rules(paths: Iterable[str | Path] = (), *, installed: bool = True) -> Rules:
    """Load the rules of installed distributions and those in further files and folders.

    A folder is loaded as a package, whether or not it has an `__init__.py`: every module below it
    counts. Raises `PluginError` naming the distribution or path where something does not import,
    and naming both where two rules share a name.
    """
    rules = rules_of(installed_plugins()) if installed else Rules(())
    return rules.with_files(paths)


def installed_plugins() -> tuple[Plugin, ...]:
    """The plugins of installed distributions; raise `PluginError` for one that does not import."""
    return tuple(_installed())


def rules_of(plugins: Iterable[Plugin]) -> Rules:
    """The rules of plugins, which are found by their places where they are not installed."""
    found: list[LoadedRule] = []
    for plugin in plugins:
        _make_importable(plugin)
        module = _imported(plugin.module, plugin.distribution)
        found += _rules_in(module, plugin.distribution)
    return Rules(_distinct(found))


def _installed() -> Iterator[Plugin]:
    for entry in _entries():
        origin = _distribution(entry)
        _imported(entry.module, origin)
        top = sys.modules[_top(entry.module)]
        places = getattr(top, "__path__", None) or [str(getattr(top, "__file__", ""))]
        yield Plugin(origin, entry.module, tuple(places))


def _make_importable(plugin: Plugin) -> None:
    """Load a plugin's top-level package from where the front end has found it."""
    name = _top(plugin.module)
    if name not in sys.modules:
        _load(name, Path(plugin.places[0]), plugin.places, plugin.distribution)


def _top(module: str) -> str:
    return module.partition(".")[0]


def _entries() -> list[EntryPoint]:
    # An editable install beside a built one lists an entry twice.
    found = {(_distribution(entry), entry.value): entry for entry in entry_points(group=GROUP)}
    return [found[key] for key in sorted(found)]


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.name


def check_plugin(path: Path, origin: str) -> None:
    """Raise `PluginError` for what is neither a file nor a folder; reading a pipe would hang."""
    if not os.path.exists(path):  # noqa: PTH110
        raise PluginError(f"plugin {origin} does not exist (looked for {path})")
    if not os.path.isfile(path) and not os.path.isdir(path):  # noqa: PTH112, PTH113
        raise PluginError(f"plugin {origin} is neither a folder nor a Python file")


def _rules_at(path: Path, origin: str) -> list[LoadedRule]:
    check_plugin(path, origin)
    # A private name, so that a rule file called json.py shadows nothing.
    name = f"{_PRIVATE}{sha256(str(path).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        _load(name, path, (str(path),), origin)
    return list(_rules_in(sys.modules[name], origin))


def forget_files(paths: Iterable[str]) -> bool:
    """Let files and folders be imported again that hold some of the paths; whether there are any.

    For a process that goes on while rules are edited.
    """
    changed = [Path(os.path.realpath(path)) for path in paths]
    tops = {
        name
        for name, module in sys.modules.copy().items()
        if name.startswith(_PRIVATE) and "." not in name
        if any(_holds(module, path) for path in changed)
    }
    for name in [name for name in sys.modules.copy() if name.partition(".")[0] in tops]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return bool(tops)


def _holds(module: ModuleType, path: Path) -> bool:
    if path.suffix != ".py":
        return False
    folders = [*getattr(module, "__path__", ())]
    file = getattr(module, "__file__", None)
    return any(path.is_relative_to(one) for one in [*folders, *([file] if file else [])])


def _load(name: str, path: Path, folders: Sequence[str], origin: str) -> None:
    """Import what lies at a path under a name; `folders` are those of a package."""
    spec = _spec(name, path, folders)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        if spec.loader is not None:
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _failed(origin, str(path), error) from error


def _spec(name: str, path: Path, folders: Sequence[str]) -> ModuleSpec:
    start = path / "__init__.py" if path.is_dir() else path
    if path.is_dir() and not start.exists():
        spec: ModuleSpec | None = ModuleSpec(name, None, is_package=True)
        if spec is not None:
            spec.submodule_search_locations = list(folders)
    else:
        within = list(folders) if path.is_dir() else None
        spec = importlib.util.spec_from_file_location(
            name, start, submodule_search_locations=within
        )
    if spec is None:
        raise PluginError(f"plugin {path} is neither a folder nor a Python file")
    return spec


def _rules_in(module: ModuleType, origin: str) -> Iterator[LoadedRule]:
    """The rules of a module, and of the modules below it if it is a package."""
    folders = list(getattr(module, "__path__", ()))
    for part in (module, *_below(module, folders, origin)):
        for value in list(vars(part).values()):
            if isinstance(value, Rule):
                yield LoadedRule(value, origin, str(getattr(part, "__file__", "")))


def _below(module: ModuleType, folders: list[str], origin: str) -> Iterator[ModuleType]:
    for info in sorted(pkgutil.iter_modules(folders, f"{module.__name__}."), key=lambda i: i.name):
        part = _imported(info.name, origin)
        yield part
        yield from _below(part, list(getattr(part, "__path__", ())), origin)


def _imported(name: str, origin: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise _failed(origin, name, error) from error


def _failed(origin: str, what: str, error: BaseException) -> PluginError:
    return PluginError(
        f"plugin {origin} does not load: {what}: {type(error).__name__}: {error}; "
        f"repair or uninstall it"
    )


def _distinct(found: Iterable[LoadedRule]) -> list[LoadedRule]:
    """Each rule once, where modules import it from each other; two of one name are an error."""
    names: dict[str, LoadedRule] = {}
    kept: dict[int, LoadedRule] = {}
    for one in found:
        # A module that imports a rule shows it too; the file that the rule was written in counts.
        home = one.rule.check.__code__.co_filename == one.path
        if id(one.rule) in kept and not home:
            continue
        if id(one.rule) not in kept:
            for name in (one.rule.name, *one.rule.aliases):
                if name in names:
                    raise PluginError(_clash(name, names[name], one))
                names[name] = one
        kept[id(one.rule)] = one
    return list(kept.values())


def _clash(name: str, first: LoadedRule, second: LoadedRule) -> str:
    return (
        f"two rules are called {name}: one from {first.origin} ({first.path}), "
        f"one from {second.origin} ({second.path}); rename one or remove its plugin"
    )
