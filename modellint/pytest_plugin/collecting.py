"""The models of a project as items of pytest: what `pytest --modellint` collects and runs.

Collection reads syntax trees. The files run in worker processes of one server a session, each file
when the turn of its first model comes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modellint.config.projects import Projects
from modellint.config.settings import Settings
from modellint.config.targets import left_out
from modellint.engine import running
from modellint.engine.engine import lint_targets, list_models
from modellint.errors import FileError, ModellintError
from modellint.pytest_plugin.verdicts import Failure, Unclean, about
from modellint.results.report import Report
from modellint.source.file import mentions_torch, read_source
from modellint.source.paths import regular_bytes, shown_path

#: The name of the node between a file and its models, so that node ids cannot be those of tests.
_SUITE = "modellint"


#: The cell of a notebook that a model is in, and its line there; no cell in other files.
Place = tuple[int | None, int]


class ModelCollection:
    """The hooks of a session that collects models, and the processes that its files run in."""

    def __init__(self, *, strict: bool) -> None:
        self._projects = Projects()
        self._settings = Settings(strict=strict)
        self._reports: dict[Path, Report] = {}
        self._pools = running.Pools()

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        """Add the models of a file to what others collect of it."""
        others = yield
        named = parent.session.isinitpath(file_path)
        if not self._is_wanted(file_path, named=named):
            return others
        # pytest takes every file that is named for one of tests, and would run it.
        if named and not _has_tests(file_path):
            others = [one for one in others if not isinstance(one, pytest.Module)]
        # Not below its package, which pytest imports before any test of it: torch and all.
        file = ModelFile.from_parent(parent.session, path=file_path, linted=self.linted)
        return [*others, file]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say of a skipped model where it is, not where this plugin skips it."""
        report = yield
        if isinstance(item, ModelItem) and isinstance(report.longrepr, tuple):
            cell = "" if item.cell is None else f":cell {item.cell}"
            report.longrepr = (f"{item.path}{cell}", item.line, report.longrepr[2])
        return report

    def pytest_sessionfinish(self) -> None:
        """End the processes."""
        self._pools.close()

    def linted(self, path: Path) -> Report:
        """The report of a file, which is linted once."""
        if path not in self._reports:
            # Its processes have imported torch, which takes seconds: they stay for the next files.
            self._reports[path] = lint_targets([path], self._settings, pools=self._pools)
        return self._reports[path]

    def _is_wanted(self, path: Path, *, named: bool) -> bool:
        if path.suffix not in (".py", ".ipynb") or not _speaks_of_torch(path):
            return False
        try:
            return named or not left_out(path, self._projects.excludes)
        except ModellintError:  # A configuration that is not valid; collecting the file says so.
            return True


class ModelFile(pytest.File):
    """A file that may define models."""

    def __init__(self, *, linted: Callable[[Path], Report], **given: Any) -> None:
        super().__init__(**given)
        self._linted = linted

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """What holds its models, if it defines any."""
        try:
            report, models = list_models([self.path], Settings())
        except ModellintError as error:
            raise self.CollectError(f"modellint: {error}") from error
        if report.errors:
            first = report.errors[0]
            place = (first.cell, first.line)
            yield ModelItem.from_parent(self, name=_SUITE, place=place, linted=self._linted)
        elif models:
            places = {model.candidate.name: (model.cell, model.line) for model in models}
            yield ModelSuite.from_parent(self, name=_SUITE, places=places, linted=self._linted)


class ModelSuite(pytest.Collector):
    """The models of a file."""

    def __init__(
        self, *, places: Mapping[str, Place], linted: Callable[[Path], Report], **given: Any
    ) -> None:
        super().__init__(**given)
        self._places = places
        self._linted = linted

    def collect(self) -> Iterator[pytest.Item]:
        """An item a model, in the order of the file."""
        for name, place in self._places.items():
            yield ModelItem.from_parent(
                self, name=name, place=place, linted=self._linted, model=name
            )


class ModelItem(pytest.Item):
    """A model, which passes if its part of the file's report is clean; or a file with no tree."""

    def __init__(
        self,
        *,
        place: Place,
        linted: Callable[[Path], Report],
        model: str | None = None,
        **given: Any,
    ) -> None:
        super().__init__(**given)
        self.cell, self.line = place
        self._model = model
        self._linted = linted
        self.add_marker(pytest.mark.modellint)
        if self.config.pluginmanager.hasplugin("xdist"):
            # With --dist loadgroup a file is linted by one of the processes.
            self.add_marker(pytest.mark.xdist_group(shown_path(self.path)))

    def runtest(self) -> None:
        """Lint the file, unless that is done; fail, skip or pass for this model."""
        report = self._linted(self.path)
        report = report if self._model is None else about(report, self._model)
        if not report.ok:
            raise Unclean(report)
        missing = [model.reason for model in report.models if model.status == "not-analysed"]
        if missing:
            pytest.skip(f"not analysed: {missing[0]}")
        if report.findings:
            self.add_report_section("call", "modellint", report.render("full"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        """The report in place of a traceback, which would be modellint's own."""
        match excinfo.value:
            case Unclean() as unclean:
                return Failure(unclean.report)
            case ModellintError() as error:
                return f"modellint: {error}"
        return super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the model is defined, its line counted from 0, and how a heading names it."""
        return self.path, self.line - 1, f"{self.path.name}: {self._model or 'not read'}"


def _speaks_of_torch(path: Path) -> bool:
    try:
        return mentions_torch(regular_bytes(path))
    except OSError:  # What cannot be read is for pytest's own collectors to say.
        return False


def _has_tests(path: Path) -> bool:
    """Whether a file has what looks like a test, by its syntax tree."""
    try:
        tree = read_source(path).tree
    except FileError:
        return False
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(
        isinstance(node, defined) and node.name.lower().startswith("test") for node in tree.body
    )
