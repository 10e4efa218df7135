"""Answers that are known before the tool runs, for live modules."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import modellint
from modellint.graph import Graph


class One(nn.Module):
    """One convolution, called on one image without a batch."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 5, 3, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        print("in forward")
        return self.conv1(x)


def rules(report: modellint.Report) -> list[str]:
    return [finding.rule for finding in report.findings]


def parameters(graph: Graph) -> int:
    return sum(parameter.numel for parameter in graph.parameters)


@pytest.mark.parametrize(
    ("padding", "output", "example", "found"),
    [
        (0, (5, "H - 2", "W - 2"), (5, 26, 26), ["edge-losing-padding"]),
        (1, (5, "H", "W"), (5, 28, 28), []),
        (2, (5, "H + 2", "W + 2"), (5, 30, 30), ["over-padding"]),
    ],
)
def test_one_convolution_on_one_unbatched_image(
    padding: int, output: tuple[int | str, ...], example: tuple[int, ...], found: list[str]
) -> None:
    graph = modellint.trace(One(padding), ["1,28,28"])
    assert graph.inputs[0].node.output.symbolic == (1, "H", "W")
    assert graph.outputs[0].output.symbolic == output
    assert graph.outputs[0].output.example == example
    assert parameters(graph) == 50
    report = modellint.lint(One(padding), ["1,28,28"])
    assert rules(report) == found
    assert report.ok is not bool(found)


def test_a_five_by_five_window_on_32_gives_28() -> None:
    graph = modellint.trace(nn.Conv2d(3, 6, 5), ["1,3,32,32"])
    assert graph.outputs[0].output.example == (1, 6, 28, 28)
    assert graph.outputs[0].output.symbolic == ("N", 6, "H - 4", "W - 4")


def test_a_wide_linear_layer_is_parameter_heavy_and_a_narrow_one_is_not() -> None:
    model = nn.Sequential(nn.Linear(1100, 100), nn.ReLU(), nn.Linear(100, 100))
    report = modellint.lint(model, ["2,1100"])
    heavy = [finding for finding in report.findings if finding.rule == "parameter-heavy-linear"]
    assert [finding.layer for finding in heavy] == ["0"]
    assert "110,100" in heavy[0].message
    assert "120,200" in heavy[0].message
    assert report.models[0].parameters == 120_200


def test_a_stride_three_convolution_prints_one_division_and_reads_every_pixel() -> None:
    model = nn.Conv2d(1, 6, 3, stride=3, padding=1)
    graph = modellint.trace(model, ["10,1,28,28"])
    assert graph.outputs[0].output.example == (10, 6, 10, 10)
    assert graph.outputs[0].output.symbolic == (
        "N",
        6,
        "(H - 1) // 3 + 1",
        "(W - 1) // 3 + 1",
    )
    assert not {"even-kernel", "edge-losing-padding"} & set(
        rules(modellint.lint(model, ["10,1,28,28"]))
    )


def test_five_stride_two_convolutions_print_one_division() -> None:
    model = nn.Sequential(*(nn.Conv2d(3, 3, 3, stride=2, padding=1) for _ in range(5)))
    graph = modellint.trace(model)
    assert graph.outputs[0].output.symbolic == (
        "N",
        3,
        "(H - 1) // 32 + 1",
        "(W - 1) // 32 + 1",
    )


def test_lenets_flatten_is_a_product_of_both_sides() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.Flatten()
    )
    graph = modellint.trace(model, ["2,1,32,48"])
    assert graph.outputs[0].output.symbolic == ("N", "16*(H // 4 - 3)*(W // 4 - 3)")


def test_a_batch_folded_into_the_first_axis_prints_as_a_product() -> None:
    class Fold(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            batch, channels, height, width = x.shape
            return x.reshape(batch * 4, channels, height * width // 4)

    graph = modellint.trace(Fold(), ["2,3,8,8"])
    assert graph.outputs[0].output.symbolic[0] == "4*N"


def test_a_shared_layer_counts_once_and_is_called_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.conv(x))

    graph = modellint.trace(Twice(), ["1,4,8,8"])
    assert [node.key for node in graph.calls("conv2d")] == ["conv", "conv#2"]
    assert parameters(graph) == 4 * 4 * 9 + 4


def test_attention_is_opened_into_its_projections() -> None:
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    graph = modellint.trace(model, ["2,5,8"])
    widths = [node.output.symbolic[-1] for node in graph.calls("linear")]
    assert 24 in widths
    assert widths.count(8) == 2
    assert 16 in widths
    assert parameters(graph) == sum(p.numel() for p in model.parameters())


def test_what_does_not_fit_is_a_finding_and_the_layers_before_it_are_reported() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 3, padding=1))
    report = modellint.lint(model, ["2,3,32,32"])
    assert "shape-mismatch" in rules(report)
    assert next(iter(report.models[0].layers)) == "0"
    assert not report.ok


def test_a_forward_that_raises_by_itself_is_a_failure_and_no_finding() -> None:
    class Raises(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyError("weights")

    report = modellint.lint(Raises(), ["2,3"])
    assert report.models[0].status == "failed"
    assert report.errors[0].kind == "trace-error"


def test_torch_is_not_needed_for_what_it_computes() -> None:
    """Sixty-five billion parameters on meta take no memory and no time."""
    with torch.device("meta"):
        model = nn.Sequential(*(nn.Linear(18000, 18000) for _ in range(200)))
    graph = modellint.trace(model, ["2,18000"])
    assert parameters(graph) == 200 * (18000**2 + 18000)
