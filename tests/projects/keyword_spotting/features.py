import torch
from torch import nn

from config import AudioConfig


class LogMel(nn.Module):
    """Log-mel features with a triangular filter bank."""

    def __init__(self, cfg: AudioConfig):
        super().__init__()
        self.cfg = cfg
        self.register_buffer("window", torch.hann_window(cfg.n_fft))
        bins = cfg.n_fft // 2 + 1
        centers = torch.linspace(0, bins - 1, cfg.n_mels + 2)
        distance = (torch.arange(bins)[None] - centers[1:-1, None]).abs()
        width = (centers[2:] - centers[:-2])[:, None] / 2
        self.register_buffer("bank", (1 - distance / width).clamp(min=0))

    def forward(self, wav):  # (batch, samples)
        spec = torch.stft(
            wav,
            self.cfg.n_fft,
            self.cfg.hop_length,
            window=self.window,
            return_complex=True,
        )
        power = spec.abs() ** 2  # (batch, bins, frames)
        return torch.log(self.bank @ power + 1e-6)
