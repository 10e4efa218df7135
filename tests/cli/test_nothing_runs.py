"""What is for reading only runs nothing of a project: no import, no statement, no process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from notebook_files import written

#: Runs a command in a process that ends with status 99 at the first sign of the project's code.
WATCHED = """
import os, runpy, sys
project = os.getcwd() + os.sep
watching = []

def watch(event, arguments):
    if not watching:
        return
    if event == "exec":
        ran = getattr(arguments[0], "co_filename", "")
        wrong = os.path.abspath(ran).startswith(project) if ran.endswith(".py") else False
    elif event == "import":
        wrong = str(arguments[1] or "").startswith(project)
    elif event == "ctypes.dlopen":
        wrong = str(arguments[0]).startswith(project)
    else:
        wrong = event in {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"}
    if wrong:
        os.write(2, f"RAN: {event} {arguments[:1]}".encode())
        os._exit(99)

sys.addaudithook(watch)
module, *rest = sys.argv[1:]
sys.argv = [module, *rest]
watching.append(True)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
#: Leaves a trace even where it is run by a process that nobody watches.
EVIL = 'open("RAN", "a").write("code of the project ran")\n'
RULE = dedent('''
    from modellint import rule

    @rule("advice", aliases=["my-alias"])
    def my_rule(graph, *, limit: int = 3):
        """My first sentence.

        Why: it is mine.
        """
        yield from ()
''')
NET = dedent("""
    import torch
    from torch import nn
    import helper
    net = nn.Sequential(nn.Conv2d(3, 8, 1, padding=1))
    net(torch.rand(1, 3, 8, 8))
""")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project all of whose files leave a trace, and whose Python is a script of its own."""
    python = tmp_path / ".venv" / "bin" / "python"
    files = {
        "modellint.toml": 'plugins = ["evil.py", "rules"]\n[rules.my-rule]\nlimit = 4\n',
        "evil.py": EVIL + RULE,
        "rules/__init__.py": EVIL,
        "rules/more.py": EVIL + RULE.replace("my_rule", "other_rule").replace("my-alias", "other"),
        "helper.py": EVIL,
        "net.py": EVIL + NET,
        "net.ipynb": written([EVIL, NET]).decode(),
        "pkg/__init__.py": f"{EVIL}from .nets import net as handed_on\n",
        "pkg/nets.py": EVIL + NET,
        "space/more/nets.py": EVIL + NET,
        "torch.py": EVIL,
        "click.py": EVIL,
        "sitecustomize.py": EVIL,
        "pyproject.toml": "[tool.pytest.ini_options]\n",
        ".venv/pyvenv.cfg": "",
        ".venv/lib/python3.13/site-packages/lib/__init__.py": EVIL + NET,
        ".venv/lib/python3.13/site-packages/evil.pth": f"import os; {EVIL}",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    python.parent.mkdir()
    python.write_text("#!/bin/sh\ntouch RAN\n")
    python.chmod(0o755)
    return tmp_path


def watched(project: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a module's command prints that is run from the project's folder."""
    command = [sys.executable, "-P", "-c", WATCHED, module, *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120)


def asked(command: str, shown: str, *marks: pytest.MarkDecorator) -> Any:
    """A command, and what it shows."""
    return pytest.param(command, shown, id=command, marks=marks)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        asked("--list .", "net.py:6: net"),
        asked("--list net.py --select my-rule", "net.py:6: net", pytest.mark.slow),
        asked("--list net.ipynb", "net.ipynb:cell 2:5: net", pytest.mark.slow),
        asked("--list pkg.nets", "pkg/nets.py:6: net"),
        asked("--list pkg:handed_on", "pkg/nets.py:6: net", pytest.mark.slow),
        asked("--list space.more.nets:net", "space/more/nets.py:6: net", pytest.mark.slow),
        asked("--list lib:net", "lib/__init__.py:6: net", pytest.mark.slow),
        asked("--show-settings pkg.nets", "limit = 4", pytest.mark.slow),
        asked("--show-settings", '"my-rule"', pytest.mark.slow),
        asked("--show-settings net.py", "limit = 4"),
        asked("--rules", "My first sentence."),
        asked("--explain my-rule", "Why: it is mine.", pytest.mark.slow),
        asked("--explain my-alias", "Why: it is mine."),
        asked("--explain crash", "crash", pytest.mark.slow),
        asked("--version", "modellint", pytest.mark.slow),
        asked("--help", "TARGET", pytest.mark.slow),
    ],
)
def test_nothing_of_a_project_runs(project: Path, command: str, shown: str) -> None:
    run = watched(project, "modellint", *command.split())
    assert (run.returncode, run.stderr) == (0, "")
    assert shown in run.stdout
    assert not (project / "RAN").exists()


def test_nothing_of_a_project_runs_when_pytest_collects_its_models(project: Path) -> None:
    given = ("-p", "no:cacheprovider", "-p", "no:xdist", "--modellint", "--collect-only", "-q")
    run = watched(project, "pytest", *given)
    assert (run.returncode, run.stderr) == (0, "")
    assert "net.py::modellint::net" in run.stdout
    assert not (project / "RAN").exists()


@pytest.mark.parametrize("page", ["--list", "--show-settings", "--rules", "--explain crash"])
def test_what_is_to_be_read_is_not_compared(project: Path, page: str) -> None:
    run = watched(project, "modellint", "net.py", "--compare", "HEAD", *page.split())
    assert (run.returncode, run.stdout) == (2, "")
    assert "--compare" in run.stderr
    assert not (project / "RAN").exists()


def test_the_hook_sees_a_plugin_that_is_loaded(project: Path) -> None:
    """Else the tests before would prove nothing: a lint loads plugins, and starts a Python."""
    run = watched(project, "modellint", "net.py")
    assert run.returncode == 99
    assert "RAN: " in run.stderr
    (project / "modellint.toml").write_text("")
    run = watched(project, "modellint", "net.py")
    assert run.returncode == 99
    assert "Popen" in run.stderr
