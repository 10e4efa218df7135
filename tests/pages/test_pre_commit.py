"""The hooks of .pre-commit-hooks.yaml, in pre-commit itself: what a commit meets."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from documents import ROOT, block, marks
from environments import bare, environment
from notebook_files import written

pytest.importorskip("pre_commit", reason="pre-commit is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
    pytest.mark.skipif(os.name == "nt", reason="makes links"),
]

BAD = """import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, padding=1)

    def forward(self, x):
        return self.conv(x)
"""
GOOD = BAD.replace("8, 4,", "8, 3,")
#: With a bias that the norm behind it cancels.
NORMED = GOOD.replace("padding=1)", "padding=1)\n        self.norm = nn.BatchNorm2d(8)").replace(
    "self.conv(x)", "self.norm(self.conv(x))"
)
CONFIG = ".pre-commit-config.yaml"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where pre-commit keeps what it has fetched and installed."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A repository of what is here, as a user's configuration names it."""
    folder = tmp_path_factory.mktemp("published")
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("modellint", "rules"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder)
    git("init", "--quiet", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "--message", "Publish", cwd=folder)
    git("tag", "v0.1.0", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def with_torch(tmp_path_factory):
    """An environment as a project has it: torch, and no modellint."""
    folder = tmp_path_factory.mktemp("environment") / "env"
    environment(folder, torch=True)
    return folder


@pytest.fixture
def project(tmp_path, with_torch):
    """A project under git, whose .venv has torch."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".gitignore").write_text(".venv\n")
    (tmp_path / ".venv").symlink_to(with_torch)
    git("init", "--quiet", cwd=tmp_path)
    return tmp_path


def variables(**more):
    """What git and pre-commit need to know, and nothing of the user's own settings."""
    person = {
        f"GIT_{role}_{fact}": "test"
        for role in ("AUTHOR", "COMMITTER")
        for fact in ("NAME", "EMAIL")
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return bare(**person, GIT_CONFIG_GLOBAL=os.devnull, PATH=path, **more)


def run(*command, cwd, **more):
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=variables(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def git(*arguments, cwd):
    done = run("git", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def pre_commit(*arguments, cwd, home, **more):
    command = (sys.executable, "-m", "pre_commit", *arguments)
    return run(*command, cwd=cwd, PRE_COMMIT_HOME=home, **more)


def configure(project, text, published):
    """Write a configuration as the page shows it, with the repository that there is here."""
    url = yaml.safe_load(block("pre-commit.md", "hook"))["repos"][0]["repo"]
    (project / CONFIG).write_text(text.replace(url, str(published)))
    git("add", ".", cwd=project)


def commit(project, home, **more):
    git("add", ".", cwd=project)
    return run("git", "commit", "--message", "Change", cwd=project, PRE_COMMIT_HOME=home, **more)


def test_every_block_is_tried_here():
    assert marks("pre-commit.md") == ["hook", "python", "system", "local", "fix", "skip", "options"]


def test_the_manifest_and_the_shown_configurations_are_valid(tmp_path, home):
    manifest = ROOT / ".pre-commit-hooks.yaml"
    done = pre_commit("validate-manifest", manifest, cwd=tmp_path, home=home)
    assert done.returncode == 0, done.stdout
    ids = {hook["id"] for hook in yaml.safe_load(manifest.read_text("utf-8"))}
    assert ids == {"modellint", "modellint-system"}
    for mark in ("hook", "system", "local", "fix", "skip", "options"):
        (tmp_path / CONFIG).write_text(block("pre-commit.md", mark))
        done = pre_commit("validate-config", CONFIG, cwd=tmp_path, home=home)
        assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("hook", ["modellint", "modellint-system"])
def test_a_hook_can_be_tried_from_the_repository(project, published, home, hook):
    (project / "net.py").write_text(BAD)
    git("add", ".", cwd=project)
    done = pre_commit("try-repo", published, hook, "--verbose", cwd=project, home=home)
    assert done.returncode == 1
    assert "net.py:8:21: warning[even-kernel]" in done.stdout
    (project / "net.py").write_text(GOOD)
    git("add", ".", cwd=project)
    assert pre_commit("try-repo", published, hook, cwd=project, home=home).returncode == 0


def test_a_commit_is_blocked_until_the_model_is_mended(project, published, home):
    configure(project, block("pre-commit.md", "hook"), published)
    assert pre_commit("install", cwd=project, home=home).returncode == 0
    (project / "net.py").write_text(BAD)
    blocked = commit(project, home)
    assert blocked.returncode == 1
    assert "[even-kernel]" in blocked.stdout
    # Neither colours nor a bar, where nothing is a terminal.
    assert "\x1b" not in blocked.stdout
    assert "\r" not in blocked.stdout
    (project / "net.py").write_text(GOOD)
    passed = commit(project, home)
    assert passed.returncode == 0, passed.stdout
    assert git("status", "--short", cwd=project) == ""


def test_notebooks_are_checked_too(project, published, home):
    (project / "net.ipynb").write_bytes(written(["%matplotlib inline", BAD]))
    for mark in ("hook", "local"):
        configure(project, block("pre-commit.md", mark), published)
        blocked = pre_commit("run", cwd=project, home=home)
        assert blocked.returncode == 1
        assert "net.ipynb:cell 2:8:21: warning[even-kernel]" in blocked.stdout


def test_options_and_odd_names_reach_modellint(project, published, home):
    names = ["-net.py", "--version.py", "a net.py", "modèle 网.py", "x::Net.py", "quote's.py"]
    for name in names:
        (project / name).write_text(BAD)
    configure(project, block("pre-commit.md", "options"), published)
    passed = pre_commit("run", "--verbose", cwd=project, home=home)
    assert passed.returncode == 0, passed.stdout
    assert f"{len(names)} models checked" in passed.stdout
    configure(project, block("pre-commit.md", "hook"), published)
    blocked = pre_commit("run", cwd=project, home=home)
    assert blocked.returncode == 1
    assert blocked.stdout.count("[even-kernel]") >= len(names)


def test_three_hundred_files_are_linted_in_one_run(project, published, home):
    for index in range(299):
        (project / f"net{index}.py").write_text(GOOD)
    (project / "last.py").write_text(BAD)
    configure(project, block("pre-commit.md", "hook"), published)
    done = pre_commit("run", cwd=project, home=home)
    assert done.returncode == 1
    assert done.stdout.count("models checked") == 1
    assert "300 models checked, 1 warning" in done.stdout


def test_without_python_files_nothing_runs(project, published, home):
    (project / "notes.md").write_text("torch\n")
    configure(project, block("pre-commit.md", "hook"), published)
    done = pre_commit("run", cwd=project, home=home)
    assert done.returncode == 0
    assert "no files to check" in done.stdout


def test_files_without_models_need_no_torch(project, published, home):
    (project / ".venv").unlink()
    environment(project / ".venv")
    (project / "plain.py").write_text("import os\n")
    (project / "train.py").write_text("import torch\n\ntorch.manual_seed(0)\n")
    configure(project, block("pre-commit.md", "hook"), published)
    done = pre_commit("run", cwd=project, home=home)
    assert done.returncode == 0, done.stdout
    # With a model it is told what the project's environment lacks.
    (project / "net.py").write_text(GOOD)
    git("add", ".", cwd=project)
    done = pre_commit("run", cwd=project, home=home)
    assert done.returncode == 1
    assert ".venv/bin/python" in done.stdout


def test_the_python_of_the_project_can_be_named(project, published, home):
    (project / ".venv").unlink()
    (project / "net.py").write_text(BAD)
    configure(project, block("pre-commit.md", "hook"), published)
    lost = pre_commit("run", cwd=project, home=home)
    assert lost.returncode == 1
    assert "even-kernel" not in lost.stdout
    python = sys.executable
    named = pre_commit("run", cwd=project, home=home, MODELLINT_PYTHON=python)
    assert "[even-kernel]" in named.stdout
    text = block("pre-commit.md", "python")
    (project / "pyproject.toml").write_text(text.replace(".venv", python))
    git("add", ".", cwd=project)
    configured = pre_commit("run", cwd=project, home=home)
    assert "[even-kernel]" in configured.stdout


@pytest.mark.parametrize("mark", ["local", "system"])
def test_the_installed_modellint_serves_too(project, published, home, mark):
    (project / "net.py").write_text(BAD)
    configure(project, block("pre-commit.md", mark), published)
    done = pre_commit("run", cwd=project, home=home)
    assert done.returncode == 1
    assert "[even-kernel]" in done.stdout


def test_a_commit_that_is_fixed_fails_once(project, published, home):
    configure(project, block("pre-commit.md", "fix"), published)
    assert pre_commit("install", cwd=project, home=home).returncode == 0
    (project / "net.py").write_text(NORMED)
    blocked = commit(project, home)
    assert blocked.returncode == 1
    assert "files were modified by this hook" in blocked.stdout
    assert ", 1 fixed" in blocked.stdout
    assert "padding=1, bias=False)" in (project / "net.py").read_text()
    passed = commit(project, home)
    assert passed.returncode == 0, passed.stdout


def test_the_hook_can_be_left_out(project, published, home):
    (project / "net.py").write_text(BAD)
    configure(project, block("pre-commit.md", "skip"), published)
    skipped = yaml.safe_load((project / CONFIG).read_text())["ci"]["skip"]
    # What pre-commit.ci does with the list.
    done = pre_commit("run", cwd=project, home=home, SKIP=",".join(skipped))
    assert done.returncode == 0
