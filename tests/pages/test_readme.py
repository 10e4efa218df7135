"""The README shows what the tool really prints, and its commands are those that CI runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from documents import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def block(mark):
    """The text of the code block after a marking comment."""
    found = re.search(rf"<!-- {mark}.*?-->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found, f"README has no block marked {mark}"
    return found[1]


@pytest.mark.slow
def test_the_shown_output_is_the_real_one(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    # In this order: the last one changes the file.
    for mark in ("command and output", "annotate", "diff", "clean"):
        command, _, output = block(mark).partition("\n")
        program, *arguments = shlex.split(command.removeprefix("$ "))
        run = subprocess.run(
            [sys.executable, "-m", program, *arguments],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
        )
        assert run.stdout == output
    compile((tmp_path / "examples" / "digits.py").read_text("utf-8"), "digits.py", "exec")


def test_ci_runs_the_command_of_the_readme():
    (command,) = block("test").splitlines()
    assert command.endswith(".venv/bin/pytest")
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "<!-- test -->" in script
    assert command not in script


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_ci_is_valid_shell():
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_python_of_the_readme_is_valid():
    for text in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        compile(text, "README.md", "exec")
