"""Convolutions of several widths over the words of a sentence."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy


class Sentences(nn.Module):
    def __init__(self, words=5000, width=64, classes=2):
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.conv3 = nn.Conv1d(width, 32, 3, padding=1)
        self.conv5 = nn.Conv1d(width, 32, 5, padding=2)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(64, classes)

    def forward(self, tokens):
        x = self.embedding(tokens).transpose(1, 2)
        maps = torch.cat([self.conv3(x), self.conv5(x)], dim=1).relu()
        return self.out(self.drop(maps.amax(dim=2)))


if __name__ == "__main__":
    model = Sentences()
    scores = model(torch.randint(0, 5000, (4, 40)))
    print(cross_entropy(scores, torch.tensor([0, 1, 0, 1])))
