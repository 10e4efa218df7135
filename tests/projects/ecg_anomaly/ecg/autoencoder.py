"""Autoencoders of heart beats: what they rebuild badly is not normal."""

import torch
from torch import nn


class RecurrentAutoencoder(nn.Module):
    def __init__(self, seq_len, n_features, embedding_dim=64):
        super().__init__()
        self.seq_len, self.embedding_dim = seq_len, embedding_dim
        self.rnn1 = nn.LSTM(n_features, 2 * embedding_dim, batch_first=True)
        self.rnn2 = nn.LSTM(2 * embedding_dim, embedding_dim, batch_first=True)
        self.rnn3 = nn.LSTM(embedding_dim, 2 * embedding_dim, batch_first=True)
        self.output_layer = nn.Linear(2 * embedding_dim, n_features)

    def forward(self, x):
        x, _ = self.rnn1(x)
        _, (hidden, _) = self.rnn2(x)
        z = hidden[-1].unsqueeze(1).repeat(1, self.seq_len, 1)
        z, _ = self.rnn3(z)
        return self.output_layer(z)


class ConvAutoencoder(nn.Module):
    def __init__(self, n_leads: int = 12, width: int = 16, dropout: float = 0.1):
        super().__init__()
        w = width
        self.encoder = nn.Sequential(
            nn.Conv1d(n_leads, w, kernel_size=7, stride=2, padding=3),
            nn.ELU(),
            nn.Conv1d(w, 2 * w, kernel_size=7, stride=2, padding=3),
            nn.ELU(),
            nn.Dropout(dropout),
            nn.Conv1d(2 * w, 4 * w, kernel_size=7, stride=2, padding=3),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose1d(4 * w, 2 * w, kernel_size=8, stride=2, padding=3),
            nn.ELU(),
            nn.ConvTranspose1d(2 * w, w, kernel_size=8, stride=2, padding=3),
            nn.ELU(),
            nn.ConvTranspose1d(w, n_leads, kernel_size=8, stride=2, padding=3),
        )

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(signal))
