"""What other files of a project show counts in a run, as long as it is as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modellint.config.settings import Settings
from modellint.engine import project_index, running
from modellint.engine.engine import lint_targets
from modellint.engine.project_index import ProjectIndex
from modellint.results.report import Report

pytestmark = pytest.mark.usefixtures("one_worker")

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, 2, bias=False)

    def forward(self, x):
        return self.layer(x)
"""
ENGINE = """
from net import Net

class Engine:
    def __init__(self, config):
        self.model = Net(config["width"])
"""
TRAIN = """
import json
from engine import Engine

with open("settings.json") as file:
    Engine(json.load(file))
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A project in the current folder, whose model an engine builds that a script configures."""
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").touch()
    for name, text in (("net", NET), ("engine", ENGINE), ("train", TRAIN)):
        Path(f"{name}.py").write_text(text)
    set_width(30)


@pytest.fixture(autouse=True)
def ran(monkeypatch):
    """The files that a worker was asked to lint, by name."""
    names: list[str] = []
    plain = running.run_file

    def noted(pool, work):
        names.append(Path(work.job.path).name)
        return plain(pool, work)

    monkeypatch.setattr(running, "run_file", noted)
    return names


def set_width(width: int) -> None:
    Path("settings.json").write_text(json.dumps({"width": width}))


def lint(*targets: str) -> Report:
    return lint_targets(targets or ["net.py"], Settings(cache=True))


def parameters(report: Report) -> list[int | None]:
    return [model.parameters for model in report.models]


def test_what_was_used_is_said():
    report = lint()
    assert parameters(report) == [60]
    assert "Net: engine.py:6 builds it: Net(width=30)" in [one.message for one in report.notes]


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        ("engine.py", '"width"]', '"width"] * 2', 120),
        ("train.py", "json.load(file)", '{"width": 5}', 10),
        ("settings.json", "30", "40", 80),
    ],
)
def test_a_change_in_a_file_that_was_read_counts(name, old, new, found):
    lint()
    Path(name).write_text(Path(name).read_text().replace(old, new))
    assert parameters(lint()) == [found]


def test_a_script_that_is_new_counts_and_what_has_nothing_to_do_with_it_does_not(ran):
    Path("train.py").rename("train.txt")
    assert parameters(lint()) != [60]
    ran.clear()
    Path("other.py").write_text("import os\n")
    lint()
    assert ran == []
    Path("train.txt").rename("train.py")
    assert parameters(lint()) == [60]


def test_a_module_that_was_looked_for_in_vain_counts_where_it_appears():
    Path("train.py").write_text(
        "from engine import Engine\ntry:\n    from local import WIDTH\n"
        'except ImportError:\n    WIDTH = 7\nEngine({"width": WIDTH})\n'
    )
    lint()
    Path("local.py").write_text("WIDTH = 9\n")
    assert parameters(lint()) == [18]


def test_a_part_of_another_file_s_model_becomes_an_entry_where_that_is_gone(ran):
    whole = (
        "from torch import nn\nfrom net import Net\nclass Whole(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.net = Net(4)\n"
        "    def forward(self, x):\n        return self.net(x)\n"
    )
    Path("engine.py").write_text(whole)
    Path("train.py").write_text("from engine import Whole\nmodel = Whole()\n")
    assert parameters(lint()) == []
    assert parameters(lint()) == [] and ran == []
    Path("engine.py").write_text(whole + "net = Net(6)\n")
    assert parameters(lint()) == [12]


def test_nothing_of_other_files_runs():
    with Path("train.py").open("a") as file:
        file.write('\nopen("RAN", "w").close()\nraise SystemExit\n')
    assert parameters(lint()) == [60]
    assert not Path("RAN").exists()


def test_a_model_that_fails_as_it_was_read_is_not_accused():
    Path("net.py").write_text(NET.replace("(width, 2", "(width['n'], 2"))
    Path("settings.json").write_text('{"width": {"n": -3}}')
    report = lint()
    assert [model.status for model in report.models] == ["not-analysed"]
    assert report.exit_status == 0 and "engine.py:6 builds it" in str(report.models[0].reason)


def programs(path: str, *given: str) -> list[str]:
    folders = tuple(str(Path(one).absolute()) for one in given)
    root, found = ProjectIndex(folders, lambda _: None).programs(str(Path(path).absolute()))
    return [Path(one).relative_to(root).as_posix() for one in found]


def test_scripts_come_before_what_they_build_models_by():
    assert programs("net.py") == ["engine.py", "train.py"]
    with Path("train.py").open("a") as file:
        file.write('if __name__ == "__main__":\n    pass\n')
    assert programs("net.py") == ["train.py", "engine.py"]


@pytest.mark.parametrize(
    "place",
    ["node_modules", ".venv/lib", "site-packages", "custom/lib", "build", "other_project"],
)
def test_what_is_no_part_of_the_project_is_not_searched(place):
    folder = Path(place)
    folder.mkdir(parents=True)
    Path("custom").mkdir(exist_ok=True)
    Path("custom/pyvenv.cfg").touch()
    if place == "other_project":
        Path(place, ".git").mkdir()
    (folder / "script.py").write_text("from net import Net\nNet(3)\n")
    assert programs("net.py") == ["engine.py", "train.py"]


def test_links_in_a_circle_and_files_that_cannot_be_read_stop_nothing():
    Path("loop").symlink_to(".", target_is_directory=True)
    Path("gone.py").symlink_to("nowhere.py")
    Path("latin.py").write_bytes(
        b"# -*- coding: latin-1 -*-\nfrom net import Net\nNet(30)  # \xe9\n"
    )
    Path("data.py").write_bytes(b"from net import Net\n" + b"x = 1\n" * 200_000)
    Path("broken.py").write_text("from net import Net\nNet(\n")
    Path("folder.py").mkdir()
    assert {"latin.py", "broken.py"} <= set(programs("net.py"))
    assert "data.py" not in programs("net.py")
    assert parameters(lint()) == [60]


def test_without_a_mark_the_project_is_what_holds_the_packages_or_what_was_given():
    Path("pyproject.toml").unlink()
    inner = Path("pack/deep")
    inner.mkdir(parents=True)
    (inner / "net.py").write_text(NET)
    Path("run.py").write_text("from pack.deep.net import Net\nNet(3)\n")
    assert programs("pack/deep/net.py") == []
    assert programs("pack/deep/net.py", ".") == ["run.py"]
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    assert programs("pack/deep/net.py") == ["run.py"]


def test_a_file_of_a_large_project_is_read_again_only_where_it_has_changed(monkeypatch):
    for number in range(120):
        Path(f"other{number}.py").write_text("import os\n")
    lint()
    read: list[bytes] = []
    plain = project_index.read_imports
    monkeypatch.setattr(
        project_index, "read_imports", lambda data: read.append(data) or plain(data)
    )
    lint()
    assert read == []
    Path("other7.py").write_text("import net\n")
    lint()
    assert read == [b"import net\n"]
