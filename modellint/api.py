"""The Python interface: lint live modules and files, trace, assert in tests."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from modellint.config.rule_options import checked_options
from modellint.config.selection import DEFAULT, Layer, select_rules
from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from modellint.engine.installation import torch_version
from modellint.errors import FileError, NotAnalysed
from modellint.graph import Graph
from modellint.linting.linter import Subject, linted
from modellint.linting.plugins import load_rules
from modellint.protocol.limits import parse_memory
from modellint.report.rules_page import described
from modellint.results.cells import in_kernel
from modellint.results.models import ModelReport, Status
from modellint.results.report import FailLevel, Problem, Report
from modellint.rules import Rule, Severity
from modellint.source.executed import cell_place, text_of
from modellint.source.paths import shown_path
from modellint.suppression.comments import Silence
from modellint.tracing.garbage import uncollected

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from torch import nn

Options = Mapping[str, Mapping[str, Any]]
"""Options of rules: by rule, then by the name of the rule's keyword parameter."""


def lint(
    model: nn.Module,
    inputs: Sequence[str] = (),
    *,
    select: Sequence[str] = ("default",),
    ignore: Sequence[str] = (),
    extend_select: Sequence[str] = (),
    options: Options | None = None,
    fail_level: FailLevel = "warning",
    pictures: bool = False,
) -> Report:
    """Lint a live module in this process; the module is left exactly as it was.

    `inputs` are shapes as on the command line, one for each input: `N,3,H,W`, `tokens=N,T:int64`;
    without any, the shapes are solved from the model. Findings are located at the assignments of
    the model's classes that make its attributes. A model that cannot be traced is a report's model
    with status `failed` or `not-analysed`. `pictures` keeps what `render("html")` draws. Raises
    `UsageError` for a shape or a rule that makes no sense.
    """
    known = _installed_rules()
    return lint_live(
        model,
        inputs,
        rules=select_rules(known, [DEFAULT, Layer(select, ignore, extend_select)]),
        options=checked_options(options or {}, known),
        fail_level=fail_level,
        pictures=pictures,
    )


def lint_paths(
    paths: Sequence[str | os.PathLike[str]],
    inputs: Sequence[str] = (),
    *,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    extend_select: Sequence[str] = (),
    options: Options | None = None,
    config: str | os.PathLike[str] | None = None,
    isolated: bool = False,
    timeout: float | None = None,
    memory: str | None = None,
    jobs: int | None = None,
    fail_level: FailLevel | None = None,
    strict: bool = False,
    baseline: str | os.PathLike[str] | None = None,
    cache: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    python: str | os.PathLike[str] | None = None,
    pictures: bool = False,
    executor: Executor | None = None,
) -> Report:
    """Lint files, directories and selectors such as `net.py::Net`, as the command line does.

    The files run in worker processes, `jobs` at once, by default as many as there are cores. What
    else is not given is as the files' configuration says: the nearest one of each, the one file
    `config`, or none if `isolated`; else `timeout` is 60 seconds a file, `memory` `8G` a file and
    `fail_level` `warning`. With `cache`, results are kept for files that do not change, and those
    of earlier runs count; a `cache_dir` says where. `python` is the interpreter that runs the
    models; without it that of the active environment or the project, as the command line finds it,
    counts before this one. `pictures` keeps what `render("html")` draws. An `executor` runs each
    file on a machine of its own, where modellint and the interpreter are installed and the files
    have the same paths.

    Raises `UsageError` for paths, models and rules that do not exist, for a configuration that is
    not valid, and for an interpreter that cannot run models; `PluginError` for a plugin that does
    not load; `WorkerError` for worker processes that do not start, or that have another modellint.
    """
    settings = Settings(
        inputs=tuple(inputs),
        select=None if select is None else tuple(select),
        ignore=tuple(ignore),
        extend_select=tuple(extend_select),
        options=options or {},
        config=None if config is None else os.fspath(config),
        isolated=isolated,
        timeout=timeout,
        memory=None if memory is None else parse_memory(memory),
        jobs=jobs,
        fail_level=fail_level,
        strict=strict,
        baseline=None if baseline is None else os.fspath(baseline),
        cache=cache or cache_dir is not None,
        cache_dir=None if cache_dir is None else os.fspath(cache_dir),
        python=None if python is None else os.fspath(python),
        pictured=pictures,
    )
    return lint_targets(paths, settings, executor=executor)


def trace(model: nn.Module, inputs: Sequence[str] = ()) -> Graph:
    """The graph of one forward of a live module, as rules see it.

    `graph.fx` is a `torch.fx.GraphModule` that computes what the model computes. Raises
    `FileError` where the forward raises, and `NotAnalysed` where no input can be worked out.
    """
    from modellint.inputs.search import parse_input, trace_with_inputs
    from modellint.modules.live_sites import construction_sites, model_site, model_source
    from modellint.modules.members import members
    from modellint.tracing.wrappers import unwrapped

    inner = unwrapped(model)
    modules = members(inner)
    with _staying(model):
        return trace_with_inputs(
            inner,
            given=[parse_input(spec) for spec in inputs],
            hints=(),
            sites=construction_sites(modules),
            name=type(model).__name__,
            path=model_site(model).path,
            source=model_source(model),
            modules=modules,
        )


def assert_clean(
    model: nn.Module,
    inputs: Sequence[str] = (),
    *,
    select: Sequence[str] = ("default",),
    ignore: Sequence[str] = (),
    extend_select: Sequence[str] = (),
    options: Options | None = None,
    fail_level: FailLevel = "warning",
) -> None:
    """Raise `AssertionError` with the findings unless a live module is clean.

    A model that could not be analysed is not clean either. The arguments are those of `lint`.
    """
    __tracebackhide__ = True  # pytest then shows the line of the test.
    report = lint(
        model,
        inputs,
        select=select,
        ignore=ignore,
        extend_select=extend_select,
        options=options,
        fail_level=fail_level,
    )
    raise_unless_clean(report, type(model).__name__)


def lint_live(
    model: nn.Module,
    inputs: Sequence[str],
    *,
    rules: Sequence[Rule],
    options: Options,
    severities: Mapping[str, Severity] | None = None,
    fail_level: FailLevel,
    pictures: bool = False,
) -> Report:
    """Lint a live module with these rules; `options` and `severities` are by rule, and checked."""
    from modellint.modules.live_sites import model_site

    site = model_site(model)
    name = type(model).__name__
    silence = Silence(site.path, name, site.line)
    subject = Subject(_shown(site.path), name, name, site.line, _shown, silence, placed=_placed)
    try:
        with uncollected(), _staying(model):
            # No name for the graph: what is alive at the end of the block is searched for garbage.
            report = linted(
                trace(model, inputs),
                rules,
                subject,
                options,
                severities=severities,
                pictured=pictures,
            ).report
    except NotAnalysed as missing:
        report = _incomplete(subject, "not-analysed", missing.reason)
    except FileError as error:
        problem = Problem(_shown(error.path), error.line or 1, error.kind, error.message)
        report = _incomplete(subject, "failed", error.message, problem)
    run = Report(torch=_installed_torch(), fail_level=fail_level, rules=described(rules))
    return in_kernel(run.merged(report))


def _shown(path: str) -> str:
    """A path as reports print it; that of a kernel's cell stays, to be known as one."""
    return path if text_of(path) is not None else shown_path(path)


def _placed(path: str, line: int) -> tuple[int | None, int]:
    return cell_place(path, line) or (None, line)


@contextlib.contextmanager
def _staying(model: nn.Module) -> Iterator[None]:
    """Make a forward that calls `sys.exit` one that fails: the process is the caller's."""
    try:
        yield
    except SystemExit as left:
        calling = traceback.extract_tb(left.__traceback__)[-1]
        told = f"{type(model).__name__}.forward calls sys.exit"
        raise FileError("trace-error", calling.filename, calling.lineno, told) from left


def raise_unless_clean(report: Report, name: str) -> None:
    """Raise `AssertionError` with the report of a model that has findings or was not analysed."""
    __tracebackhide__ = True
    if report.ok and report.analysed:
        return
    rules = sorted({finding.rule for finding in report.findings if report.fails(finding)})
    accept = f"\nto accept them here: assert_clean(..., ignore={rules})" if rules else ""
    raise AssertionError(f"{name} is not clean\n\n{report.render('full')}{accept}".rstrip())


# Both ask the installed distributions, which takes longer than to lint a small model.
_installed_rules = cache(load_rules)
_installed_torch = cache(torch_version)


def _incomplete(
    subject: Subject, status: Status, reason: str, problem: Problem | None = None
) -> Report:
    model = ModelReport(
        path=subject.path,
        name=subject.name,
        class_name=subject.class_name,
        line=subject.line,
        status=status,
        reason=reason,
    )
    return Report(models=(model,), errors=(problem,) if problem else ())
