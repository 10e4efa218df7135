from collections import namedtuple

import torch
from torch import nn


def stage(cin, cout, n, pool=True):
    layers = [nn.MaxPool2d(2)] if pool else []
    for _ in range(n):
        layers += [nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU(inplace=False)]
        cin = cout
    return nn.Sequential(*layers)


class LossNetwork(nn.Module):
    """Four maps of a VGG-like network; the weights come from a file if there is one."""

    def __init__(self, weights=None, requires_grad=False):
        super().__init__()
        self.slice1 = stage(3, 64, 2, pool=False)
        self.slice2 = stage(64, 128, 2)
        self.slice3 = stage(128, 256, 3)
        self.slice4 = stage(256, 512, 3)
        if weights is not None:
            self.load_state_dict(torch.load(weights))
        for param in self.parameters():
            param.requires_grad = requires_grad

    def forward(self, X):
        h1 = self.slice1(X)
        h2 = self.slice2(h1)
        h3 = self.slice3(h2)
        h4 = self.slice4(h3)
        outputs = namedtuple("VggOutputs", ["relu1_2", "relu2_2", "relu3_3", "relu4_3"])
        return outputs(h1, h2, h3, h4)
