"""What the front end reads of a file before any of it runs: its models, in the syntax tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from modellint.config.interpreters import Interpreter
from modellint.config.plans import BUDGET, Plan
from modellint.config.selection import unknown
from modellint.config.targets import Target
from modellint.discovery.candidates import Candidate, discover, find, selected
from modellint.discovery.example_tensors import InputHint, InputTensor
from modellint.discovery.slicing import bound_names
from modellint.engine.intake import Opened, unread
from modellint.errors import FileError, NotPython, UsageError
from modellint.protocol.jobs import Job, ModelSettings
from modellint.results.crash_reports import crash_report
from modellint.results.report import Note, Report
from modellint.source.file import SourceFile, parse_source
from modellint.worker.job_models import chosen_models, stated_inputs
from modellint.worker.unfinished import internal_error


@dataclass(frozen=True)
class Prepared:
    """A file that was read: its job with what is said of its models, and the models it is about.

    `consulted` are the files and folders of the project that were looked for.
    """

    opened: Opened
    plan: Plan
    job: Job
    source: SourceFile
    models: tuple[Candidate, ...]
    consulted: frozenset[str] = frozenset()

    @property
    def faults(self) -> Report:
        """What is wrong with a notebook's cells that are left out."""
        return Report().merged(*(unread(self.job.shown, fault) for fault in self.source.faults))

    @property
    def commented(self) -> bool:
        """Whether it has ignore comments that its models may need."""
        return bool(self.models and self.source.ignores)


def prepare(opened: Opened | Report) -> Prepared | Report:
    """Find the models of a file as far as the front end does, in its syntax tree."""
    if isinstance(opened, Report):
        return opened
    target, plan, job = opened.target, opened.plan, opened.job
    try:
        source = parse_source(target.path, opened.data)
        _check_names(target, source)
        job = replace(job, models=_said(target, source, plan))
        consulted: set[str] = set()
        models = chosen_models(job, source, consulted)
        return Prepared(opened, plan, job, source, models, frozenset(consulted))
    except NotPython as error:
        return Report(notes=(Note(target.shown, 1, error.message),))
    except FileError as error:
        return unread(target.shown, error, _on_syntax(error, plan.interpreter))
    except UsageError:
        raise
    except Exception as error:  # The edge of the tool: one file must not end the run.
        problem = internal_error(job, 1, "reading its models", error)
        told = crash_report(job.shown, 1, "reading the models of a file", error)
        return Report(errors=(problem,), remarks=told)


def _on_syntax(error: FileError, interpreter: Interpreter) -> str:
    """What to do about syntax that only the Python of the project may know."""
    if error.kind != "syntax-error" or interpreter.own:
        return ""
    return f"; if {interpreter.shown} is newer and accepts it, install modellint there"


def _check_names(target: Target, source: SourceFile) -> None:
    candidates = discover(source) if target.names else ()
    for name in target.names:
        try:
            model = selected(candidates, name)
        except UsageError as error:
            raise UsageError(f"{target.shown}: {error}") from error
        if model is None or not _is_of_file(model, candidates, source):
            known = ", ".join(candidate.name for candidate in candidates) or "none"
            raise UsageError(f"{target.shown} has no model {name!r}; its models: {known}")


def _is_of_file(model: Candidate, candidates: Sequence[Candidate], source: SourceFile) -> bool:
    """Whether what an expression begins with is a model of the file, or a name that it binds."""
    if any(model.line == one.line for one in candidates):
        return True
    bound = {name for node in source.tree.body for name in bound_names(node)}
    return "*" in bound or all(call.callee.partition(".")[0] in bound for call in model.calls)


def _said(target: Target, source: SourceFile, plan: Plan) -> Mapping[str, ModelSettings]:
    """What the configuration says of single models of a file, by the names that they are found by.

    Raises `UsageError` for a name that the file has no model of.
    """
    stated = {model.model: model for model in plan.stated(target.path)}
    budgets = dict(plan.budgets(target.path))
    said: dict[str, ModelSettings] = {}
    candidates = discover(source) if stated or budgets else ()
    for name in dict.fromkeys([*stated, *budgets]):
        candidate = find(candidates, name)
        if candidate is None:
            key = "models" if name in stated else BUDGET
            names = [candidate.name for candidate in candidates]
            what = f"speaks of {target.shown}, which {unknown('model', name, names)}"
            raise plan.configuration.wrong(key, what)
        model = stated.get(name)
        limits = {**plan.options.get(BUDGET, {}), **budgets.get(name, {})}
        said[candidate.name] = ModelSettings(
            plan.configuration.shown,
            model.args if model else None,
            model.inputs if model else (),
            {BUDGET: limits} if name in budgets else {},
            str(plan.configuration.folder) if model else "",
        )
    return said


def fed(job: Job, candidate: Candidate) -> Candidate:
    """The candidate with the input shapes that the user states, as if its file showed them."""
    specs = stated_inputs(job, candidate.name)
    if not specs:
        return candidate
    tensors = tuple(
        InputTensor(spec.name, spec.dims, spec.dtype or "float32")
        for stated in specs
        for spec in stated.leaves()
    )
    return replace(candidate, inputs=(InputHint(tensors, candidate.line, specs[0].source),))
