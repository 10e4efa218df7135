"""Inputs beside the first are fed as what they are: lengths, labels, noise, a second image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

import modellint


class Sentences(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 8)
        self.rnn = nn.GRU(8, 4, batch_first=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            self.table(tokens), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        return self.rnn(packed)[1][-1]


class Drawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.fc = nn.Embedding(10, 10), nn.Linear(42, 16)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        return self.fc(torch.cat([self.table(labels), noise], -1)).tanh()


class Judging(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.fc = nn.Embedding(10, 10), nn.Linear(42, 16)

    def forward(self, image: Tensor, labels: Tensor) -> Tensor:
        return self.fc(torch.cat([image.flatten(1), self.table(labels)], 1)).relu()


class Captions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.rnn = nn.Embedding(50, 8), nn.LSTM(8, 4, batch_first=True)

    def forward(self, features: Tensor, captions: Tensor) -> Tensor:
        return self.rnn(torch.cat([features.unsqueeze(1), self.table(captions)], 1))[0]


class Pairs(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return self.conv(torch.cat([one, other], 1)).relu()


CASES = {
    "lengths": (Sentences(), [(2, 64, "int64"), (2, "int64")]),
    "noise": (Drawing(), [(2, 32, "float32"), (2, "int64")]),
    "image": (Judging(), [(2, 32, "float32"), (2, "int64")]),
    "features": (Captions(), [(2, 8, "float32"), (2, 64, "int64")]),
    "two images": (Pairs(6), [(2, 3, 224, 224, "float32"), (2, 3, 224, 224, "float32")]),
    "two maps": (Pairs(8), [(2, 4, 224, 224, "float32"), (2, 4, 224, 224, "float32")]),
}


@pytest.mark.parametrize("case", CASES)
def test_further_inputs_are_what_the_layers_take(case):
    model, expected = CASES[case]
    graph = modellint.trace(model)
    assert graph.mismatch is None
    given = [(*one.node.output.example, one.node.output.dtype) for one in graph.inputs]
    assert given == expected


def test_maps_of_an_odd_number_of_channels_still_fit():
    graph = modellint.trace(Pairs(7))
    assert graph.mismatch is None
    assert sum(one.node.output.example[1] for one in graph.inputs) == 7
