"""Projects as people write them: their main models are analysed, and nothing in them is accused.

Each folder of `tests/projects/` is correct code, without a word to modellint in it. It is linted
as a clone of it would be, and run in PyTorch. What is not analysed yet stands in `NOT_YET`: a list
to be made shorter, which nothing may be added to.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modellint import lint_paths
from modellint.engine.server_pool import FORKS
from modellint.results.models import ModelReport
from modellint.results.report import Report

FOLDER = Path(__file__).parent / "projects"
TABLE = FOLDER.with_suffix(".tsv")


class Main(NamedTuple):
    """A row of the table: a main model, and how a command runs it.

    `model` is `project/file.py::Name`; `command` what follows `python` in the project; `parameters`
    those of an instance of the run, and `axes` those of the tensors it is called with (`x:4 t:1`).
    """

    model: str
    command: str
    parameters: str
    axes: str

    @property
    def project(self) -> str:
        """The folder that it is in."""
        return self.model.partition("/")[0]

    def is_as(self, report: ModelReport) -> bool:
        """Whether what was linted is what runs: as many parameters, and axes of each input."""
        axes = dict(one.split(":") for one in self.axes.split())
        fed = {given.name: str(len(given.example)) for given in report.inputs}
        return str(report.parameters) == self.parameters and all(
            axes.get(name, count) == count for name, count in fed.items()
        )


def read_table() -> list[Main]:
    """What a user would call the models of each project, and how they are run."""
    _, *rows = TABLE.read_text("utf-8").splitlines()
    return [Main(*row.split("\t")) for row in rows]


MAINS = read_table()
KEYS = sorted({main.model for main in MAINS})

#: How many main models are built and fed as they are in the project. (Others are so with what was
#: assumed; sizes of data that a script loads cannot be known.)
AS_RUN = 54

#: The main models that are not analysed, and what is not read. Where a row says no more than a
#: place, "needs arguments" is said, and they are there.
NOT_YET: dict[str, str] = {}

#: Files of which something false is said, and what: to be emptied, as `NOT_YET` is.
ACCUSED_YET: dict[str, str] = {}

#: The rules on rows and axes of a batch, whose warnings are each judged by hand.
ROWS_AND_AXES = frozenset(
    """batch-mixed scrambled-axes batch-squeezed constant-output loss-mismatch
    dropped-result""".split()
)
#: What is true of what they tell of: of two GRUs, the second is not told that the batch is first.
TRUE_OF_ROWS = {("asr_ctc/model.py", "batch-mixed")}


def read_files(project: Path) -> list[Path]:
    """The files that a project's author wrote."""
    return [path for path in project.rglob("*") if path.is_file() and path.suffix != ".pyc"]


def run_in_torch(commands: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """What came of each command, of a project and what follows `python`, without modellint."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "tests.project_runs", str(FOLDER)],
        input=json.dumps(commands),
        cwd=FOLDER.parent.parent,
        capture_output=True,
        text=True,
        timeout=1200,
        check=True,
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The projects where each is a repository of its own."""
    folder = tmp_path_factory.mktemp("clones") / "projects"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for project in folder.iterdir():
        (project / ".git").mkdir()
    return folder


@pytest.fixture(scope="module")
def report(clones: Path) -> Report:
    """All projects, linted in one run as they are, with nothing said."""
    return lint_paths(sorted(clones.iterdir()), jobs=1)


def found(report: Report, clones: Path, key: str) -> list[ModelReport]:
    """The models of a report that a main model is: by its own name, or built of its class."""
    path, _, name = key.rpartition("::")
    return [
        model
        for model in report.models
        if Path(model.path).resolve() == (clones / path).resolve()
        and name in (model.name, model.class_name)
    ]


def why_not(models: list[ModelReport]) -> str | None:
    """Why a main model is not analysed in each of its forms; nothing where it is."""
    if not models:
        return "not found"
    unread = [one for one in models if one.status not in ("analysed", "partial")]
    return f"{unread[0].status}: {unread[0].reason}" if unread else None


def test_there_are_thirty_projects_of_a_few_files_that_never_mention_modellint():
    projects = sorted(path for path in FOLDER.iterdir() if path.name != "__pycache__")
    assert len(projects) >= 30
    assert {main.project for main in MAINS} == {path.name for path in projects}
    for project in projects:
        files = read_files(project)
        assert 2 <= len(files) <= 6, project.name
        for path in files:
            assert "modellint" not in path.read_text("utf-8").lower(), path


def test_what_is_listed_is_a_main_model():
    assert set(NOT_YET) <= set(KEYS) and all(NOT_YET.values())
    assert all((FOLDER / path).is_file() for path in ACCUSED_YET)


@pytest.mark.slow
@pytest.mark.skipif(not FORKS, reason="commands run in forks")
def test_torch_runs_every_main_model() -> None:
    commands = sorted({(main.project, main.command) for main in MAINS})
    done = dict(zip(commands, run_in_torch(commands), strict=True))
    broken = {command: one["error"] for command, one in done.items() if one["error"] is not None}
    assert not broken, "\n".join(broken.values())
    for main in MAINS:
        instances = done[main.project, main.command]["ran"][main.model.partition("/")[2]]
        assert [main.parameters, main.axes] in instances, f"{main.model}: {instances}"


@pytest.mark.slow
def test_nothing_is_accused(report: Report, clones: Path) -> None:
    said: dict[str, list[str]] = {}
    for problem in report.errors:
        said.setdefault(problem.path, []).append(f"{problem.line}: {problem.message}")
    for finding in report.findings:
        if finding.severity == "error":
            said.setdefault(finding.path, []).append(f"{finding.line}: {finding.message}")
    for model in report.models:
        if model.status == "failed":
            said.setdefault(model.path, []).append(f"{model.name} failed: {model.reason}")
    accused = {
        Path(path).resolve().relative_to(clones.resolve()).as_posix(): texts
        for path, texts in said.items()
    }
    assert {path: texts for path, texts in accused.items() if path not in ACCUSED_YET} == {}
    cleared = [path for path in ACCUSED_YET if path not in accused]
    assert not cleared, f"nothing is said of {cleared} any more: take them out of ACCUSED_YET"


@pytest.mark.slow
def test_of_rows_and_axes_only_what_is_true_is_told(report: Report, clones: Path) -> None:
    told = {
        (Path(finding.path).resolve().relative_to(clones.resolve()).as_posix(), finding.rule)
        for finding in report.findings
        if finding.rule in ROWS_AND_AXES and finding.severity != "info"
    }
    assert told == TRUE_OF_ROWS


@pytest.mark.slow
def test_every_main_model_is_analysed_but_those_that_are_listed(
    report: Report, clones: Path
) -> None:
    missed = {key: why_not(found(report, clones, key)) for key in KEYS}
    new = {key: why for key, why in missed.items() if why is not None and key not in NOT_YET}
    assert not new, f"{len(new)} of {len(KEYS)} main models are no longer analysed: {new}"
    read = [key for key in NOT_YET if missed[key] is None]
    assert not read, f"{read} are analysed: take them out of NOT_YET"


@pytest.mark.slow
def test_as_many_main_models_as_ever_are_linted_as_they_are_run(
    report: Report, clones: Path
) -> None:
    true = {
        main.model
        for main in MAINS
        if any(main.is_as(one) for one in found(report, clones, main.model))
    }
    assert len(true) >= AS_RUN, f"no more than these: {sorted(true)}"
    assert len(true) == AS_RUN, f"more than before: AS_RUN is now {len(true)}"
