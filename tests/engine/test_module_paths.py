"""Module paths as targets: in the project's interpreter, at the library's lines, never written."""

import json

import pytest
from command import modellint
from environments import environment, site_packages

from modellint import lint_paths

pytestmark = pytest.mark.slow

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 4, padding=1)

    def forward(self, x):
        return self.conv(x)


def small():
    return Net(4)


Net()(torch.rand(2, 3, 32, 32))
"""


@pytest.fixture
def project(tmp_path):
    """A project with a package of its own."""
    folder = tmp_path / "project"
    (folder / "mypackage" / "more").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (folder / "mypackage" / "__init__.py").write_text("from .nets import Net as Model, small\n")
    (folder / "mypackage" / "nets.py").write_text(NET)
    (folder / "mypackage" / "more" / "__init__.py").write_text("")
    (folder / "mypackage" / "more" / "wide.py").write_text(NET.replace("Net", "Wide"))
    return folder


@pytest.fixture
def installed(tmp_path, project):
    """A library in an environment of the project's, which has the torch of this one."""
    environment(project / ".venv", torch=True)
    packages = site_packages(project / ".venv")
    (project / ".gitignore").write_text(".venv/\n")
    (packages / "library").mkdir()
    (packages / "library" / "__init__.py").write_text("from .nets import *\n")
    (packages / "library" / "nets.py").write_text(NET)
    return packages / "library" / "nets.py"


def models(folder, *arguments):
    done = modellint(*arguments, "--format", "json", "--fail-level", "never", cwd=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    return {(one["path"], one["name"]): one for one in report["models"]}, report["findings"]


def test_a_module_of_the_project(project):
    found, findings = models(project, "mypackage.nets")
    assert {*found} == {("mypackage/nets.py", "Net"), ("mypackage/nets.py", "small")}
    assert {one["path"] for one in findings} == {"mypackage/nets.py"}


@pytest.mark.parametrize(
    "target, name",
    [
        ("mypackage.nets:Net", "Net"),
        ("mypackage:Model", "Net"),
        ("mypackage:small", "small"),
        ("mypackage.nets:Net(width=3)", "Net(width=3)"),
        ("mypackage:Model(width=3)", "Net(width=3)"),
    ],
)
def test_a_name_of_a_module(project, target, name):
    found, _ = models(project, target)
    assert {*found} == {("mypackage/nets.py", name)}


def test_a_package_stands_for_its_files(project):
    # A folder of that name is there, and is what is meant.
    found, _ = models(project, "mypackage.more")
    assert ("mypackage/more/wide.py", "Wide") in found


def test_of_a_project_with_a_folder_for_its_sources(project):
    (project / "src").mkdir()
    (project / "mypackage").rename(project / "src" / "mypackage")
    found, _ = models(project, "mypackage.nets:Net")
    assert {*found} == {("src/mypackage/nets.py", "Net")}


def test_an_installed_library_in_the_interpreter_of_the_project(project, installed):
    found, findings = models(project, "library:Net")
    shown = installed.relative_to(project).as_posix()
    assert {*found} == {(shown, "Net")}
    assert {(one["path"], one["line"]) for one in findings} == {(shown, 8)}
    everything, _ = models(project, "library")
    assert {*everything} == {(shown, "Net"), (shown, "small")}


@pytest.mark.parametrize("flag", ["--fix", "--add-ignore=why"])
@pytest.mark.parametrize("target", ["library:Net", "library", "{path}", "{path}::Net"])
def test_an_installed_library_is_never_written_to(project, installed, flag, target):
    before = installed.read_bytes()
    named = target.format(path=installed)
    done = modellint(named, flag, "--unsafe-fixes" if flag == "--fix" else "-q", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "installed package" in done.stderr
    assert installed.read_bytes() == before
    assert modellint(named, "--diff", cwd=project).returncode in (0, 1)


def test_no_cache_is_made_in_an_installed_package(project, installed):
    models(project, "library:Net")
    assert not [*installed.parents[1].rglob(".modellint_cache")]


@pytest.mark.parametrize(
    "target", ["nope", "nope:Net", "mypackage.nope", "mypackage:Nope", "sys:path", "net.py", "a b"]
)
def test_what_there_is_not(project, target):
    done = modellint(target, cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("modellint: ")
    assert target.partition(":")[0].partition(".")[0] in done.stderr


def test_a_file_of_that_name_comes_first(project):
    (project / "mypackage.nets").mkdir()
    (project / "mypackage.nets" / "own.py").write_text(NET.replace("Net", "Own"))
    found, _ = models(project, "mypackage.nets")
    assert ("mypackage.nets/own.py", "Own") in found


def test_in_python(project, monkeypatch):
    monkeypatch.chdir(project)
    report = lint_paths("mypackage.nets:Net")
    assert [model.path for model in report.models] == ["mypackage/nets.py"]


def test_models_and_settings_are_listed(project):
    assert "Net (class)" in modellint("mypackage:Model", "--list", cwd=project).stdout
    assert "nets.py" in modellint("mypackage.nets", "--show-settings", cwd=project).stdout
