"""Lints the same nets on short and on long maps: what that takes must not grow with the map.

    python -m benchmarks.long  # prints Markdown

Times are processor time in one process, the best of fifteen runs that take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint

SHORT, LONG, WIDE = 1_000, 1_000_000, 20_000
REPEATS = 15
#: A long map may take so many times as long as a short one.
AIM = 1.5


def convolution() -> nn.Module:
    """One layer whose windows leave positions of its map, at any size."""
    return nn.Conv1d(64, 128, 3, stride=3, dilation=4)


def waveform() -> nn.Module:
    """The feature extractor of wav2vec 2.0 (arXiv 2006.11477): 400 samples, 320 apart."""
    layers: list[nn.Module] = []
    channels = 1
    for kernel, stride in [(10, 5), *[(3, 2)] * 4, *[(2, 2)] * 2]:
        layers += [nn.Conv1d(channels, 512, kernel, stride, bias=False), nn.GELU()]
        channels = 512
    return nn.Sequential(*layers)


class Temporal(nn.Module):
    """A causal stack with doubling dilation and residuals (WaveNet, arXiv 1609.03499)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 32, 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(32, 32, 2, dilation=2**at) for _ in range(3) for at in range(8)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for layer in self.layers:
            x = x + layer(F.pad(x, (layer.dilation[0], 0))).relu()
        return x


class Valid(nn.Module):
    """A stack of valid dilated convolutions, whose map gets shorter from layer to layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(32 if at else 1, 32, 3, dilation=2**at) for at in range(7)
        )
        self.halve = nn.Conv1d(32, 32, 4, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).relu()
        made: Tensor = self.halve(x)
        return made


class Segmenter(nn.Module):
    """A U of strided pools and transposed convolutions, with skips that are padded to fit."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Conv2d(16 if at else 3, 16, 3, padding=1) for at in range(4))
        self.up = nn.ModuleList(nn.ConvTranspose2d(16, 16, 2, 2) for _ in range(4))
        self.join = nn.ModuleList(nn.Conv2d(32, 16, 3, padding=1) for _ in range(4))
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for layer in self.down:
            x = layer(x).relu()
            kept.append(x)
            x = self.pool(x)
        for up, join in zip(self.up, self.join, strict=True):
            x, skip = up(x), kept.pop()
            down, across = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
            x = join(torch.cat([skip, F.pad(x, (0, across, 0, down))], 1)).relu()
        return x


def strided() -> nn.Module:
    """A stem and a valid stack whose strides fit no odd map."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 7, stride=2, padding=3),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(16, 16, 5),
        nn.Conv2d(16, 16, 1, stride=2),
        nn.Conv2d(16, 16, 3, padding=18, dilation=18),
        nn.AdaptiveAvgPool2d(1),
    )


def times(run: Callable[[str], object], specs: tuple[str, str]) -> tuple[float, float]:
    """The least processor time of each of two inputs, seconds."""
    found: tuple[list[float], list[float]] = ([], [])
    for spec in specs:
        run(spec)
    for _ in range(REPEATS):
        for kept, spec in zip(found, specs, strict=True):
            started = time.process_time()
            run(spec)
            kept.append(time.process_time() - started)
    return min(found[0]), min(found[1])


def main() -> None:
    """Print a table of the nets: on a short map, on a long one, and the ratio."""
    torch.set_num_threads(1)
    signal, image = "1,{channels},{size}", "1,{channels},{size},{size}"
    rows: list[tuple[str, Callable[[], nn.Module], str, int, int]] = [
        ("one Conv1d", convolution, signal, 64, LONG),
        ("wav2vec's extractor", waveform, signal, 1, LONG),
        ("24 causal dilated layers", Temporal, signal, 1, LONG),
        ("7 valid dilated layers", Valid, signal, 1, LONG),
        ("a U-Net", Segmenter, image, 3, WIDE),
        ("strides that fit no odd map", strided, image, 3, WIDE),
    ]
    print("| net | map | lint, s | map | lint, s | ratio | with the picture | aim |")
    print("|---|---|---|---|---|---|---|---|")
    for name, make, spec, channels, size in rows:
        with torch.device("meta"):
            model = make().eval()
        # Odd sizes, so that what does not fit is there to be found.
        short, long = SHORT + 3, size + 3
        specs = (
            spec.format(channels=channels, size=short),
            spec.format(channels=channels, size=long),
        )
        one, other = times(lambda given, m=model: modellint.lint(m, [given]), specs)
        drawn = times(lambda given, m=model: modellint.lint(m, [given], pictures=True), specs)
        print(
            f"| {name} | {short:,} | {one:.4f} | {long:,} | {other:.4f} | **{other / one:.2f}** | "
            f"{drawn[1] / drawn[0]:.2f} | {AIM} |"
        )


if __name__ == "__main__":
    main()
