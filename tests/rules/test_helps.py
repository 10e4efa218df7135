"""Each argument that the help of an example's finding names does what the help is there for.

The layer of the finding is built anew with it: the model runs in PyTorch, and is not found again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from textwrap import dedent
from typing import Any

import pytest
from torch import nn

import modellint
from modellint.errors import NotAnalysed
from modellint.linting.plugins import load_rules
from modellint.modules.rebuilding import Setting, rebuilt
from modellint.results.findings import Diagnostic
from modellint.testing import Case, examples
from tests.offers import offered

FLAGGED = [case for case in examples(load_rules()) if case.example.layers != ()]
_NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
_SETTING = re.compile(rf"\b([a-z_]+)=(\((?:\d+, )*\d+\)|{_NUMBER}|True|False)(?![\w.]*[\d*/])")
_KERNEL = re.compile(r"\ba (\d+(?:×\d+)*) kernel\b")
#: Clauses about something else than the layer: its input, and steps beside it.
_ELSEWHERE = ("F.pad", "before it", "behind it", "input", "permute", "squeeze")


def settings_of(one: Diagnostic) -> Iterator[tuple[str, dict[str, Any]]]:
    """The arguments that a help gives to the layer, each way that it names by itself."""
    whole, _, _ = (one.help or "").partition("; then ")
    for clause in re.split(r"; |, or | or ", whole):
        if any(word in clause for word in _ELSEWHERE):
            continue
        # What a function is called with is no argument of the layer.
        clause = re.sub(r"\w\([^()]*\)", "", clause)
        given = {name: ast.literal_eval(value) for name, value in _SETTING.findall(clause)}
        kernel = _KERNEL.search(clause)
        if kernel is not None:
            sizes = tuple(map(int, kernel[1].split("×")))
            given["kernel_size"] = sizes if len(sizes) > 1 else sizes[0]
        if given:
            yield clause, given


def _tried(case: Case) -> Iterator[tuple[Diagnostic, str, dict[str, Any]]]:
    """What the helps of an example give to layers, where nothing has to follow."""
    options = {case.rule.name: dict(case.example.options)}
    for one in offered(case.example.source, case.rule.name, options=options):
        if "; then " not in (one.help or ""):
            yield from ((one, clause, given) for clause, given in settings_of(one))


def _live(source: str, name: str, stated: Sequence[str]) -> tuple[nn.Module, list[Any]]:
    """A model of a file, and what the file calls it on."""
    given: list[Any] = []

    def note(model: nn.Module, args: Any) -> None:
        if type(model).__name__ == name and not given:
            given.extend([model, args])

    scope: dict[str, Any] = {"__name__": "__main__"}
    hook = nn.modules.module.register_module_forward_pre_hook(note)
    try:
        exec(compile(dedent(source), "net.py", "exec"), scope)
    except RuntimeError:  # What the finding is about may be that it does not run.
        assert given
    finally:
        hook.remove()
    model, args = given or (scope[name](), stated)
    return model, list(args)


@pytest.mark.parametrize("case", FLAGGED, ids=str)
def test_what_a_help_gives_to_a_layer_runs_and_mends_the_finding(case: Case) -> None:
    options = {case.rule.name: dict(case.example.options)}
    for one, clause, given in _tried(case):
        model, inputs = _live(case.example.source, one.model, case.example.inputs or ())
        paths = {key.partition("#")[0] for key in one.layers}
        settings = [Setting(path, name, value) for path in paths for name, value in given.items()]
        try:
            with rebuilt(model, settings):
                report = modellint.lint(model, inputs, select=[case.rule.name], options=options)
        except NotAnalysed:  # A function, or a layer whose help is about its call.
            assert one.fix is not None, clause
            continue
        assert report.ok or report.models[0].status != "failed", clause
        left = [key for found in report.findings for key in found.layers]
        assert not {*left} & {*one.layers}, clause
