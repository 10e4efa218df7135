"""Faults that a rule reads in the source of a model: planted in the text of a model file.

All mutants are written to one folder and linted in one run, as a user's files are.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import modellint
from modellint import Report

from .faults import RULES, Plan
from .measure import Row, Said, judge, said
from .models import FILES

#: Names of the losses that take logits.
LOGIT_LOSSES = {"CrossEntropyLoss", "cross_entropy"}


@dataclass(frozen=True)
class Source:
    """A model file: its text, the class of the model in it, and what this is fed.

    `last` is the layer that gives the model's result, where it is no layer of the text's own.
    """

    name: str
    text: str
    model: ast.ClassDef
    inputs: tuple[str, ...]
    last: str | None = None

    @property
    def tree(self) -> ast.Module:
        """The syntax tree of the file."""
        return ast.parse(self.text)

    def method(self, name: str) -> ast.FunctionDef:
        """A method of the model's class."""
        return next(n for n in self.model.body if isinstance(n, ast.FunctionDef) and n.name == name)

    def with_(self, node: ast.AST, text: str) -> str:
        """The file's text with another one in the place of an expression."""
        lines = self.text.splitlines(keepends=True)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line.encode()))
        data = self.text.encode()
        first = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        last = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return (data[:first] + text.encode() + data[last:]).decode()

    def of(self, node: ast.AST) -> str:
        """The text of an expression."""
        return ast.get_source_segment(self.text, node) or ""

    @property
    def layers(self) -> Mapping[str, ast.Call]:
        """The calls that construct the model's own layers, by the layer's path."""
        found: dict[str, ast.Call] = {}
        for node in ast.walk(self.method("__init__")):
            match node:
                case ast.Assign(targets=[ast.Attribute(attr=name)], value=ast.Call() as call):
                    found[name] = call
                    if called(call) == "Sequential":
                        parts = enumerate(call.args)
                        found |= {f"{name}.{at}": c for at, c in parts if isinstance(c, ast.Call)}
        return found

    @property
    def result(self) -> ast.expr:
        """What the model's forward returns."""
        last = self.method("forward").body[-1]
        assert isinstance(last, ast.Return) and last.value is not None
        return last.value


def called(call: ast.Call) -> str:
    """The last part of what a call calls."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


@dataclass(frozen=True)
class Edit:
    """One fault at one place of a file: the file's text with it, and what must be found where.

    `layer` is that of the finding; a finding on a comment is told by its line, as `line 12`.
    """

    at: str
    change: str
    layer: str
    text: str


Finder = Callable[[Source], Iterator[Edit]]


@dataclass(frozen=True)
class SourceFault:
    """A kind of fault in a text: its name, the rule that must find it, and what plants it."""

    name: str
    rule: str
    places: Finder


SOURCE_FAULTS: list[SourceFault] = []


def source_fault(rule: str) -> Callable[[Finder], SourceFault]:
    """Make a fault of a generator, which is named as its function is, in words."""

    def decorate(places: Finder) -> SourceFault:
        made = SourceFault(places.__name__.replace("_", " "), rule, places)
        SOURCE_FAULTS.append(made)
        return made

    return decorate


# The faults


@source_fault("softmax-before-cross-entropy")
def a_softmax_on_the_logits(source: Source) -> Iterator[Edit]:
    """A softmax over the classes where the model returns."""
    yield from _squashed(source, "softmax", ", dim=1")


@source_fault("softmax-before-cross-entropy")
def a_relu_on_the_logits(source: Source) -> Iterator[Edit]:
    """A ReLU on what the last linear layer gives."""
    result = source.result
    layer = source.layers.get(called(result)) if isinstance(result, ast.Call) else None
    if layer is not None and called(layer) == "Linear":
        yield from _squashed(source, "relu")


def _squashed(source: Source, function: str, more: str = "") -> Iterator[Edit]:
    names = {n.attr for n in ast.walk(source.tree) if isinstance(n, ast.Attribute)}
    names |= {n.id for n in ast.walk(source.tree) if isinstance(n, ast.Name)}
    result = source.result
    if names & LOGIT_LOSSES:
        text = source.with_(result, f"torch.{function}({source.of(result)}{more})")
        yield Edit(
            f"line {result.lineno}", f"torch.{function} on the result",
            f"{function}@{result.lineno}", text,
        )  # fmt: skip


@source_fault("loss-mismatch")
def a_loss_of_logits_on_a_sigmoid(source: Source) -> Iterator[Edit]:
    """A sigmoid where the model returns, and a loss that applies its own."""
    result = source.result
    if not isinstance(result, ast.Tuple):
        text = source.with_(result, f"torch.sigmoid({source.of(result)})")
        yield _trained(source, result, text, "BCEWithLogitsLoss", f"sigmoid@{result.lineno}")


@source_fault("loss-mismatch")
def a_loss_of_probabilities_on_logits(source: Source) -> Iterator[Edit]:
    """A loss that takes probabilities, where the model returns what a layer of weights gives."""
    yield from _on_logits(source, "BCELoss")


@source_fault("loss-mismatch")
def a_loss_of_logarithms_on_logits(source: Source) -> Iterator[Edit]:
    """A loss that takes log-probabilities, where the model returns what a layer gives."""
    yield from _on_logits(source, "NLLLoss")


@source_fault("loss-mismatch")
def a_loss_of_logarithms_on_a_softmax(source: Source) -> Iterator[Edit]:
    """A softmax where the model returns, and a loss that takes log-probabilities."""
    result = source.result
    if not isinstance(result, ast.Tuple):
        text = source.with_(result, f"torch.softmax({source.of(result)}, dim=1)")
        yield _trained(source, result, text, "NLLLoss", f"softmax@{result.lineno}")


@source_fault("loss-mismatch")
def a_cross_entropy_of_one_logit(source: Source) -> Iterator[Edit]:
    """One feature of the last linear layer, and a loss that wants one a class."""
    for path, text in _one_feature(source):
        yield _trained(source, source.result, text, "CrossEntropyLoss", path)


@source_fault("loss-mismatch")
def a_column_compared_with_a_row(source: Source) -> Iterator[Edit]:
    """One feature of the last linear layer, and targets without that axis."""
    for path, text in _one_feature(source):
        yield _trained(source, source.result, text, "MSELoss", path, "torch.rand(64)")


def _on_logits(source: Source, loss: str) -> Iterator[Edit]:
    result = source.result
    layer = called(result) if isinstance(result, ast.Call) else ""
    call = source.layers.get(layer)
    if call is not None and called(call) in ("Linear", "Conv2d", "ConvTranspose2d"):
        yield _trained(source, result, source.text, loss, layer)
    elif source.last is not None:
        yield _trained(source, result, source.text, loss, source.last)


def _one_feature(source: Source) -> Iterator[tuple[str, str]]:
    """The last linear layer, if its result is the model's, and the text with one feature of it."""
    result = source.result
    layer = called(result) if isinstance(result, ast.Call) else ""
    call = source.layers.get(layer)
    if call is not None and called(call) == "Linear" and len(call.args) > 1:
        yield layer, source.with_(call.args[1], "1")


def _trained(
    source: Source, result: ast.expr, text: str, loss: str, layer: str, target: str = "target"
) -> Edit:
    """The text with a training loop at its end, and no other loss."""
    function = {
        "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
        "BCELoss": "binary_cross_entropy",
        "NLLLoss": "nll_loss",
        "MSELoss": "mse_loss",
    }
    if loss in function:
        text = text.replace("CrossEntropyLoss", loss)
        text = re.sub(r"\bcross_entropy\b", function[loss], text)
    loop = f"""

def train_with_another_loss(model, batches):
    objective = torch.nn.{loss}()
    for data, target in batches:
        objective(model(data), {target}).backward()
"""
    return Edit(f"line {result.lineno}", f"{loss} at the end", layer, text + loop)


@source_fault("no-op-layer")
def a_dropout_that_drops_nothing(source: Source) -> Iterator[Edit]:
    """A dropout with p=0."""
    for path, call in source.layers.items():
        if called(call) == "Dropout":
            yield Edit(path, "p → 0", path, source.with_(call, "nn.Dropout(0)"))


@source_fault("no-op-layer")
def a_pool_of_one_pixel(source: Source) -> Iterator[Edit]:
    """A max pool with kernel 1 behind a convolution."""
    for path, call in source.layers.items():
        if called(call) == "Conv2d":
            text = source.with_(call, f"nn.Sequential({source.of(call)}, nn.MaxPool2d(1))")
            yield Edit(path, "nn.MaxPool2d(1) behind it", f"{path}.1", text)


@source_fault("unused-ignore")
def a_comment_that_ignores_nothing(source: Source) -> Iterator[Edit]:
    """A comment for a rule that has nothing to say at a layer."""
    yield from _commented(source, "even-kernel")


@source_fault("unused-ignore")
def a_comment_that_misspells_its_rule(source: Source) -> Iterator[Edit]:
    """A comment for a rule that there is not."""
    yield from _commented(source, "evenkernel")


def _commented(source: Source, rule: str) -> Iterator[Edit]:
    lines = source.text.split("\n")
    for path, call in source.layers.items():
        line = lines[call.lineno - 1]
        if call.lineno != call.end_lineno or "#" in line:
            continue
        comment = f"  # modellint: ignore[{rule}]"
        text = "\n".join([*lines[: call.lineno - 1], line + comment, *lines[call.lineno :]])
        yield Edit(path, comment.strip(), f"line {call.lineno}", text)


@source_fault("unregistered-module")
def brackets_in_place_of_a_module_list(source: Source) -> Iterator[Edit]:
    """A list that is not handed to `nn.ModuleList`."""
    for path, call in source.layers.items():
        if called(call) == "ModuleList":
            change = "a list in place of nn.ModuleList"
            yield Edit(path, change, f"{path}[0]", source.with_(call, source.of(call.args[0])))


@source_fault("shape-annotation")
def a_promise_of_another_width(source: Source) -> Iterator[Edit]:
    """A forward that is annotated with 999 values a sample, where its last layer gives others."""
    result, method = source.result, source.method("forward")
    layer = called(result) if isinstance(result, ast.Call) else ""
    lines = source.text.split("\n")
    head = lines[method.lineno - 1]
    if layer not in source.layers or not head.endswith(":"):
        return
    lines[method.lineno - 1] = head[: head.rindex(")")] + ') -> Annotated[torch.Tensor, "N 999"]:'
    first = next(at for at, line in enumerate(lines) if line.startswith(("import", "from")))
    more = ["from typing import Annotated", "import torch"]
    after = first + 1 if "__future__" in lines[first] else first
    text = "\n".join([*lines[:after], *more, *lines[after:]])
    yield Edit(f"line {method.lineno}", '-> "N 999"', layer, text)


# Planting


def read_sources() -> Iterator[Source]:
    """The model files."""
    for path, (name, inputs) in FILES.items():
        yield source_of_text(f"text:{path.stem}", path.read_text("utf-8"), name, inputs)


def source_of_text(
    name: str, text: str, model: str, inputs: tuple[str, ...], last: str | None = None
) -> Source:
    """A text with a class of a name."""
    classes = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    found = next(node for node in classes if node.name == model)
    return Source(name, text, found, inputs, last)


def plant_in_texts() -> Iterator[Row]:
    """Plant each fault that has a place in a model file's text, all in files of their own."""
    planted: dict[str, tuple[SourceFault, Edit, str]] = {}
    with TemporaryDirectory(prefix="modellint-") as folder:
        root = Path(folder).resolve()
        for source in read_sources():
            name = source.name.removeprefix("text:")
            (root / f"{name}.py").write_text(source.text, "utf-8")
            for number, (fault, edit) in enumerate(drawn_edits(source, name, SOURCE_FAULTS)):
                file = f"{name}_{number}.py"
                (root / file).write_text(edit.text, "utf-8")
                planted[file] = fault, edit, name
        report = modellint.lint_paths([root], isolated=True)
    for file, (fault, edit, name) in planted.items():
        before = said(_of_file(report, f"{name}.py"))
        yield judged(fault, edit, f"text:{name}", before, _of_file(report, file))


def drawn_edits(
    source: Source, name: str, faults: Iterable[SourceFault]
) -> Iterator[tuple[SourceFault, Edit]]:
    """Each fault that has a place in a text, at one of them, drawn by its name and the text's."""
    for fault in faults:
        edits = list(fault.places(source))
        if edits:
            yield fault, random.Random(f"{fault.name} {name}").choice(edits)


def judged(fault: SourceFault, edit: Edit, model: str, before: Said, after: Report) -> Row:
    """What came of a fault in a text."""
    plan = Plan(edit.at, edit.change, edit.layer, lambda model: None, implied=_implied(fault))
    return judge(fault, plan, model, before, after)


def _implied(fault: SourceFault) -> Mapping[str, str]:
    if fault.rule == "unregistered-module":
        return {fault.rule: "each module of the list is one"}
    if fault.rule == "loss-mismatch":
        return {"constant-output": "a softmax over the one channel of a map is 1"}
    return {}


def _of_file(report: Report, name: str) -> Report:
    """The part of a report that is about one file, remarks on comments by their line."""
    findings = [
        replace(finding, layers=(f"line {finding.line}",))
        if RULES[finding.rule].reads == "comments"
        else finding
        for finding in report.findings
        if Path(finding.path).name == name
    ]
    errors = [error for error in report.errors if Path(error.path).name == name]
    return Report(findings=tuple(findings), errors=tuple(errors))
