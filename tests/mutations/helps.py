"""Whether what a help says of a layer's arguments is true: they are given to the live layer.

`a 3×3 kernel with padding=1 keeps 28×28`, `in_features=800`: each clause of a help that sets
arguments of the layer of its finding is tried. A live model has no file, so that nothing in its
report was tried before.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator

from torch import nn

import modellint
from modellint import Report
from modellint.results.findings import Diagnostic

from .surgery import like, put, settings

_SETTING = re.compile(r"\b([a-z_]+)=(\((?:\d+, )*\d+\)|\d+\b|True|False)")
_KERNEL = re.compile(r"\ba (\d+(?:×\d+)*) kernel\b")
_SIZE = re.compile(r"\b(?:keeps|gives) (\d+(?:×\d+)*)\b")


def untrue(model: nn.Module, specs: tuple[str, ...], report: Report) -> Iterator[tuple[str, str]]:
    """Each clause of a model's helps that was tried, and what is not true of it; empty if it is."""
    for finding in report.findings:
        if finding.help is None or finding.count > 1:
            continue
        for clause in re.split(r"; |, or | or ", finding.help):
            yield from _tried(model, specs, finding, clause)


def _tried(
    model: nn.Module, specs: tuple[str, ...], finding: Diagnostic, clause: str
) -> Iterator[tuple[str, str]]:
    path = finding.layer.partition("#")[0]
    changed = copy.deepcopy(model)
    try:
        layer = changed.get_submodule(path)
    except AttributeError:
        return
    given = {
        name: ast.literal_eval(value)
        for name, value in _SETTING.findall(clause)
        if name in settings(layer)
    }
    kernel = _KERNEL.search(clause)
    if kernel is not None and "kernel_size" in settings(layer):
        sizes = tuple(map(int, kernel[1].split("×")))
        given["kernel_size"] = sizes if len(sizes) > 1 else sizes[0]
    if not given or "F.pad" in clause or "input" in clause or "before it" in clause:
        return
    put(path, lambda old: like(old, **given))(changed)
    after = modellint.lint(changed, specs, extend_select=[finding.rule])
    yield clause, " ".join(_wrong(finding, clause, path, after))


def _wrong(finding: Diagnostic, clause: str, path: str, after: Report) -> Iterator[str]:
    """What is not as a clause has it."""
    left = [one for one in after.findings if one.rule == finding.rule and path in one.layers]
    if left:
        yield f"still: {left[0].message}"
    said = _SIZE.search(clause)
    if said is None:
        return
    layers = [model.layers[path] for model in after.models if path in model.layers]
    sizes = "×".join(map(str, layers[0].example_outputs[0][2:])) if layers else "nothing"
    if sizes != said[1]:
        yield f"it gives {sizes}"
