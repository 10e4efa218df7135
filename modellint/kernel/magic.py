"""`%%modellint`: runs a cell, then lints the models that it made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from IPython.core.error import UsageError as MagicUsageError
from torch import nn

from modellint.api import lint_live, rules_of
from modellint.building.failures import describe
from modellint.discovery.candidates import Candidate
from modellint.discovery.instances import of_instance
from modellint.errors import ModellintError, UsageError
from modellint.inputs.live_inputs import GivenInputs, given_inputs
from modellint.kernel.options import HELP, Options, parse_options
from modellint.kernel.session import awaits, made_by_last, session
from modellint.modules.live_sites import NOWHERE
from modellint.report import View, render, tables
from modellint.results.models import ModelReport, Status
from modellint.results.places import KERNEL, cell_name
from modellint.results.report import Problem, Report
from modellint.rules import Rule
from modellint.source.executed import typed
from modellint.source.file import SourceFile
from modellint.tracing.unprinted import live, unprinted

NAME = "modellint"


def load(shell: Any) -> None:
    """Give a shell of IPython the magic."""

    def magic(line: str, cell: str) -> None:
        try:
            options = parse_options(line)
            report = lint_cell(shell, options, cell)
        except ModellintError as error:
            raise MagicUsageError(str(error)) from error
        if report is not None:
            show(shell, report, options)

    magic.__doc__ = HELP
    shell.register_magic_function(magic, "cell", NAME)


def unload(shell: Any) -> None:
    """Take the magic from a shell."""
    shell.magics_manager.magics["cell"].pop(NAME, None)


def lint_cell(shell: Any, options: Options, cell: str) -> Report | None:
    """Run a cell and lint the models that it made; `None` where it raised, as the shell has shown.

    Raises `UsageError` for rules and shapes that make no sense, before anything runs.
    """
    rules = rules_of(options.select, options.ignore, options.extend_select)
    inputs = given_inputs(list(options.inputs))
    if awaits(cell):
        raise UsageError("%%modellint cannot await: IPython does so only where no magic is above")
    before = dict(shell.user_ns)
    if not shell.run_cell(cell, store_history=False).success:
        return None
    names: Mapping[str, Any] = shell.user_ns
    new = {
        name: value
        for name, value in names.items()
        if value is not before.get(name) and isinstance(value, nn.Module)
    }
    source = session(shell)
    whole = Report()
    for one, instance in made_by_last(source, new):
        part = _linted(one, instance, source, names, inputs, rules)
        whole = replace(part, texts={**whole.texts, **part.texts}).merged(whole)
    return whole


def show(shell: Any, report: Report, options: Options) -> None:
    """Show a report below its cell."""
    view = View(layers=options.layers)
    shown = {
        "text/plain": render(report, "full", view),
        "text/markdown": render(report, "markdown", view),
        "text/html": tables(report, view),
    }
    shell.display_pub.publish(shown)


def _linted(
    one: Candidate,
    instance: nn.Module | None,
    source: SourceFile,
    names: Mapping[str, Any],
    inputs: GivenInputs,
    rules: Sequence[Rule],
) -> Report:
    """The report of a model of a cell, which is built where the cell has no instance of it."""
    call = one.calls[0] if one.calls else None
    if instance is None and one.missing is not None:
        return _incomplete(one, source, "not-analysed", one.missing)
    if instance is None:
        text = f"{one.name}()" if call is None else str(call)
        try:
            with torch.random.fork_rng(devices=[]), live(), unprinted():
                instance = eval(text, dict(names))
        except Exception as error:  # A constructor may raise anything.
            return _unbuilt(one, source, error)
    hints = () if inputs.specs else of_instance(one.inputs, call)
    report = lint_live(instance, inputs, rules=rules, options={}, fail_level="warning", hints=hints)
    return _from_shell(report, *source.place(one.line))


def _from_shell(report: Report, cell: int | None, line: int) -> Report:
    """The report with what IPython's own code seems to do at the line that makes the model.

    That code is the nearest that calls a model of which no class is the user's.
    """
    if cell is None or not any(model.path == NOWHERE.path for model in report.models):
        return report
    text = typed(cell) or ""
    end = len((text.split("\n") + [""] * line)[line - 1].rstrip()) + 1
    models = []
    for model in report.models:
        layers = {key: replace(layer, cell=cell, line=line) for key, layer in model.layers.items()}
        models.append(replace(model, path=KERNEL, cell=cell, line=line, layers=layers))
    findings = [
        replace(
            one,
            path=KERNEL,
            cell=cell,
            line=line,
            column=1,
            end_line=line,
            end_column=end,
            related=(),
        )
        for one in report.findings
    ]
    texts = {**report.texts, cell_name(cell): text}
    return replace(report, models=tuple(models), findings=tuple(findings), texts=texts)


def _unbuilt(one: Candidate, source: SourceFile, error: Exception) -> Report:
    told = _incomplete(one, source, "failed", describe(error))
    (model,) = told.models
    problem = Problem(KERNEL, model.line, "build-error", describe(error), model.cell)
    return replace(told, errors=(problem,))


def _incomplete(one: Candidate, source: SourceFile, status: Status, reason: str) -> Report:
    cell, line = source.place(one.line)
    model = ModelReport(KERNEL, one.name, one.class_name, line, status, reason, cell=cell)
    return Report(models=(model,))
