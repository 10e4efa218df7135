"""An exported net says what the live one says: layers, shapes, costs, contract, findings."""

from __future__ import annotations

import pytest
import torch
from exported_nets import LAYERS, NETS, Joined, Residual, Transformer, exported
from torch import nn

import modellint
from modellint.errors import NotAnalysed
from modellint.exported.program import Argument, Axis, Given, Program, Ref, Step
from modellint.facts.costs import macs, parameters, total_parameters
from modellint.graph import Graph
from modellint.modules.export_steps import function_of
from modellint.modules.replayed import replayed


def _lines(graph: Graph) -> list[tuple[str, tuple[int, ...], int, int]]:
    """What is said of each layer; one that is none of torch's has the line of its call live."""
    return [
        (
            node.key.partition("@")[0].rpartition(":")[2].partition("#")[0],
            node.output.example,
            macs(graph, node),
            parameters(graph, node),
        )
        for node in graph.calls()
    ]


def _alike(live: Graph, other: Graph) -> None:
    assert (other.partial, other.mismatch, other.batches) == (None, None, ("N",))
    assert total_parameters(live) == total_parameters(other)
    assert _lines(live) == _lines(other)


@pytest.mark.parametrize("name", [*NETS, *LAYERS])
def test_an_exported_net_is_what_it_was_exported_of(name: str) -> None:
    model, args = {**NETS, **LAYERS}[name]()
    live = modellint.trace(model, args=args)
    _alike(live, modellint.trace(exported(model, args)))


def test_the_module_of_a_program_is_that_program() -> None:
    model, args = NETS["residual"]()
    live = modellint.trace(model, args=args)
    _alike(live, modellint.trace(exported(model, args).module()))


def test_decomposed_operators_cost_what_they_were_decomposed_of() -> None:
    model, args = NETS["residual"]()
    live = modellint.lint(model, args=args)
    (found,) = modellint.lint(exported(model, args).run_decompositions()).models
    assert (found.status, found.macs) == ("analysed", live.models[0].macs)
    assert {"conv1", "bn1", "block.0"} <= set(found.layers)


def test_a_fixed_number_of_samples_costs_what_one_costs() -> None:
    for net, size in ((Residual, (3, 32, 32)), (Transformer, (6,))):
        x = torch.zeros(4, *size, dtype=torch.long if net is Transformer else torch.float32)
        report = modellint.lint(exported(net(), (x,), dynamic=False))
        one = modellint.lint(net(), args=(x[:1],))
        assert report.models[0].macs == one.models[0].macs
        assert not report.findings


def test_the_contract_is_that_of_the_export() -> None:
    half = torch.export.Dim("half", min=4, max=20)
    shapes = ({0: torch.export.Dim("n", max=64), 2: 2 * half},)
    args = (torch.zeros(2, 3, 16, 16),)
    program = torch.export.export(Joined().eval(), args, dynamic_shapes=shapes)
    contract = modellint.lint(program).models[0].contract
    assert contract["N"].max == 64
    assert (contract["H"].min, contract["H"].max, contract["H"].multiple_of) == (8, 40, 2)
    assert "W" not in contract


def test_operators_may_be_called_by_a_forward() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(8, 3, 3, 3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.ops.aten.conv2d.default(x, self.weight, None, [2, 2], [1, 1])
            return torch.ops.aten.slice.Tensor(torch.ops.aten.relu(x), 2, 1)

    graph = modellint.trace(Net(), "N,3,H,W")
    assert graph.partial is None
    assert graph.outputs[0].output.symbolic[:2] == ("N", 8)
    assert [node.op for node in graph.calls("conv2d")] == ["conv2d"]


def _program(target: str) -> Program:
    step = Step(target, (Argument("x", Ref("x"), False),), "y", "")
    given = Given("x", (Axis(2),), "float32")
    return Program("Net", (given,), {}, {}, (step,), Ref("y"))


@pytest.mark.parametrize(
    "target",
    ["os.system", "builtins.eval", "torch.load", "torch.ops.nobody.has.default", "math.__loader__"],
)
def test_a_file_can_name_nothing_but_operators(target: str) -> None:
    with pytest.raises(NotAnalysed):
        replayed(_program(target))


def test_what_is_no_operator_of_aten_is_left_to_torch() -> None:
    assert callable(function_of("torch.ops.aten.relu.default"))
    report = modellint.lint(replayed(_program("torch.ops.aten._cdist_backward.default")))
    assert report.models[0].status == "not-analysed"
    assert not report.findings
