"""The offsets that a run of dilated convolutions reaches are those with a gradient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import modellint
from modellint.geometry import dilated_runs, positions, without_holes
from modellint.geometry.gridding import Reach

SIZE = 161


class Parallel(nn.Module):
    """Branches of one map that are added, the map itself among them if it is short-circuited."""

    def __init__(self, branches: list[nn.Module], shortcut: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        made = sum(branch(x) for branch in self.branches)
        assert isinstance(made, Tensor)
        return x + made if self.shortcut else made


def conv(kernel: int, dilation: int) -> nn.Conv1d:
    made = nn.Conv1d(1, 1, kernel, padding="same", dilation=dilation, bias=False)
    nn.init.ones_(made.weight)
    return made


convs = st.builds(conv, st.sampled_from([1, 2, 3, 5]), st.integers(1, 6))
steps = st.one_of(
    convs,
    st.builds(lambda k: nn.AvgPool1d(k, 1, k // 2), st.sampled_from([1, 3])),
    st.builds(Parallel, st.lists(convs, min_size=1, max_size=3), st.booleans()),
)


def offsets(model: nn.Module) -> set[int]:
    """How far from a position in the middle the positions lie that it depends on."""
    x = torch.ones(1, 1, SIZE, requires_grad=True)
    model(x)[0, 0, SIZE // 2].backward()
    assert x.grad is not None
    return {at - SIZE // 2 for at in x.grad[0, 0].nonzero().flatten().tolist()}


@pytest.mark.filterwarnings("ignore:Using padding")
@given(st.lists(steps, min_size=2, max_size=5))
def test_a_run_reaches_the_offsets_that_have_a_gradient(layers: list[nn.Module]) -> None:
    model = nn.Sequential(*layers)
    graph = modellint.trace(model, [f"1,1,{SIZE}"])
    for run in dilated_runs(graph):
        assert run.last is graph.outputs[0]
        (reach,) = run.axes.values()
        reached = offsets(model)
        assert {reach.least + bit for bit in positions(reach.mask)} == reached
        holes = set(range(min(reached), max(reached))) - reached
        assert (run.gap > 1) is bool(holes)


def test_the_dilation_that_is_advised_leaves_no_hole() -> None:
    layers = [conv(3, 4), conv(3, 4), conv(3, 4)]
    graph = modellint.trace(nn.Sequential(*layers), [f"1,1,{SIZE}"])
    (run,) = dilated_runs(graph)
    assert (run.axes[0].count, run.axes[0].span, run.gap) == (7, 25, 4)
    layers = [conv(3, 1), conv(3, 3), conv(3, 6)]
    graph = modellint.trace(nn.Sequential(*layers), [f"1,1,{SIZE}"])
    (run,) = dilated_runs(graph)
    assert run.gap == 1
    layers = [conv(3, 2), conv(3, 2), conv(3, 2)]
    graph = modellint.trace(nn.Sequential(*layers), [f"1,1,{SIZE}"])
    (run,) = dilated_runs(graph)
    changed = without_holes(graph, run)
    assert changed is not None
    assert (changed[0].key, changed[1]) == ("0", 1)
    layers[0] = conv(3, 1)
    assert offsets(nn.Sequential(*layers)) == set(range(-5, 6))


def test_rows_and_columns_are_counted_apart() -> None:
    row = nn.Conv2d(1, 1, (1, 3), padding=(0, 4), dilation=(1, 4))
    column = nn.Conv2d(1, 1, (3, 1), padding=(4, 0), dilation=(4, 1))
    assert dilated_runs(modellint.trace(nn.Sequential(row, column), ["1,1,40,40"])) == ()
    (run,) = dilated_runs(modellint.trace(nn.Sequential(row, column, row), ["1,1,40,40"]))
    assert list(run.axes) == [1]


def test_one_dilated_convolution_on_each_path_is_no_run() -> None:
    pyramid = Parallel([conv(3, 6), conv(3, 12)], shortcut=False)
    assert dilated_runs(modellint.trace(pyramid, [f"1,1,{SIZE}"])) == ()


def test_a_map_that_leads_on_is_no_end() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Sequential(conv(3, 2), conv(3, 2))
            self.narrow = conv(3, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.wide(x)
            return self.narrow(x) * x.mean(2, keepdim=True)

    (run,) = dilated_runs(modellint.trace(Twice(), [f"1,1,{SIZE}"]))
    assert run.gap == 1


def test_branches_are_united_where_they_lie() -> None:
    left, right = Reach(-2, 0b101), Reach(1, 0b1)
    assert left.united(right) == Reach(-2, 0b1101)
    assert (left.united(right).span, left.united(right).count, left.gap) == (4, 3, 2)
