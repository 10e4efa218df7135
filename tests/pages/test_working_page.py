"""The pages for those who work on modellint: what they tell works, what they name is there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from documents import DOCS, ROOT, block, marks
from environments import bare
from test_architecture import LEVEL
from test_pages import follow

NAME = "working-on-modellint.md"
PAGE = (DOCS / NAME).read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
WHERE = PAGE[PAGE.index("<!-- where -->") : PAGE.index("After a change of a rule's text")]
#: What a newcomer came for, and the file that must be found in the page by a word of it.
TRIALS = {
    "pixel_shuffle": "modellint/shapes/sampling.py",
    "output format": "modellint/report/__init__.py",
    "constructor call": "modellint/discovery/evidence.py",
    "colour of a severity": "modellint/report/view.py",
    "time-out": "modellint/worker/deaths.py",
}


def tables(mark):
    """The rows of the table after a mark, each as its cells."""
    found = re.search(rf"<!-- {mark} -->\n\|.*\n\|.*\n((?:\|.*\n)+)", PAGE)
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in found[1].splitlines()]


def test_every_block_is_tried_here():
    assert marks("working-on-modellint.md") == ["set up", "in this process"]
    assert CONTRIBUTING.count("\n```bash\n") == CONTRIBUTING.count("\n```") / 2 == 1


def test_contributing_begins_as_the_page_does():
    (short,) = re.findall(r"```bash\n(.*?)```", CONTRIBUTING, re.DOTALL)
    assert short == block(NAME, "set up") + "pytest\n"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt" or shutil.which("git") is None, reason="a shell and git")
def test_the_set_up_works(tmp_path):
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    shutil.copy(ROOT / ".pre-commit-config.yaml", tmp_path)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Nothing is installed by a test: what would be is kept.
    script = (
        'pip() { printf "%s\\n" "$@" > asked; }\n' + block(NAME, "set up") + "command -v python"
    )
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True, env=bare())
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env=bare(PATH=path, PRE_COMMIT_HOME=str(tmp_path / "home")),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path / ".venv" / "bin" / "python")
    assert (tmp_path / ".git" / "hooks" / "pre-commit").is_file()
    asked = (tmp_path / "asked").read_text().split()
    assert asked[:2] == ["install", "-e"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = asked[2].removeprefix(".[").removesuffix("]").split(",")
    assert {*extras} <= {*project["optional-dependencies"]}


def commands(program):
    """The commands of the page that run a program, those of the table of tiers among them."""
    return sorted(set(re.findall(rf"`({program} [^`\n]+|{program})`", PAGE)))


@pytest.mark.slow
@pytest.mark.parametrize("command", commands("pytest"))
def test_a_tier_has_tests(command):
    words = shlex.split(command)
    run = [sys.executable, "-m", *words, "--collect-only", "-q", "-n", "0"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+(/\d+)? tests collected", done.stdout, re.MULTILINE)


def test_what_else_the_page_runs_is_there():
    tiers = [command.strip("`") for command, *_ in tables("tiers")]
    assert tiers[-1] == ".ci/run" and os.access(ROOT / tiers[-1], os.X_OK)
    assert {*tiers[:-1]} <= {*commands("pytest")}
    for command in commands("python"):
        _, *words = shlex.split(command)
        if words[0] == "-m":
            assert (ROOT / words[1].replace(".", "/") / "__main__.py").is_file()
        else:
            assert (ROOT / words[0]).is_file()


@pytest.mark.parametrize("text", [PAGE, CONTRIBUTING], ids=["page", "contributing"])
def test_every_place_that_is_named_is_there(text):
    named = re.findall(r"`((?:modellint|rules|tests|docs|examples|\.ci)/[\w/.-]*)`", text)
    assert [one for one in named if not (ROOT / one).exists()] == []


def test_what_to_look_for_in_a_file_stands_there():
    pairs = re.findall(r"`([\w-]+)` (?:in|of) `(modellint/[\w/.]+)`", PAGE)
    pairs += re.findall(r"`(\w+)` in `(modellint/[\w/.]+)`", WHERE)
    assert len(pairs) > 10
    assert [one for one in pairs if one[0] not in (ROOT / one[1]).read_text("utf-8")] == []


@pytest.mark.parametrize("wish", TRIALS)
def test_a_newcomer_finds_the_file_to_change(wish):
    rows = [row for row in tables("where") if wish in row[0]]
    assert len(rows) == 1
    assert f"`{TRIALS[wish]}`" in " ".join(rows[0][1:])


def test_what_is_asked_of_a_misjudged_file_leads_to_rooms():
    rows = tables("asking")
    assert all(re.match(r"`modellint [^`]*`: .*\?$", ask) for ask, _ in rows)
    rooms = {room for _, answer in rows for room in re.findall(r"`(\w+)/`", answer)}
    assert rooms <= {*LEVEL}
    assert {"discovery", "inputs", "building", "shapes", "tracing", "contracts"} <= rooms


def test_the_stages_run_in_this_process(tmp_path, monkeypatch):
    shutil.copy(ROOT / "examples" / "digits.py", tmp_path / "net.py")
    monkeypatch.chdir(tmp_path)
    follow(block(NAME, "in this process"), {}, NAME)
