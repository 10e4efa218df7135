"""A recurrent classifier of sequences."""

import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self, words=1000, width=32, hidden=64, tags=5):
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(hidden, tags)

    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        return self.out(self.drop(states[:, -1]))


if __name__ == "__main__":
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    model = Tagger()
    criterion(model(torch.randint(0, 1000, (2, 12))), torch.tensor([1, 2])).backward()
