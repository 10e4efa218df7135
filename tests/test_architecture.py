"""Imports run one way, and what is of the outside stays in the rooms that may have it.

`ROOMS` is the whole of it: every room of the package, from the one that users meet to what all
others stand on, with what it may import of the outside. A new file needs no entry here.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "modellint"

#: What of the outside there is, besides the standard library: torch with its public names, what of
#: torch may change with any release, and what only the front end may need.
TORCH, HOOKS, INTERNALS = "torch", "torch.overrides", "torch internals"
CLICK, TABULATE, PATHSPEC, PYTEST = "click", "tabulate", "pathspec", "pytest"
RICH = "rich"
IPYTHON, PYGLS, LSPROTOCOL = "IPython", "pygls", "lsprotocol"

#: The rooms in their order. Rooms of one level import each other no more than those above them.
ROOMS: tuple[dict[str, set[str]], ...] = (
    {"pytest_plugin": {PYTEST, TORCH}, "kernel": {IPYTHON, TORCH}},
    {"cli": {CLICK}, "api": {TORCH}, "server": {PYGLS, LSPROTOCOL}},
    {"engine": set(), "testing": set(), "former": set()},
    {"worker": {TORCH, INTERNALS}, "report": {TABULATE, RICH}, "comparing": set()},
    {"suppression": set(), "mending": set()},
    {"inputs": {TORCH}, "config": {PATHSPEC}},
    {"building": {TORCH, HOOKS, INTERNALS}, "linting": set()},
    {"tracing": {TORCH, HOOKS, INTERNALS}, "programs": set()},
    {"protocol": set(), "facts": set()},
    {"modules": {TORCH, INTERNALS}, "results": set(), "geometry": set()},
    {"contracts": set(), "rules": set()},
    {"fixes": set()},
    {"shapes": set(), "discovery": set(), "graph": set()},
    {"symbolic": set(), "source": set()},
    {"exported": set()},
    {"errors": set(), "_version": set()},
)
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
OUTSIDE = {room: allowed for rooms in ROOMS for room, allowed in rooms.items()}
#: The ways up: a report prints itself, by the formats of a room above, and makes its fixes, by the
#: engine, when it is asked to.
DOORS = {("modellint.results.report", "report"), ("modellint.results.report", "engine")}
#: What runs where a project's torch is: it finds no package there but torch.
WORKER_SIDE = "worker"
#: What answers without torch: it is imported where torch is used, and never before.
FRONT_END = ("cli", "server", "engine", "config", "report", "suppression", "pytest_plugin", "api")
#: What rules of anyone may import, besides the names of `modellint` itself.
PUBLIC = {"contracts", "fixes", "facts", "geometry", "graph", "suppression"}


class Import(NamedTuple):
    """One import statement: what it names, for type checkers only or not, when a function runs."""

    name: str
    typing: bool
    later: bool


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """What a file imports, and names of torch's internals, each with when it counts."""
    return tuple(_imports(ast.parse(path.read_text("utf-8")), False, False))


def _imports(node: ast.AST, typing: bool, later: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, typing, later) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                is_module = not child.module.startswith("modellint") or whole in modules()
                yield Import(whole if is_module else child.module, typing, later)
        elif isinstance(child, ast.Call) and ast.unparse(child.func) == "import_module":
            named = child.args[0]
            if isinstance(named, ast.Constant) and named.value.startswith(("modellint.", "torch")):
                yield Import(named.value, typing, later)
        elif isinstance(child, ast.Attribute) and ast.unparse(child).startswith("torch._"):
            yield Import(ast.unparse(child), typing, later)
        checked = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from _imports(child, typing or checked, later or inside)


@cache
def modules() -> dict[str, Path]:
    """The files of the package by their dotted names; a room's own is its `__init__`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


#: Everything but the front door, `modellint` itself and `python -m modellint`, stands in a room.
ALL = [name for name in modules() if room_of(name) not in ("", "__main__")]
RULES = sorted(path for path in (ROOT / "rules").rglob("*.py") if path.name != "__init__.py")


def kind_of(name: str) -> str | None:
    """What of the outside an import is; nothing for our own and the standard library."""
    if name == "torch" or name.startswith("torch."):
        if name.startswith(HOOKS):
            return HOOKS
        return INTERNALS if "._" in name or name.startswith("torch.fx") else TORCH
    top = name.partition(".")[0]
    if top in ("modellint", "modellint_rules", "__future__") or top in sys.stdlib_module_names:
        return None
    return PYTEST if top == "_pytest" else top


@pytest.mark.parametrize("module", ALL)
def test_a_room_imports_only_rooms_below_it(module):
    level = LEVEL[room_of(module)]
    for used in imports_of(modules()[module]):
        if not used.name.startswith("modellint."):
            continue
        room = room_of(used.name)
        if room != room_of(module) and (module, room) not in DOORS:
            assert LEVEL[room] > level, f"{module} imports {used.name}"


@pytest.mark.parametrize("module", ALL)
def test_what_is_of_the_outside_stays_in_its_rooms(module):
    used = {kind_of(found.name) for found in imports_of(modules()[module]) if not found.typing}
    assert used - {None} <= OUTSIDE[room_of(module)]


def reached(*rooms: str, later: bool) -> dict[str, str]:
    """The modules that rooms import, those that these import, and so on, each with who does.

    With `later` imports inside functions count as well. The doors are left out.
    """
    pending = [name for name in ALL if room_of(name) in rooms]
    found = dict.fromkeys(pending, "")
    while pending:
        module = pending.pop()
        for used in imports_of(modules()[module]):
            if used.typing or (used.later and not later) or used.name not in modules():
                continue
            if (module, room_of(used.name)) not in DOORS and used.name not in found:
                found[used.name] = module
                pending.append(used.name)
    return found


def test_the_front_end_imports_no_torch_before_it_is_used():
    for module in reached(*FRONT_END, later=False):
        for used in imports_of(modules()[module]):
            kind = kind_of(used.name) or ""
            assert used.typing or used.later or not kind.startswith("torch"), module


def test_the_worker_needs_no_package_but_torch():
    for module, by in reached(WORKER_SIDE, later=True).items():
        used = {kind_of(found.name) for found in imports_of(modules()[module]) if not found.typing}
        assert used <= {None, TORCH, HOOKS, INTERNALS}, f"{module}, which {by} imports"


def test_there_is_no_circle_of_more_than_two_files():
    graph = {
        module: {
            used.name
            for used in imports_of(path)
            if not used.typing
            and used.name in modules()
            and (module, room_of(used.name)) not in DOORS
        }
        for module, path in modules().items()
    }
    for module in graph:
        circle = _way_back(graph, module)
        assert len(circle) <= 2, " → ".join(circle)


def _way_back(graph: dict[str, set[str]], start: str) -> list[str]:
    """The shortest circle through a module, empty where there is none."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop(0)
        for following in sorted(graph[way[-1]]):
            if following == start:
                return way
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


@pytest.mark.parametrize("room", sorted({room_of(name) for name in ALL}))
def test_a_room_says_what_it_is(room):
    assert room in LEVEL, f"{room} has no place in the order of the rooms"
    text = ast.get_docstring(ast.parse(modules()[f"modellint.{room}"].read_text("utf-8")))
    assert text
    if (PACKAGE / room).is_dir():
        assert (PACKAGE / room / "__init__.py").is_file()


@pytest.mark.parametrize("path", [*map(modules().__getitem__, ALL), *RULES], ids=str)
def test_a_file_is_read_at_a_sitting(path):
    assert len(path.read_text("utf-8").splitlines()) <= 450


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_use_what_any_plugin_may(path):
    public = set(__import__("modellint").__all__)
    for used in imports_of(path):
        assert kind_of(used.name) is None
        if used.name.startswith("modellint."):
            assert room_of(used.name) in PUBLIC | public, f"{path.name} imports {used.name}"


def test_every_room_is_packaged():
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packaged = set(settings["tool"]["setuptools"]["packages"])
    folders = {path.parent.relative_to(ROOT) for path in PACKAGE.rglob("__init__.py")}
    assert packaged == {".".join(folder.parts) for folder in folders} | {"modellint_rules"}


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, modellint; print(sorted({'torch', 'click', 'numpy'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["--rules"], ["--explain", "even-kernel"], ["--list", "examples"]],
    ids=" ".join,
)
def test_commands_without_user_code_import_no_torch(arguments):
    code = (
        "import sys\n"
        f"sys.argv = ['modellint', *{arguments!r}]\n"
        "from modellint.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as leave:\n"
        "    assert not leave.code, leave.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)


@pytest.mark.slow
def test_a_whole_run_keeps_torch_out_of_the_front_end():
    code = (
        "import sys\n"
        "from modellint import lint_paths\n"
        "assert lint_paths(['examples/residual.py']).ok\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_public_name_is_there():
    import modellint

    for name in modellint.__all__:
        assert getattr(modellint, name) is not None
    with pytest.raises(AttributeError):
        _ = modellint.nothing_of_the_kind


def test_documented_names_are_found_where_they_stood():
    code = (
        "import warnings; warnings.simplefilter('error', DeprecationWarning)\n"
        "for name in ('costs', 'usage', 'written', 'plugins'):\n"
        "    try:\n"
        "        __import__(f'modellint.{name}')\n"
        "    except DeprecationWarning as warning:\n"
        "        assert 'is now modellint.' in str(warning)\n"
        "    else:\n"
        "        raise AssertionError(name)\n"
        "warnings.simplefilter('ignore')\n"
        "from modellint.plugins import load_rules\n"
        "from modellint.costs import macs\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
