"""What makes a transposed convolution give the size of the map that it is joined with."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import modellint
from modellint.facts.remedies import remedy

KINDS = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class Decoder(nn.Module):
    def __init__(self, up, turned):
        super().__init__()
        self.up = up
        self.norm = nn.Sequential(nn.ReLU(), nn.Dropout())
        self.turned = turned

    def forward(self, low, high):
        pair = (self.norm(self.up(low)), high)
        return torch.cat(pair[::-1] if self.turned else pair, 1)


def offered(up, low, high, turned=False):
    """The arguments that are offered, by name; nothing where none are."""
    graph = modellint.trace(Decoder(up, turned), [torch.rand(low), torch.rand(high)])
    assert graph.mismatch is not None
    found = remedy(graph, graph.mismatch.node)
    if found is None or found.fix is None:
        return {}
    assert all(change.layer.key == "up" for change in found.fix.changes)
    return {change.name: change.value for change in found.fix.changes}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_stride_of_two_takes_one_more(rank, turned):
    up = KINDS[rank](4, 4, 3, stride=2, padding=1)
    given = offered(up, (2, 4, *[8] * rank), (2, 4, *[16] * rank), turned)
    assert given == {"output_padding": 1}


def test_what_is_offered_gives_the_size_in_torch_and_is_within_what_torch_takes():
    seen = 0
    for k, s, p, d, apart in itertools.product(
        (2, 3, 5), (1, 2, 3), (0, 1), (1, 2), (-3, -2, -1, 1, 2, 3)
    ):
        up = nn.ConvTranspose2d(4, 4, k, s, p, dilation=d)
        low = torch.rand(2, 4, 8, 8)
        size = up(low).shape[-1] + apart
        given = offered(up, low.shape, (2, 4, size, size))
        if not given:
            continue
        seen += 1
        arguments = {"kernel_size": k, "stride": s, "padding": p, "dilation": d, **given}
        assert nn.ConvTranspose2d(4, 4, **arguments)(low).shape[-2:] == (size, size)
    assert seen > 60


def test_axes_may_differ():
    up = nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1)
    assert offered(up, (2, 4, 8, 8), (2, 4, 16, 15)) == {"output_padding": (1, 0)}


@pytest.mark.parametrize("size", [40, 3])
def test_what_no_padding_gives_is_not_offered(size):
    up = nn.ConvTranspose2d(4, 4, 2, stride=2)
    assert offered(up, (2, 4, 8, 8), (2, 4, size, size)) == {}
