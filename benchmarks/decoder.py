"""Lints a decoder of 65 billion parameters in a fresh process and prints what that took."""

from __future__ import annotations

import json
import re
import resource
import time
from pathlib import Path

import torch
from torch import Tensor, nn

LAYERS, WIDTH, HIDDEN, HEADS, WORDS = 80, 8192, 22016, 64, 32000


class Attention(nn.Module):
    """Causal self-attention with rotated queries and keys."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH, bias=False)
        self.key = nn.Linear(WIDTH, WIDTH, bias=False)
        self.value = nn.Linear(WIDTH, WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        query, key, value = (
            layer(x).view(batch, length, HEADS, WIDTH // HEADS).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        query, key = rotated(query, cos, sin), rotated(key, cos, sin)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
        return out


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Pairs of features turned by the angle of their position."""
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), dim=-1)


class Block(nn.Module):
    """Attention and a gated feed-forward part, each around a norm and a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(WIDTH)
        self.attention = Attention()
        self.norm = nn.RMSNorm(WIDTH)
        self.gate = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.up = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.down = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin)
        y = self.norm(x)
        z: Tensor = self.down(nn.functional.silu(self.gate(y)) * self.up(y))
        return x + z


class Decoder(nn.Module):
    """A language model of Llama's shape."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(WIDTH)
        self.head = nn.Linear(WIDTH, WORDS, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        half = WIDTH // HEADS // 2
        rates = 10000 ** (-torch.arange(half, device=tokens.device) / half)
        angles = torch.arange(tokens.shape[1], device=tokens.device)[:, None] * rates
        cos, sin = angles.cos(), angles.sin()
        x = self.words(tokens)
        for block in self.blocks:
            x = block(x, cos, sin)
        logits: Tensor = self.head(self.norm(x))
        return logits


def peak_memory() -> int:
    """The peak of this process's resident memory, in KiB.

    What `getrusage` says begins with what the process had that started this one.
    """
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    if found is not None:
        return int(found[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Print the seconds, the peak of resident memory and what the report says, as JSON."""
    import modellint

    with torch.device("meta"):
        model = Decoder().eval()
    started = time.perf_counter()
    report = modellint.lint(model, ["1,2048:int64"])
    seconds = time.perf_counter() - started
    linted = report.models[0]
    print(
        json.dumps(
            {
                "status": linted.status,
                "parameters": linted.parameters,
                "macs": linted.macs,
                "findings": len(report.findings),
                "seconds": round(seconds, 2),
                "peak_mib": peak_memory() // 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
