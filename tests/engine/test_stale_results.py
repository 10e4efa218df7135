"""A result that was kept is what a fresh run finds, whatever changed in the world meanwhile."""

from __future__ import annotations

import os
import random
from pathlib import Path

import environments
import pytest
import worlds

from modellint.cli.watching import states
from modellint.config.interpreters import OWN
from modellint.config.settings import Settings
from modellint.engine import running
from modellint.engine.engine import lint_targets
from modellint.engine.memory import still_holds
from modellint.engine.module_paths import with_modules
from modellint.engine.project_index import ProjectIndex

#: How many random projects the slow tier tries, and from which seed on; a long run has 500.
LONG = int(os.environ.get("MODELLINT_WORLDS", "100"))
SEED = int(os.environ.get("MODELLINT_SEED", "100"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


@pytest.fixture(autouse=True)
def ran(monkeypatch):
    """What came of each time that a worker was asked."""
    found = []
    plain = running.run_file

    def noted(pool, work):
        outcome = plain(pool, work)
        found.append((work.job, outcome))
        return outcome

    monkeypatch.setattr(running, "run_file", noted)
    return found


def lint(target="net.py", *, read=None, **settings):
    settings = Settings(**{"cache": True, "training": True, **settings})
    return lint_targets(with_modules([target], settings), settings, read=read)


def told(report):
    return report.to_dict()


def check(world, changes, ran, *, matters=True):
    """Lint a world twice, change it, and hold what is kept to a fresh run.

    What is known of a file that is open in an editor, and what `--watch` looks at, are held to it
    as well.
    """
    world.write()
    what = [world.target, *(one.kind for one in world.dependences)]
    behind = set()
    ran.clear()
    first = lint(world.target, read=behind)
    assert [model.status for model in first.models] == ["analysed"], (what, first.errors)
    ((job, outcome),) = ran
    watched = states(behind)
    ran.clear()
    again = lint(world.target)
    assert told(again) == told(first), what
    assert bool(ran) != world.kept, what
    for change in changes:
        change()
    ran.clear()
    found = lint(world.target)
    if not (matters or world.wary):
        assert bool(ran) != world.kept, what
    fresh = lint(world.target, cache=False)
    assert told(found) == told(fresh), what
    if world.kept and told(fresh) != told(first):
        _, programs = ProjectIndex((), lambda path: None).programs(job.path)
        assert programs != job.programs or not still_holds(outcome.read, OWN), what
        assert states(behind) != watched or not world.watched, what
    return told(fresh) != told(first)


def kinds():
    return [one.kind for one in worlds.all_dependences(random.Random(0))]


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds())
def test_each_change_of_each_kind_is_seen(kind, ran, tmp_path, monkeypatch):
    (one,) = (one for one in worlds.all_dependences(random.Random(0)) if one.kind == kind)
    told = []
    for number, change in enumerate(one.changes):
        Path(tmp_path / f"{number}" / "project").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / f"{number}" / "project")
        told.append(check(worlds.World((one,)), [change], ran))
    # Else it would prove nothing.
    assert any(told)


def one_random_world(seed, ran):
    rng = random.Random(seed)
    world = worlds.world(rng)
    if rng.random() < 0.2:
        check(world, [rng.choice([*worlds.noise()])], ran, matters=False)
    else:
        changes = [change for one in world.dependences for change in one.changes]
        check(world, rng.sample(changes, min(len(changes), rng.randint(1, 2))), ran)


@pytest.mark.parametrize("seed", range(6))
def test_a_random_change_of_a_random_project_is_seen(seed, ran):
    one_random_world(seed, ran)


@pytest.mark.slow
def test_random_changes_of_many_random_projects_are_seen(ran, tmp_path, monkeypatch):
    for seed in range(SEED, SEED + LONG):
        folder = tmp_path / f"{seed}" / "project"
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        one_random_world(seed, ran)


#: What a Python starts with: code that depends on it, the variables before and after, and what is
#: changed besides.
STARTS = {
    "another folder on the path": (
        "from mylib import W as NAME",
        {"PYTHONPATH": "v1"},
        {"PYTHONPATH": "v2"},
        lambda: None,
    ),
    "a module in a folder on the path": (
        "from mylib import W as NAME",
        {"PYTHONPATH": "v1:v2"},
        {"PYTHONPATH": "v1:v2"},
        lambda: worlds.put("v1/mylib.py", "W = 5"),
    ),
    "a module that hides what torch imports": (
        "import typing_extensions as t; NAME = 1 + hasattr(t, 'OWN')",
        {"PYTHONPATH": "v1"},
        {"PYTHONPATH": "v1"},
        lambda: worlds.put(
            "v1/typing_extensions.py",
            "import sys; sys.path.remove(sys.path[0]); del sys.modules[__name__]\n"
            "import typing_extensions; typing_extensions.OWN = 1\n",
        ),
    ),
    "a site that is customised": (
        "import builtins; NAME = getattr(builtins, 'W', 1)",
        {"PYTHONPATH": "v1"},
        {"PYTHONPATH": "v1"},
        lambda: worlds.put("v1/sitecustomize.py", "import builtins; builtins.W = 4"),
    ),
    "optimised code": ("NAME = 3 if __debug__ else 4", {}, {"PYTHONOPTIMIZE": "1"}, lambda: None),
    "an encoding": (
        "NAME = len(open('text').read())",
        {"PYTHONUTF8": "1"},
        {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        lambda: None,
    ),
    "a variable": (
        "import os; NAME = int(os.getenv('SIZE', '3'))",
        {},
        {"SIZE": "4"},
        lambda: None,
    ),
    "a variable as bytes": (
        "import os; NAME = int(os.getenvb(b'SIZE', b'3'))",
        {},
        {"SIZE": "4"},
        lambda: None,
    ),
    "a zone of time": (
        "import time; NAME = 1 + time.timezone // 3600",
        {"TZ": "AAA0"},
        {"TZ": "BBB3"},
        lambda: None,
    ),
    "whether there is a variable": (
        "import os; NAME = 3 if 'SIZE' in os.environ else 4",
        {"SIZE": "1"},
        {},
        lambda: None,
    ),
    "a variable in a path": (
        "import os; NAME = len(os.path.expandvars('$SIZE/x'))",
        {"SIZE": "a"},
        {"SIZE": "ab"},
        lambda: None,
    ),
    "a variable that torch reads when it is imported": (
        "import torch.jit._state as state; NAME = 1 + bool(state._enabled.enabled)",
        {},
        {"PYTORCH_JIT": "0"},
        lambda: None,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STARTS)
def test_a_change_of_what_a_python_starts_with_is_seen(name, new_worker, ran, monkeypatch):
    code, before, after, change = STARTS[name]
    both = before.get("PYTHONPATH") == "v1:v2"
    worlds.put("v2/mylib.py", "W = 4")
    worlds.put("v1/other.py" if both else "v1/mylib.py", "W = 3")
    Path("text").write_bytes("ä".encode())
    worlds.World((worlds.Dependence(name, lambda: None, code, ()),)).write()

    def start(variables):
        for one in {**before, **after}:
            monkeypatch.delenv(one, raising=False)
        for one, value in variables.items():
            folders = [str(Path(part).absolute()) for part in value.split(":")]
            monkeypatch.setenv(one, ":".join(folders) if one == "PYTHONPATH" else value)

    start(before)
    first = lint()
    assert [model.status for model in first.models] == ["analysed"], first.errors
    ran.clear()
    assert told(lint()) == told(first)
    assert ran == []
    start(after)
    change()
    found = lint()
    assert told(found) == told(lint(cache=False))
    assert told(found) != told(first)


@pytest.mark.slow
def test_where_an_editable_install_points_is_seen(new_worker, ran, monkeypatch, tmp_path):
    python = environments.environment(tmp_path / "env", torch=True)
    packages = environments.site_packages(tmp_path / "env")
    for number in (1, 2):
        worlds.put(f"../v{number}/lib/__init__.py", f"W = {number}")
        worlds.put(f"../w{number}/lib2/__init__.py", f"W = {number}")
    finder = (
        "import sys, importlib.util\n"
        "class Finder:\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        if name == 'lib2':\n"
        "            return importlib.util.spec_from_file_location(name, {place!r})\n"
        "def install(): sys.meta_path.append(Finder)\n"
    )

    def point(lib, lib2):
        worlds.put(str(packages / "lib.pth"), f"{tmp_path}/v{lib}\n")
        name = "__editable___lib2_finder"
        worlds.put(str(packages / "lib2.pth"), f"import {name}; {name}.install()\n")
        place = f"{tmp_path}/w{lib2}/lib2/__init__.py"
        worlds.put(str(packages / f"{name}.py"), finder.format(place=place))

    def widths():
        found = lint_targets(["net.py"], Settings(cache=True, python=str(python)))
        fresh = lint_targets(["net.py"], Settings(cache=False, python=str(python)))
        assert told(found) == told(fresh)
        return [model.parameters for model in found.models]

    code = "import lib, lib2; NAME = 2 * lib.W + lib2.W"
    worlds.World((worlds.Dependence("editable", lambda: None, code, ()),)).write()
    seen = []
    for places in ((1, 1), (1, 1), (2, 1), (2, 2)):
        point(*places)
        seen.append(widths())
    assert seen[0] == seen[1] != seen[2] != seen[3]
    # Each fresh run, and of those that may be answered from memory all but the second.
    assert len(ran) == 7
