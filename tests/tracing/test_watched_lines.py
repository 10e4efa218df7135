"""The shape behind a line is what eager PyTorch prints there, at the example's and other sizes."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import nets
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from printed_shapes import Printed, PrintedModule, evaluated
from torch import nn

import modellint
from modellint.results.annotated import AnnotatedSource

NETS = PrintedModule(Path(nets.__file__).read_text("utf-8"), "nets")


def sources_of(model: nn.Module, inputs: list[str]) -> tuple[AnnotatedSource, ...]:
    return (
        modellint.lint(model, inputs, select=["shape-mismatch"], annotated=True).models[0].annotated
    )


def check(source: AnnotatedSource, printed: Printed, sizes: Mapping[str, int]) -> int:
    """Compare each annotated line with what was printed behind it; how many there are."""
    annotated = {}
    for one in source.lines:
        if not one.built:
            annotated.setdefault(one.end_line, []).append(one)
    assert annotated.keys() == printed.keys()
    for line, found in annotated.items():
        if len(found) > 1:
            continue  # Statements on one line print in turn.
        (one,), prints = found, printed[line]
        assert one.count == len(prints), line
        for tensors, eager in ((one.first, prints[0]), (one.last, prints[-1])):
            assert [evaluated(tensor.shape, sizes) for tensor in tensors] == eager, line
        others = {str(shapes) for shapes in prints} - {str(prints[0]), str(prints[-1])}
        assert not others or one.between, line
    return len(annotated)


# Hypothesis explains a failure by following lines itself, where modellint then follows none.
lenient = settings(
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.hypothesis
@pytest.mark.filterwarnings("ignore:Using padding")
@lenient
@given(nets.nets(), st.integers(12, 48), st.integers(12, 48), st.integers(0, 1 << 20))
def test_each_line_of_random_nets_has_the_shapes_that_eager_prints_there(
    model: nn.Module, height: int, width: int, seed: int
) -> None:
    inputs = [f"2,3,{height},{width}"]
    graph = modellint.trace(model, inputs)
    if graph.mismatch is not None or graph.partial is not None:
        return
    sources = sources_of(model, inputs)
    for sizes in [dict(graph.symbols), *nets.sizes_near(graph, 2, seed)]:
        shape = evaluated(tuple(graph.inputs[0].node.output.symbolic), sizes)
        try:
            printed = NETS.run(model, torch.zeros(shape))
        except (RuntimeError, ValueError):
            continue
        assert len(sources) <= 1
        if sources:
            check(sources[0], printed, sizes)
        else:
            assert not printed


WRITTEN = """
from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

Pair = namedtuple("Pair", ["low", "high"])


@dataclass
class Output:
    logits: torch.Tensor
    hidden: tuple
    loss: torch.Tensor | None = None


def halved(x):
    y = F.max_pool2d(x, 2)
    return y


def several(*maps, scale=1):
    total = 0
    for one in maps:
        total = total + F.interpolate(one, size=(8, 8)).mean()
    return total * scale


class Block(nn.Module):
    def __init__(self, i, o, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, stride, padding=1)
        self.short = nn.Conv2d(i, o, 1, stride) if stride > 1 or i != o else None

    def forward(self, x):
        identity = x
        if self.short is not None: identity = self.short(x)
        out = self.conv(x)
        out += identity
        return F.relu(
            out
        )


class Everything(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.blocks = nn.ModuleList([Block(8, 8), Block(8, 16, 2), Block(16, 16), Block(16, 32, 2)])
        self.scale = nn.Parameter(torch.ones(32, 1, 1))
        self.table = nn.ModuleDict({"a": nn.Conv2d(32, 4, 1), "b": nn.Conv2d(32, 6, 1)})
        self.rnn = nn.GRU(32, 5, batch_first=True)
        self.register_buffer("mean", torch.zeros(3, 1, 1))

    def encode(self, x, deep=True):
        maps = []
        for block in self.blocks: x = block(x)
        for number, block in enumerate(self.blocks):
            if number > 99:
                maps.append(x)
                continue
            maps.append(x)
        return x, maps

    def forward(self, x):
        batch, channels, height, width = x.shape
        x = x - self.mean; y = halved(x)
        x = self.stem(x)
        self.kept = x
        x, maps = self.encode(x)
        first, *rest = maps
        scale = self.scale
        x = x * scale
        try:
            x = x.view(3, 5, 7, 11, 13)
        except RuntimeError:
            x = x.contiguous()
        with torch.no_grad():
            frozen = x.detach()
        named = {}
        for key, layer in self.table.items():
            named[key] = layer(x)
        ordered = OrderedDict(low=named["a"], high=named["b"])
        pair = Pair(named["a"], high=named["b"])
        tokens = x.flatten(2) \\
            .transpose(1, 2)
        out, hidden = self.rnn(tokens)
        (a, b), c = (tokens, out), hidden
        pieces = [piece * 2 for piece in out.unbind(-1)]
        total: torch.Tensor = several(*maps, scale=2)
        mask = tokens.sum(-1) > 0
        index = torch.arange(height * width).reshape(height, width)
        tokens.mul_(2)
        if self.training:
            x = x.new_zeros(7, 7)
            return x
        elif height == 1:
            x = torch.cat([x, x])
        else:
            x = x.mean((2, 3))
        while x.dim() < 4:
            x = x.unsqueeze(-1)
        apply = lambda t: t.relu()
        x = apply(x)
        if height > 4: x = x.flatten(1)
        if height < 0: x = x.squeeze(99)
        for _ in range(0):
            x = x[None, None]
        del tokens
        return Output(logits=x, hidden=(out, [hidden, pair]))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(Block(3, 4, 2), Block(4, 4))

    def recurse(self, x, depth):
        if depth == 0:
            return x
        x = halved(x)
        return self.recurse(x, depth - 1)

    def forward(self, a, b=None):
        small = F.avg_pool2d(a, 2)
        large, small = self.branch(a), self.branch(small)
        found = [self.recurse(one, 2) for one in (large, small)]
        return {"large": large, "small": small, "found": found, "none": None, 3: a}
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModuleType, PrintedModule]:
    """The module with every form of statement, and its like that prints."""
    path = tmp_path_factory.mktemp("written") / "forms_of_statements.py"
    path.write_text(WRITTEN, "utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, path.stem, module)
        spec.loader.exec_module(module)
        yield module, PrintedModule(WRITTEN, path.stem)


@pytest.mark.parametrize("name", ["Everything", "Twice"])
def test_each_form_of_statement_has_what_eager_prints_behind_it(name, written) -> None:
    module, printing = written
    model = getattr(module, name)()
    (source,) = sources_of(model, ["1,3,32,40"])
    for sizes in ({"N": 1, "H": 32, "W": 40}, {"N": 3, "H": 48, "W": 64}):
        printed = printing.run(model, torch.zeros(sizes["N"], 3, sizes["H"], sizes["W"]))
        assert check(source, printed, sizes) > 10
