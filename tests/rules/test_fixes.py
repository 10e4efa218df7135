"""What rules offer for their own examples: the file with the fix runs in PyTorch, and is clean."""

from __future__ import annotations

import ast
from textwrap import dedent
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from modellint.linting.plugins import load_rules
from modellint.results.findings import Diagnostic
from modellint.testing import Case, examples
from tests.offers import offered, with_fix

FLAGGED = [case for case in examples(load_rules()) if case.example.layers != ()]

#: How many findings of each rule's examples have a fix, where there are any: what is not offered
#: needs more than an argument or a step.
OFFERED = {
    "asymmetric-same": 2,
    "batch-folded": 3,
    "batch-mixed": 5,
    "batch-norm-single-value": 2,
    "batch-squeezed": 4,
    "bias-before-norm": 3,
    "checkerboard-upsampling": 2,
    "constant-output": 6,
    "dead-taps": 5,
    "dilation-gridding": 3,
    "dropout-before-batch-norm": 3,
    "dropped-result": 5,
    "edge-losing-padding": 9,
    "even-kernel": 7,
    "input-size-fixed": 3,
    "invalid-argument": 15,
    "loss-mismatch": 4,
    "no-op-layer": 6,
    "non-square-kernel": 1,
    "over-padding": 2,
    "parameter-heavy-linear": 4,
    "pointwise-padding": 3,
    "redundant-activation": 3,
    "scrambled-axes": 4,
    "shape-mismatch": 3,
    "softmax-before-cross-entropy": 4,
    "softmax-without-dim": 2,
    "stacked-linear": 4,
    "suspicious-epsilon": 3,
    "unread-pixels": 5,
    "unregistered-module": 3,
}


_FOUND: dict[str, list[Diagnostic]] = {}


def _found(case: Case) -> list[Diagnostic]:
    """The findings of an example, asked for once."""
    if str(case) not in _FOUND:
        options = {case.rule.name: dict(case.example.options)}
        _FOUND[str(case)] = offered(case.example.source, case.rule.name, options=options)
    return _FOUND[str(case)]


@pytest.mark.parametrize("case", FLAGGED, ids=str)
def test_a_fix_of_an_example_runs_and_leaves_no_finding(case: Case) -> None:
    text = dedent(case.example.source)
    found = _found(case)
    for one in found:
        if one.fix is None:
            continue
        changed = with_fix(text, one)
        ast.parse(changed)
        try:
            _run(changed)
        except RuntimeError:  # At another model of the file, which is as it was.
            with pytest.raises(RuntimeError):
                _run(text)
            assert {other.model for other in found} > {one.model}
        options = {case.rule.name: dict(case.example.options)}
        left = offered(changed, case.rule.name, options=options, trials=0)
        assert _calls(left, one) < _calls(found, one)


@pytest.mark.slow
@pytest.mark.parametrize("rule", sorted(OFFERED))
def test_so_many_findings_of_a_rules_examples_have_a_fix(rule: str) -> None:
    fixes = [one.fix for case in FLAGGED if case.rule.name == rule for one in _found(case)]
    assert sum(fix is not None for fix in fixes) >= OFFERED[rule]


@pytest.mark.slow
@pytest.mark.parametrize("case", FLAGGED, ids=str)
def test_a_safe_fix_computes_the_same(case: Case) -> None:
    text = dedent(case.example.source)
    for one in _found(case):
        if one.fix is None or not one.fix.safe or case.rule.name == "unregistered-module":
            continue  # What is registered from now on has other names.
        before, after = _result(text), _result(with_fix(text, one))
        assert torch.allclose(before, after, atol=1e-5)


def _result(text: str) -> torch.Tensor:
    """What the file's last call of a model gives, its inputs and weights the same for each name."""
    results: list[torch.Tensor] = []
    depth: list[nn.Module] = []

    def begin(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        depth.append(module)
        if len(depth) > 1:
            return given
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                parameter.copy_(_numbers(parameter.shape, len(name) + sum(map(ord, name))))
        return tuple(_numbers(one.shape, at) for at, one in enumerate(given))

    def end(module: nn.Module, given: Any, result: Any) -> None:
        depth.pop()
        if not depth:
            results.append(result[0] if isinstance(result, tuple) else result)

    hooks = [register_module_forward_pre_hook(begin), register_module_forward_hook(end)]
    try:
        _run(text)
    finally:
        for hook in hooks:
            hook.remove()
    return results[-1]


def _numbers(shape: torch.Size, seed: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 0.5


def _calls(findings: list[Diagnostic], like: Diagnostic) -> int:
    return sum(one.count for one in findings if one.severity == like.severity)


def _run(text: str) -> None:
    """Run a file in PyTorch, and each of its calls of a model: examples call theirs."""
    torch.manual_seed(0)
    namespace = {"__name__": "__main__"}
    exec(compile(text, "net.py", "exec"), namespace)
