"""Under `python -O` and `-OO`, where assertions and docstrings are gone, every command works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NET = """
import torch
from torch import nn
net = nn.Sequential(nn.Conv2d(3, 8, 1, padding=1))
net(torch.rand(1, 3, 8, 8))
"""
RULE = '''
from modellint import rule

@rule("advice")
def own_rule(graph):
    """Says nothing."""
    yield from ()
'''


def run(
    folder: Path, *arguments: str, flags: tuple[str, ...] = (), level: str = ""
) -> subprocess.CompletedProcess[str]:
    """What a command prints in a Python that is told to optimise, by a flag or the environment."""
    environment = {**os.environ, "PYTHONOPTIMIZE": level, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *flags, "-m", "modellint", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A model with a finding, and a rule of the project's own."""
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "own.py").write_text(RULE)
    (tmp_path / "modellint.toml").write_text('plugins = ["own.py"]\n')
    return tmp_path


slow = pytest.mark.slow
optimised = pytest.mark.parametrize(
    "how",
    [
        pytest.param({"flags": ("-O",)}, id="-O", marks=slow),
        pytest.param({"flags": ("-OO",)}, id="-OO"),
        pytest.param({"level": "2"}, id="PYTHONOPTIMIZE=2", marks=slow),
    ],
)


@optimised
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--list", "net.py"), id="--list", marks=slow),
        pytest.param(("--show-settings",), id="--show-settings", marks=slow),
        pytest.param(("--explain", "crash"), id="--explain"),
        pytest.param(("--version",), id="--version", marks=slow),
    ],
)
def test_a_command_prints_what_it_always_does(project: Path, how, arguments) -> None:
    plain, optimal = run(project, *arguments), run(project, *arguments, **how)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert (optimal.returncode, optimal.stdout, optimal.stderr) == (0, plain.stdout, "")


@optimised
def test_a_page_that_is_missing_says_why(project: Path, how) -> None:
    run_of_page = run(project, "--explain", "even-kernel", **how)
    assert run_of_page.returncode == 0
    missing = how != {"flags": ("-O",)}
    assert ("Its page is missing" in run_of_page.stdout) == missing
    assert ("effective size" in run_of_page.stdout) != missing
    assert "own-rule" in run(project, "--rules", **how).stdout


@pytest.mark.slow
@optimised
def test_a_lint_finds_what_it_always_does(project: Path, how) -> None:
    given = ("--format", "json", "net.py")
    plain, optimal = run(project, *given), run(project, *given, **how)
    assert (plain.returncode, plain.stderr) == (1, "")
    assert (optimal.returncode, optimal.stdout, optimal.stderr) == (1, plain.stdout, "")
