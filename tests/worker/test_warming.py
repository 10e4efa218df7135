"""What the configuration preloads is imported once, before the files that need it."""

from pathlib import Path

import pytest

import modellint
from modellint.config.settings import Settings
from modellint.engine import server_pool
from modellint.engine.engine import lint_targets
from modellint.engine.server_pool import FORKS
from modellint.errors import UsageError, WorkerError
from modellint.worker.warming import import_early

pytestmark = [
    pytest.mark.skipif(not FORKS, reason="nothing is shared where there is no fork"),
]

#: Whether a module was there before the file asked for it shows in its model's width.
NET = """
import sys
WIDTH = 3 + (sys.modules["builtins"] and {module!r} in sys.modules)
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, WIDTH)

    def forward(self, x):
        return self.fc(x)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(module, preload, *, names=("a", "b"), **settings):
    Path("modellint.toml").write_text(f"preload = {preload!r}\n")
    for name in names:
        Path(f"{name}.py").write_text(NET.format(module=module))
    return lint_targets(["."], Settings(**settings))


def widths(report):
    assert not report.errors, report
    return {model.layers["fc"].output[-1] for model in report.models}


#: Rooms of the package whose code runs behind that of a file, and what only the front end needs.
BEHIND = """building contracts discovery facts geometry graph inputs linting modules protocol
results shapes source symbolic tracing worker""".split()
IN_FRONT = {
    "building.exported_graphs",
    "building.live_models",
    "discovery.module_files",
    "graph.listing",
    "inputs.live_inputs",
    "linting.plugin_trees",
    "results.baselined",
    "results.cells",
    "results.compared",
    "results.compared_types",
    "source.project_files",
    "source.replacing",
    "source.whole_files",
}


def test_whatever_user_code_makes_of_imports_nothing_of_modellints_is_missing():
    package = Path(modellint.__file__).parent
    files = [path for room in BEHIND for path in (package / room).glob("[!_]*.py")]
    names = {".".join(path.relative_to(package).with_suffix("").parts) for path in files}
    text = NET.format(module="torch").replace("WIDTH)", "missing())")
    Path("net.py").write_text(
        f"NAMES = {sorted(names - IN_FRONT)}\n{text}\n"
        "def missing():\n"
        "    left = [one for one in NAMES if f'modellint.{one}' not in sys.modules]\n"
        "    assert not left, left\n"
        "    return 4\n"
    )
    assert widths(lint_targets(["net.py"], Settings())) == {4}


@pytest.mark.slow
def test_a_library_is_there_before_the_files(new_worker):
    # In one worker: that a module was preloaded cannot be undone there.
    assert widths(lint("tabulate", [])) == {3}
    assert widths(lint("tabulate", ["tabulate"])) == {4}


def test_a_library_that_is_not_there_is_wrong_configuration():
    # A process waits for the next file, and it was not asked for this library.
    lint("tabulate", [])
    with pytest.raises(UsageError, match="missing_package_xyz"):
        lint("tabulate", ["missing_package_xyz"])
    # The worker goes on: the next run has another configuration.
    assert widths(lint("tabulate", [])) <= {3, 4}


@pytest.fixture
def library(folder, monkeypatch):
    """Install a library with this text."""
    (folder / "site-packages").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder / "site-packages"))
    return (folder / "site-packages" / "library_xyz.py").write_text


@pytest.mark.slow
def test_the_time_that_a_library_takes_is_not_a_files(library, new_worker, monkeypatch):
    monkeypatch.setattr(server_pool, "_SILENCE", 0)
    monkeypatch.setattr(server_pool, "_ATTEMPTS", 1)
    library("import time; time.sleep(7)")
    assert widths(lint("library_xyz", ["library_xyz"], timeout=3)) == {4}


@pytest.mark.slow
def test_a_library_that_ends_the_process_is_no_fault_of_the_files(library, new_worker):
    library("import os; os._exit(0)")
    with pytest.raises(WorkerError):
        lint("library_xyz", ["library_xyz"])


def test_a_module_of_a_project_is_refused(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    Path("mine_xyz.py").touch()
    assert str(folder) in (import_early(["mine_xyz"]) or "")


@pytest.mark.parametrize("wrong", ["timm", ["a b"], [""], ["a;b"], [3], ["a" * 3000], ["../x"]])
def test_what_names_no_module_is_wrong_configuration(wrong):
    with pytest.raises(UsageError, match="preload"):
        lint("tabulate", wrong)
