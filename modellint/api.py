"""The Python interface: lint live modules and files, trace, assert in tests."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any

from modellint.config.call_arguments import (
    count,
    flag,
    one_of,
    options_by_rule,
    path,
    seconds,
    text,
    words,
)
from modellint.config.call_arguments import paths as given_paths
from modellint.config.rule_options import checked_options
from modellint.config.selection import DEFAULT, Layer, select_rules
from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from modellint.engine.installation import torch_version
from modellint.engine.module_paths import with_modules
from modellint.errors import FileError, NotAnalysed, UsageError, in_words
from modellint.graph import Graph, Site
from modellint.inputs.live_inputs import GivenInputs, check_call, given_inputs, input_texts
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

    from modellint.discovery.example_tensors import InputHint
    from modellint.modules.members import Members

Options = Mapping[str, Mapping[str, Any]]
"""Options of rules: by rule, then by the name of the rule's keyword parameter."""
Model = Any
"""A module: an instance, also compiled or wrapped, or a class that needs no arguments."""
Inputs = Any
"""Shapes, tensors, arrays, and lists, tuples and dicts of them: one input, or several."""
Names = str | Rule | Iterable[str | Rule]
"""Names of rules and categories: one, several between commas, or a list; a rule is its name."""


def lint(
    model: Model,
    inputs: Inputs = (),
    *,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    select: Names = ("default",),
    ignore: Names = (),
    extend_select: Names = (),
    options: Options | None = None,
    fail_level: FailLevel = "warning",
    pictures: bool = False,
    annotated: bool = False,
    training: bool = False,
) -> Report:
    """Lint a live module in this process; the module is left exactly as it was.

    What it prints is not shown, since a forward runs more than once, and at sizes of our own.

    `inputs` are shapes as on the command line (`"N,3,H,W"`, `"tokens=N,T:int64"`), tuples of sizes,
    tensors or arrays, of which the shapes and dtypes count: one, or several in a list or tuple, by
    name in a dict. A list, tuple, dict, named tuple or dataclass inside of these is an input that
    holds several. `args` and `kwargs` are the very arguments of a call instead, in which what is no
    tensor is handed on as it is. Without any of them the shapes are solved from the model.

    A class that needs no arguments is built. Findings are located at the assignments of the model's
    classes that make its attributes. A model that cannot be traced is a report's model with status
    `failed` or `not-analysed`. `pictures` keeps what `render("html")` draws, `annotated` what
    `report.annotated()` prints; else the report holds the model and its inputs, and lints once more
    when it is asked. `training` adds the memory that training takes (`report.models[0].
    training_memory`). Raises `UsageError` for a model, an input, a rule or an option that makes no
    sense.
    """
    linting = partial(
        lint_live,
        model,
        given_inputs(inputs, args, kwargs),
        rules=rules_of(select, ignore, extend_select),
        options=checked_options(options_by_rule("options", options), _installed_rules()),
        fail_level=one_of("fail_level", fail_level, FailLevel),
        pictures=flag("pictures", pictures),
        training=flag("training", training),
    )
    if flag("annotated", annotated) or pictures:
        return linting(watched=True)
    return replace(linting(), request=partial(linting, watched=True))


def lint_paths(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    inputs: Inputs = (),
    *,
    select: Names | None = None,
    ignore: Names = (),
    extend_select: Names = (),
    options: Options | None = None,
    config: str | os.PathLike[str] | None = None,
    isolated: bool = False,
    timeout: float | None = None,
    memory: str | None = None,
    jobs: int | None = None,
    fail_level: FailLevel | None = None,
    strict: bool = False,
    baseline: str | os.PathLike[str] | None = None,
    compare: str | os.PathLike[str] | None = None,
    cache: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    python: str | os.PathLike[str] | None = None,
    pictures: bool = False,
    annotated: bool = False,
    training: bool = False,
    executor: Executor | None = None,
) -> Report:
    """Lint files, directories, modules and selectors such as `net.py::Net`, as the command does.

    `paths` are one or several. `inputs` are those of `lint`, except for what cannot be said to
    another process: objects of classes, and values that are no tensors.

    The files run in worker processes, `jobs` at once, by default as many as there are cores. What
    else is not given is as the files' configuration says: the nearest one of each, the one file
    `config`, or none if `isolated`; else `timeout` is 60 seconds a file, `memory` `8G` a file and
    `fail_level` `warning`. With `compare`, a revision of git or another file, only findings that
    are new since count, and `report.compared` tells what became of the models. With `cache`,
    results are kept for files that do not change, and those of earlier runs count; a `cache_dir`
    says where. `python` is the interpreter that runs the models; without it that of the active
    environment or the project, as the command line finds it, counts before this one. `pictures`
    keeps what `render("html")` draws, `annotated` what `report.annotated()` prints, which else
    lints once more; `training` adds the memory that training takes. An `executor` runs each file on
    a machine of its own, where modellint and the interpreter are installed and the files have the
    same paths.

    Raises `UsageError` for paths, models and rules that do not exist, for arguments of other types,
    for a configuration that is not valid, and for an interpreter that cannot run models;
    `PluginError` for a plugin that does not load; `WorkerError` for worker processes that do not
    start, or that have another modellint.
    """
    limit = text("memory", memory, "8G")
    folder = path("cache_dir", cache_dir)
    settings = Settings(
        inputs=input_texts(inputs),
        select=None if select is None else words("select", select),
        ignore=words("ignore", ignore),
        extend_select=words("extend_select", extend_select),
        options=options_by_rule("options", options),
        config=path("config", config),
        isolated=flag("isolated", isolated),
        timeout=seconds("timeout", timeout),
        memory=None if limit is None else parse_memory(limit),
        jobs=count("jobs", jobs),
        fail_level=None if fail_level is None else one_of("fail_level", fail_level, FailLevel),
        strict=flag("strict", strict),
        baseline=path("baseline", baseline),
        compare=path("compare", compare),
        cache=flag("cache", cache) or folder is not None,
        cache_dir=folder,
        python=path("python", python),
        pictured=flag("pictures", pictures),
        annotated=flag("annotated", annotated) or pictures,
        training=flag("training", training),
    )
    if executor is not None and not callable(getattr(type(executor), "submit", None)):
        kind = in_words(executor)
        raise UsageError(f"executor: {kind} has no submit; give a concurrent.futures.Executor")
    # Module paths are looked for in the project's interpreter.
    given = with_modules(given_paths("paths", paths), settings)
    if settings.compare is None:
        return lint_targets(given, settings, executor=executor)
    if executor is not None or settings.baseline is not None:
        other = "an executor" if executor is not None else "a baseline"
        raise UsageError(f"compare: what was there is not linted with {other}: give one of them")
    from modellint.engine.compare import lint_compared  # Few runs compare.

    return lint_compared(given, settings)


def trace(
    model: Model,
    inputs: Inputs = (),
    *,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Graph:
    """The graph of one forward of a live module, as rules see it.

    The arguments are those of `lint`. `graph.fx` is a `torch.fx.GraphModule` that computes what the
    model computes. Raises `FileError` where the forward raises, `NotAnalysed` where no input can
    be worked out, and `UsageError` for a model or an input that makes no sense.
    """
    given = given_inputs(inputs, args, kwargs)
    # Imports torch, which wrong arguments need not.
    from modellint.building.live_models import live_model
    from modellint.tracing.unprinted import live

    with live():
        return _traced(*live_model(model), given)


def _traced(
    model: nn.Module,
    modules: Members,
    given: GivenInputs,
    hints: Sequence[InputHint] = (),
    *,
    watched: bool = False,
) -> Graph:
    """The graph of a live module, with its modules, that is no wrapper of another.

    It has what the lines of its files did if they are `watched`.
    """
    from modellint.inputs.search import trace_with_inputs
    from modellint.modules.live_sites import construction_sites, model_site, model_source

    check_call(model, given)
    with _staying(model):
        return trace_with_inputs(
            model,
            given=given.specs,
            whole=given.whole,
            hints=hints,
            sites=construction_sites(modules),
            name=type(model).__name__,
            path=model_site(model).path,
            source=model_source(model),
            modules=modules,
            watched=watched,
        )


def assert_clean(
    model: Model,
    inputs: Inputs = (),
    *,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    select: Names = ("default",),
    ignore: Names = (),
    extend_select: Names = (),
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
        args=args,
        kwargs=kwargs,
        select=select,
        ignore=ignore,
        extend_select=extend_select,
        options=options,
        fail_level=fail_level,
    )
    raise_unless_clean(report)


def rules_of(select: Any, ignore: Any = (), extend_select: Any = ()) -> tuple[Rule, ...]:
    """The installed rules that names and categories choose; raise `UsageError` for unknown ones."""
    chosen = Layer(
        None if select is None else words("select", select),
        words("ignore", ignore),
        words("extend_select", extend_select),
    )
    return _chosen(chosen)


@lru_cache(maxsize=32)
def _chosen(layer: Layer) -> tuple[Rule, ...]:
    """The rules that one layer leaves on; tests lint hundreds of models with the same."""
    return select_rules(_installed_rules(), [DEFAULT, layer])


def lint_live(
    model: Model,
    inputs: GivenInputs,
    *,
    rules: Sequence[Rule],
    options: Options,
    severities: Mapping[str, Severity] | None = None,
    fail_level: FailLevel,
    pictures: bool = False,
    training: bool = False,
    hints: Sequence[InputHint] = (),
    watched: bool = False,
) -> Report:
    """Lint a live module with these rules; `options` and `severities` are by rule, and checked.

    `hints` are inputs that the user's code shows, for where none are given.
    """
    from modellint.building.live_models import class_of, live_model
    from modellint.modules.live_sites import model_site
    from modellint.tracing.unprinted import live

    of = class_of(model)
    try:
        with live():
            module, modules = live_model(model)
        of = type(module)
        with uncollected(), live(), _staying(module):
            # No name for the graph: what is alive at the end of the block is searched for garbage.
            report = linted(
                _traced(module, modules, inputs, hints, watched=watched),
                rules,
                _subject(of, model_site(of)),
                options,
                severities=severities,
                pictured=pictures,
                training=training,
            ).report
    except NotAnalysed as missing:
        report = _incomplete(_subject(of, model_site(of)), "not-analysed", missing.reason)
    except FileError as error:
        problem = Problem(_shown(error.path), error.line or 1, error.kind, error.message)
        report = _incomplete(_subject(of, model_site(of)), "failed", error.message, problem)
    run = Report(torch=_installed_torch(), fail_level=fail_level, rules=described(rules))
    return in_kernel(run.merged(report))


def _shown(path: str) -> str:
    """A path as reports print it; that of a kernel's cell stays, to be known as one."""
    return path if text_of(path) is not None else shown_path(path)


def _placed(path: str, line: int) -> tuple[int | None, int]:
    return cell_place(path, line) or (None, line)


def _subject(of: type[nn.Module], site: Site) -> Subject:
    """A live model as a report names it: by its class."""
    name = of.__name__
    silence = Silence(site.path, name, site.line)
    return Subject(_shown(site.path), name, name, site.line, _shown, silence, placed=_placed)


@contextlib.contextmanager
def _staying(model: nn.Module) -> Iterator[None]:
    """Make a forward that calls `sys.exit` one that fails: the process is the caller's."""
    try:
        yield
    except SystemExit as left:
        calling = traceback.extract_tb(left.__traceback__)[-1]
        told = f"{type(model).__name__}.forward calls sys.exit"
        raise FileError("trace-error", calling.filename, calling.lineno, told) from left


def raise_unless_clean(report: Report) -> None:
    """Raise `AssertionError` with the report of a model that has findings or was not analysed."""
    __tracebackhide__ = True
    if report.ok and report.analysed:
        return
    name = report.models[0].class_name
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
