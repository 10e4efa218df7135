"""A user's file that uses all of the API: `mypy --strict` has nothing to say of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, assert_type

import torch
from torch import nn
from torch.fx import GraphModule

import modellint


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv(x)
        return out


class Batch(NamedTuple):
    image: torch.Tensor


def inputs(net: modellint.Model, given: modellint.Inputs) -> None:
    """Everything that inputs may be."""
    image = torch.rand(1, 1, 28, 28)
    modellint.lint(net, "N,1,H,W")
    modellint.lint(net, ["N,1,H,W"])
    modellint.lint(net, image)
    modellint.lint(net, (image,))
    modellint.lint(net, {"x": image})
    modellint.lint(net, (1, 1, 28, 28))
    modellint.lint(net, image.shape)
    modellint.lint(net, [Batch(image)])
    modellint.lint(net, args=(image,), kwargs={})
    modellint.lint(Net, given)
    modellint.lint(torch.compile(net), image)


def lint() -> modellint.Report:
    """Live modules and files, with all options."""
    names: modellint.Names = "even-kernel"
    options: modellint.Options = {"parameter-heavy-linear": {"share": 0.4}}
    level: modellint.FailLevel = "error"
    modellint.assert_clean(Net(), "N,1,28,28", ignore=["edge-losing-padding"])
    report = modellint.lint(
        Net(), "N,1,28,28", select=names, ignore=(), options=options, fail_level=level
    )
    assert_type(report, modellint.Report)
    modellint.lint_paths("net.py")
    modellint.lint_paths(Path("net.py"), select=["correctness"], config=Path("modellint.toml"))
    return modellint.lint_paths(["net.py", Path("models")], timeout=5, memory="2G", jobs=2)


def read(report: modellint.Report) -> None:
    """What a report holds."""
    kind: modellint.Format = "markdown"
    assert_type(report.render(kind, layers=True), str)
    for finding in report.findings:
        assert_type(finding, modellint.Diagnostic)
        severity: modellint.Severity = finding.severity
        category: modellint.CategoryName = finding.category
        print(severity, category, finding.help)
        for place in finding.related:
            assert_type(place, modellint.Related)
    for model in report.models:
        assert_type(model, modellint.ModelReport)
        status: modellint.Status = model.status
        for given in model.inputs:
            assert_type(given, modellint.ModelInput)
            shape: modellint.Shape = given.shape
            assert_type(given.origins, modellint.Origins)
            origin: modellint.Origin = given.origin
            print(shape, origin, status)
        assert_type(model.layers["conv"], modellint.Layer)
        assert_type(model.contract["H"], modellint.Sizes)
        for skipped in model.skipped:
            assert_type(skipped, modellint.SkippedCheck)
        for argument in model.arguments:
            assert_type(argument, modellint.ConstructorArgument)
        for source in model.annotated:
            assert_type(source, modellint.AnnotatedSource)
            assert_type(source.lines, tuple[modellint.Annotation, ...])
            tensors: list[modellint.LineTensor] = [one for row in source.lines for one in row.first]
            places: list[modellint.LayerPlace] = [one for one in source.places if one.built]
            print(tensors, places)
        style: modellint.SizeStyle = "symbolic"
        print(report.annotated(style))
        if model.training_memory is not None:
            assert_type(model.training_memory, modellint.TrainingMemory)
            for one in model.training_memory.optimizers:
                assert_type(one, modellint.OptimizerMemory)
        if model.picture is not None:
            assert_type(model.picture, modellint.Picture)
            assert_type(model.picture.steps, tuple[modellint.Step, ...])
            assert_type(model.picture.borders, tuple[modellint.Border, ...])
    for problem in report.errors:
        assert_type(problem, modellint.Problem)
        for call in problem.calls:
            assert_type(call, modellint.UserCall)
    for note in report.notes:
        assert_type(note, modellint.Note)
    for silenced in report.silenced:
        assert_type(silenced, modellint.Silenced)
    for page in report.rules:
        assert_type(page, modellint.RulePage)
    if report.baseline is not None:
        assert_type(report.baseline, modellint.Baselined)
        assert_type(report.baseline.gone, tuple[modellint.Key, ...])
    if report.compared is not None:
        assert_type(report.compared, modellint.Compared)
        for change in report.compared.models:
            assert_type(change, modellint.ModelChange)
            assert_type(change.state, modellint.ModelState)
            assert_type(change.checkpoint, modellint.StateChange | None)
            for changed in change.layers:
                assert_type(changed, modellint.LayerChange)
                assert_type(changed.state, modellint.LayerState)
    for fix in report.fixes.values():
        assert_type(fix, modellint.TriedFix)
        assert_type(fix.edits, tuple[modellint.Edit, ...])
    fixed = report.fix(unsafe=True)
    assert_type(fixed, modellint.FixedFiles)
    assert_type(fixed.report.fixed, modellint.FixCount | None)


def trace() -> modellint.Graph:
    """What a graph holds."""
    graph = modellint.trace(Net(), "N,1,28,28")
    print(graph)
    assert_type(graph.fx, GraphModule)
    for call in graph.calls("conv2d"):
        assert_type(call, modellint.Node)
        assert_type(call.output, modellint.Tensor)
        if call.construction is not None:
            assert_type(call.construction, modellint.Site)
    for given in graph.inputs:
        assert_type(given, modellint.Input)
    assert_type(graph.modules["conv"], modellint.Module)
    assert_type(graph.parameters, tuple[modellint.Parameter, ...])
    assert_type(graph.mismatch, modellint.Mismatch | None)
    assert_type(graph.source, modellint.SourceFile | None)
    for constraint in graph.constraints:
        assert_type(constraint, modellint.Constraint)
        relation: modellint.Relation = constraint.relation
        expression: modellint.Expr = constraint.expr
        print(relation, expression)
    return graph


@modellint.rule("advice", aliases=["broad-layer"])
def wide_layer(
    graph: modellint.Graph, *, channels: int = 4
) -> Iterator[modellint.Finding | modellint.Skip]:
    """A convolution has many channels."""
    for call in graph.calls("conv2d"):
        if not call.output.known:
            yield modellint.Skip(call, "its channels are not known")
        elif call.output.example[1] > channels:
            fix: modellint.Fix | None = None
            yield modellint.Finding(call, f"{call.key} is wide", fix=fix)


def ask(rule: modellint.Rule, reads: modellint.Reads = "graph") -> list[modellint.Example]:
    """What a rule tells of itself."""
    assert_type(rule.category, modellint.Category)
    check: modellint.Check = rule.check
    print(check, reads, modellint.__version__)
    return rule.flagged


def errors() -> None:
    """What is raised, and of what family it is."""
    family: tuple[type[modellint.ModellintError], ...] = (
        modellint.UsageError,
        modellint.PluginError,
        modellint.NotAnalysed,
        modellint.WorkerError,
    )
    try:
        read(lint())
        trace()
    except modellint.FileError as error:
        print(error.kind, error.line)
    except family as error:
        print(error)
    ask(wide_layer)
