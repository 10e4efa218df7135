"""A net, and what files keep its settings in; a file that tests read, and add to."""

# ruff: noqa: F401

import argparse
import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import NamedTuple

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, channels, width=8):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.norm(self.conv(x).relu())


class Plain:
    channels = 5
    side = 2 * 10


@dataclass
class Data:
    channels: int = 5
    sides: list = field(default_factory=lambda: [20, 20])
    side: int = 20


@dataclass
class Needs:
    channels: int
    side: int = 20


class Row(NamedTuple):
    channels: int = 5
    side: int = 20


class Sets:
    def __init__(self, channels=5, scale=2):
        self.channels = channels
        self.side = 10 * scale


class Derived(Plain):
    side = 20
