"""A perceptron for a table of measurements."""

import torch
import torch.nn.functional as F
from torch import nn


class Perceptron(nn.Module):
    def __init__(self, features=20, hidden=64, classes=4):
        super().__init__()
        self.norm = nn.BatchNorm1d(features)
        self.fc1 = nn.Linear(features, hidden)
        self.act = nn.ReLU()
        self.drop = nn.Dropout(p=0.2)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        x = self.act(self.fc1(self.norm(x)))
        return self.fc2(self.drop(x))


if __name__ == "__main__":
    net = Perceptron()
    logits = net(torch.rand(16, 20))
    F.cross_entropy(logits, torch.randint(0, 4, (16,))).backward()
