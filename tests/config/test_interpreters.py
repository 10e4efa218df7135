"""Which Python runs the models, what it need not have, and what is said of one that cannot."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from command import modellint
from environments import command, environment, linted

from modellint.config.configuration import Configuration
from modellint.config.interpreters import OWN, Interpreter, Interpreters, python_of
from modellint.config.settings import Settings
from modellint.engine import probing
from modellint.engine.engine import lint_targets
from modellint.engine.launching import environment_for
from modellint.errors import PluginError, UsageError

posix = pytest.mark.skipif(os.name == "nt", reason="makes scripts and links")

NET = """
import random, types
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, padding=1)

    def forward(self, x):
        return self.conv(x)
"""
VERSION = torch.__version__.partition("+")[0]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A project with one model file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def pretended(folder):
    """What looks like an environment as far as the choice of an interpreter goes."""
    path = folder / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.touch()
    (folder / "pyvenv.cfg").touch()
    return str(path)


def script(path, *lines):
    """An executable that stands in for an interpreter."""
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


# -- the choice ------------------------------------------------------------------------------------


@posix
def test_the_order_of_the_choice(folder):
    names = ["given", "configured", "named", "virtual", "conda", ".venv", "base"]
    given, configured, named, virtual, conda, beside, base = (
        pretended(folder / name) for name in names
    )
    configuration = Configuration(str(folder / "pyproject.toml"), python="configured")
    variables = {"MODELLINT_PYTHON": named, "VIRTUAL_ENV": "virtual", "CONDA_PREFIX": "conda"}

    def chosen(given=None, configuration=None, **left):
        return Interpreters(given, left).of("net.py", configuration or Configuration()).path

    assert chosen(given, configuration, **variables) == given
    assert chosen(None, configuration, **variables) == configured
    assert chosen(**variables) == named
    del variables["MODELLINT_PYTHON"]
    assert chosen(**variables) == virtual
    del variables["VIRTUAL_ENV"]
    assert chosen(**variables) == conda
    assert chosen() == beside
    # Conda's base is active in every shell, whatever the project has.
    variables = {"CONDA_PREFIX": "base", "CONDA_DEFAULT_ENV": "base"}
    assert chosen(**variables) == beside
    Path(beside).unlink()
    Path(".venv/pyvenv.cfg").unlink()
    assert chosen(**variables) == base
    assert chosen() == sys.executable


def test_the_environment_of_modellint_itself_names_no_project(folder):
    # pre-commit activates the environment that it made for the hook.
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        assert Interpreters(None, {name: sys.prefix}).of("net.py", Configuration()) == OWN


@posix
def test_each_file_has_the_environment_of_its_own_project(folder):
    for name in ("one", "two/deeper", "three/venv/lib", "four"):
        (folder / name).mkdir(parents=True)
    for project in ("one", "two", "four"):
        (folder / project / "pyproject.toml").touch()
    whole = pretended(folder / ".venv")
    one = pretended(folder / "one" / ".venv")
    two = pretended(folder / "two" / "venv")
    (folder / "four" / ".git").mkdir()
    interpreters = Interpreters(None, {})
    chosen = {
        path: interpreters.of(path, Configuration()).path
        for path in ("net.py", "one/net.py", "two/deeper/net.py", "three/net.py", "four/net.py")
    }
    assert chosen == {
        "net.py": whole,
        "one/net.py": one,
        "two/deeper/net.py": two,
        # A folder that is merely called venv is none; and a repository ends the search.
        "three/net.py": whole,
        "four/net.py": sys.executable,
    }


@posix
@pytest.mark.parametrize("packages", ["lib/python3.12/site-packages", "Lib/site-packages"])
def test_an_installed_file_has_the_environment_that_it_is_installed_in(
    folder, packages, monkeypatch
):
    pretended(folder / ".venv")
    own = pretended(folder / "models")
    pretended(folder / "active")
    path = folder / "models" / packages / "zoo" / "net.py"
    path.parent.mkdir(parents=True)
    chosen = Interpreters(environment={"VIRTUAL_ENV": "active"}).of(str(path), Configuration())
    assert chosen.path == own
    assert chosen.why == f"the file is installed in models/{packages}"
    assert [one.path for one in chosen.further] == [
        str(folder / "active/bin/python"),
        str(folder / ".venv/bin/python"),
        sys.executable,
    ]
    # That it runs modellint as well makes it no worse a reason.
    monkeypatch.setattr(sys, "executable", own)
    chosen = Interpreters(environment={}).of(str(path), Configuration())
    assert (chosen.path, chosen.own) == (own, True)
    assert chosen.why == f"the file is installed in models/{packages}"
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    # A folder that is only called so has no interpreter.
    (folder / "models/bin/python").unlink()
    chosen = Interpreters(environment={}).of(str(path), Configuration())
    assert chosen.path == str(folder / ".venv/bin/python")


@posix
def test_a_name_is_a_file_an_environment_or_a_command(folder, monkeypatch):
    python = pretended(folder / "env")
    monkeypatch.setenv("HOME", str(folder))
    for given in ("env", "env/bin/python", "~/env", python):
        assert Interpreters(given, {}).of("net.py", Configuration()).path == python
    script(folder / "env" / "bin" / "python3.99", "exit 1")
    monkeypatch.setenv("PATH", str(folder / "env" / "bin"))
    assert Interpreters("python3.99", {}).of("net.py", Configuration()).path == f"{python}3.99"
    assert Interpreters(sys.executable, {}).of("net.py", Configuration()).own


def test_environments_of_windows_are_found(tmp_path):
    for name, place in (("venv", "Scripts/python.exe"), ("conda", "python.exe")):
        path = tmp_path / name / place
        path.parent.mkdir(parents=True)
        path.touch()
        assert python_of(tmp_path / name, windows=True) == path


def test_another_python_inherits_nothing_of_ours(monkeypatch, tmp_path):
    import modellint as package

    ours = str(Path(package.__file__).parent.parent)
    theirs = str(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([ours, theirs]))
    monkeypatch.setenv("PYTHONHOME", "/ours")
    monkeypatch.setenv("__PYVENV_LAUNCHER__", "/ours/python")
    inherited = environment_for(Interpreter(str(tmp_path / "python"), "a test says so"))
    assert inherited["PYTHONPATH"] == theirs
    assert not {"PYTHONHOME", "__PYVENV_LAUNCHER__"} & set(inherited)
    assert environment_for(OWN)["PYTHONHOME"] == "/ours"


# -- what cannot run models ------------------------------------------------------------------------


def test_an_interpreter_that_does_not_exist_ends_the_run(folder):
    run = modellint("net.py", "--python", "nowhere", cwd=folder)
    assert (run.returncode, run.stdout) == (2, "")
    assert "nowhere" in run.stderr


def answering(**facts):
    """The lines of a script that answers as an interpreter does."""
    whole = {"version": "3.13.1 (main)", "path": [], "torch": None, "found": True, **facts}
    return ["cat <<'END'", json.dumps(whole), "END"]


def refused(path, why="a test says so"):
    with pytest.raises(UsageError) as raised:
        probing.installation_of(Interpreter(str(path), why))
    message = str(raised.value)
    assert Path(path).name in message
    assert why in message
    return message


@posix
@pytest.mark.parametrize(
    "lines",
    [
        ["exit 0"],
        ["exit 1"],
        ["echo '[]'"],
        ["echo '{}'"],
        ["echo hello"],
        ["kill -9 $$"],
        ['echo \'{"python": [2, 7, 18], "torch": null, "found": false}\''],
        ['echo \'{"python": [3, 10, 9], "torch": null, "found": false}\''],
        ['echo \'{"python": [3, 13, 0], "torch": null, "found": false}\''],
        [
            "cat <<'END'",
            '{"python": [3, 13, 0], "torch": "__version__ = \'1.13.1+cu117\'", "found": true}',
            "END",
        ],
    ],
)
def test_what_is_no_interpreter_for_models_is_refused(folder, lines):
    refused(script(folder / "other", *lines))


@posix
def test_what_does_not_start_is_refused(folder):
    plain = folder / "plain"
    plain.write_text("no program")
    refused(plain)
    plain.chmod(0o755)
    refused(plain)
    refused(folder)
    refused(folder / "nowhere")


@posix
def test_an_interpreter_that_hangs_is_refused_and_ended(folder, monkeypatch):
    monkeypatch.setattr(probing, "PATIENCE", 0.3)
    hanging = script(folder / "hanging", "sleep 60 & echo $! > child; wait")
    started = time.monotonic()
    refused(hanging)
    assert time.monotonic() - started < 5
    child = Path("child").read_text().strip()
    for _ in range(100):
        stat = Path(f"/proc/{child}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child of the interpreter is still running")


@posix
def test_what_an_interpreter_prints_first_is_no_answer(folder):
    lines = answering(torch="__version__ = '2.9.0+cpu'\n")
    chatty = script(folder / "chatty", "echo welcome; echo beware >&2", *lines)
    found = probing.installation_of(Interpreter(str(chatty), "a test says so"))
    assert (found.version, found.torch) == ("3.13.1 (main)", "2.9.0")


def other_pythons():
    """Interpreters of other versions, where pyenv has some."""
    found = sorted(Path.home().glob(".pyenv/versions/*/bin/python"))
    return [path for path in found if path.parent.parent.name != sys.version.split()[0]]


@posix
@pytest.mark.slow
def test_every_python_says_its_version(folder):
    if not other_pythons():
        pytest.skip("pyenv has no other Python here")
    for python in other_pythons():
        # Each of them is too old or has no torch; and a json.py beside the model is not asked.
        (folder / "json.py").write_text("raise SystemExit(3)\n")
        version = python.parent.parent.name
        message = refused(python)
        old = tuple(map(int, version.split(".")[:2])) < (3, 11)
        assert (version in message.partition(python.name)[2]) == old


# -- environments for real -------------------------------------------------------------------------


@posix
@pytest.mark.slow
def test_an_environment_without_torch_is_passed_over_and_told(folder):
    python = environment(folder / ".venv")
    for variables in ({}, {"VIRTUAL_ENV": str(folder / ".venv")}):
        run = command("net.py", "--format", "json", cwd=folder, **variables)
        assert run.returncode == 1
        assert json.loads(run.stdout)["tool"]["torch"] == VERSION
        (told,) = run.stderr.splitlines()
        for fact in (str(python.relative_to(folder)), "no PyTorch", sys.executable):
            assert fact in told
        # What is remembered is told of as well.
        assert command("net.py", cwd=folder, **variables).stderr == run.stderr
    # What runs no model asks no interpreter.
    assert command("net.py", "--list", cwd=folder).returncode == 0
    shown = command("net.py", "--show-settings", cwd=folder).stdout
    assert '\npython = ".venv/bin/python"' in shown


@posix
def test_an_environment_without_torch_that_is_named_is_one_error(folder):
    python = environment(folder / ".venv")
    (folder / "modellint.toml").write_text('python = ".venv"\n')
    for arguments, variables in (
        ((), {}),
        (("--isolated", "--python", ".venv"), {}),
        (("--isolated", "--format", "json"), {"MODELLINT_PYTHON": ".venv"}),
    ):
        run = command("net.py", *arguments, cwd=folder, **variables)
        assert (run.returncode, run.stdout) == (2, "")
        assert len(run.stderr.splitlines()) == 1
        for fact in (str(python.relative_to(folder)), "names it", "--python"):
            assert fact in run.stderr


@posix
@pytest.mark.slow
def test_models_run_where_only_torch_is_installed(folder):
    python = environment(folder / ".venv", torch=True)
    for name in ("random.py", "types.py", "json.py"):
        (folder / name).write_text("raise SystemExit('not the standard library')\n")
    missing = subprocess.run([python, "-c", "import modellint"], cwd="/", capture_output=True)
    assert missing.returncode == 1
    there = linted("net.py", cwd=folder)
    here = linted("net.py", "--python", sys.executable, cwd=folder)
    assert there == here
    assert there["tool"]["torch"] == VERSION
    assert [finding["rule"] for finding in there["findings"]] == ["even-kernel"]
    told = command("net.py", "-v", cwd=folder).stderr
    assert ".venv/bin/python" in told
    # However it is named.
    (folder / "modellint.toml").write_text('python = "other"\n')
    (folder / ".venv").rename(folder / "other")
    assert linted("net.py", cwd=folder) == here
    (folder / "modellint.toml").unlink()
    for variables in (
        {"MODELLINT_PYTHON": "other"},
        {"VIRTUAL_ENV": str(folder / "other")},
        {"CONDA_PREFIX": str(folder / "other")},
        {"MODELLINT_PYTHON": str(folder / "other"), "PYTHONHOME": ""},
    ):
        run = command("net.py", "-v", "--format", "concise", cwd=folder, **variables)
        assert run.returncode == 1
        assert "other/bin/python" in run.stderr


@posix
@pytest.mark.slow
def test_files_of_one_run_have_their_own_interpreters(folder):
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "pyproject.toml").touch()
        (folder / name / "net.py").write_text(NET.replace("import random", "import only_" + name))
        python = environment(folder / name / ".venv", torch=True)
        packages = next(python.parent.parent.glob("lib/*/site-packages"))
        (packages / f"only_{name}.py").touch()
    run = command(".", "-v", "--format", "concise", cwd=folder)
    assert run.stdout.count("[even-kernel]") == 3
    assert "skipped" not in run.stderr
    for python in ("one/.venv/bin/python", "two/.venv/bin/python"):
        assert python in run.stderr


@posix
@pytest.mark.slow
def test_a_plugin_that_needs_more_than_the_interpreter_has_is_named(folder, monkeypatch):
    python = environment(folder / ".venv", torch=True)
    info = folder / "site" / "demanding-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demanding\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[modellint.rules]\ndemanding = demanding\n")
    (folder / "site" / "demanding.py").write_text("import tabulate\n")
    monkeypatch.syspath_prepend(str(folder / "site"))
    with pytest.raises(PluginError, match=r"demanding.*tabulate"):
        lint_targets(["net.py"], Settings(python=str(python)))
