"""Inputs that nobody shows, found by what the code does with them: one model a kind, each runs."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from modellint.results.models import ModelReport


def lint(folder: Path, built: str, signature: str, body: str) -> ModelReport:
    """What is said of a model whose constructor and forward are these."""
    text = (
        "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"{indent(dedent(built).strip(), ' ' * 8)}\n\n"
        f"    def forward(self, {signature}):\n{indent(dedent(body).strip(), ' ' * 8)}\n"
    )
    (folder / "net.py").write_text(text)
    report = lint_targets([str(folder / "net.py")], Settings())
    assert [one for one in report.findings if one.severity == "error"] == []
    assert report.errors == ()
    return report.models[0]


#: Constructor, parameters and body of a forward, and the example that each input must be fed.
FOUND = {
    "the pair of states of an LSTM": (
        "self.e = nn.Embedding(96, 64)\nself.rnn = nn.LSTM(64, 32, 2, batch_first=True)",
        "x, hidden",
        "y, hidden = self.rnn(self.e(x), hidden)\nreturn y, hidden",
        {"x": (2, 64), "hidden[0]": (2, 2, 32), "hidden[1]": (2, 2, 32)},
    ),
    "the states of an LSTM whose outputs are projected, in both directions": (
        "self.rnn = nn.LSTM(8, 32, bidirectional=True, proj_size=4)",
        "x, state",
        "return self.rnn(x, state)[0]",
        {"x": (64, 2, 8), "state[0]": (2, 2, 4), "state[1]": (2, 2, 32)},
    ),
    "two states that are given apart": (
        "self.rnn = nn.LSTM(8, 32, batch_first=True)",
        "x, h0, c0",
        "return self.rnn(x, (h0, c0))[0]",
        {"x": (2, 64, 8), "h0": (1, 2, 32), "c0": (1, 2, 32)},
    ),
    "the state of a GRU": (
        "self.rnn = nn.GRU(8, 32, 3, batch_first=True)",
        "x, h",
        "return self.rnn(x, h)[0]",
        {"x": (2, 64, 8), "h": (3, 2, 32)},
    ),
    "the states of a cell": (
        "self.cell = nn.LSTMCell(6, 24)",
        "x, state",
        "h, c = state\nreturn self.cell(x, (h, c))",
        {"x": (2, 6), "state[0]": (2, 24), "state[1]": (2, 24)},
    ),
    "rows of all steps": (
        "self.e = nn.Embedding(96, 64)\nself.fc = nn.Linear(64, 96)",
        "tokens",
        "return self.fc(self.e(tokens)).reshape(-1, 96)",
        {"tokens": (2, 64)},
    ),
    "an image beside time steps whose embedding is built first": (
        "self.time = nn.Embedding(1000, 16)\nself.conv = nn.Conv2d(3, 16, 3, padding=1)",
        "x, t",
        "return F.silu(self.conv(x)) + self.time(t)[:, :, None, None]",
        {"x": (2, 3, 224, 224), "t": (2,)},
    ),
    "an image beside a latent": (
        "self.fc = nn.Linear(100, 32 * 8 * 8)\nself.conv = nn.Conv2d(35, 3, 3, padding=1)",
        "z, image",
        """
        h = F.interpolate(F.relu(self.fc(z)).view(-1, 32, 8, 8), size=image.shape[-2:])
        return self.conv(torch.cat([h, image], 1))
        """,
        {"z": (2, 100), "image": (2, 3, 224, 224)},
    ),
    "a second image that is called as labels are": (
        "self.conv = nn.Conv2d(3, 8, 3, padding=1)",
        "x, y",
        "return (self.conv(x) - self.conv(y)).abs()",
        {"x": (2, 3, 224, 224), "y": (2, 3, 224, 224)},
    ),
    "a grid of five axes": (
        "self.conv = nn.Conv3d(1, 8, 3, padding=1)",
        "volume",
        "n, c, d, h, w = volume.shape\nreturn self.conv(volume).view(n, 8, -1)",
        {"volume": (2, 1, 16, 112, 112)},
    ),
    "one half of the channels after the other": (
        "self.conv = nn.Conv2d(3, 16, 7, 2, 3)",
        "frames",
        "a, b = torch.split(frames, 3, dim=1)\nreturn self.conv(a) - self.conv(b)",
        {"frames": (2, 6, 224, 224)},
    ),
    "bins of which strides leave 39": (
        "self.conv = nn.Conv2d(1, 4, (1, 3), stride=(1, 4))\nself.fc = nn.Linear(4 * 39, 5)",
        "x",
        """
        y = self.conv(x.unsqueeze(1))
        n, c, t, f = y.shape
        return self.fc(y.permute(0, 2, 1, 3).reshape(n, t, c * f))
        """,
        {"x": (2, 224, 155)},
    ),
}


@pytest.mark.parametrize("way", FOUND)
def test_an_input_is_found_by_what_is_done_with_it(tmp_path: Path, way: str) -> None:
    *parts, expected = FOUND[way]
    model = lint(tmp_path, *parts)
    assert model.status == "analysed", model.reason
    assert {given.name: given.example for given in model.inputs} == expected


def test_a_state_is_forced_by_its_layer(tmp_path: Path) -> None:
    *parts, _ = FOUND["the pair of states of an LSTM"]
    state = lint(tmp_path, *parts).inputs[1]
    layers, _, features = state.origins.sizes
    assert (layers, features) == ("forced", "forced")


def test_maps_that_meet_are_fed_at_a_size_that_a_picture_has(tmp_path: Path) -> None:
    # Every 4k + 1 fits, one pixel too.
    model = lint(
        tmp_path,
        """
        self.down = nn.Conv2d(1, 8, 3, 2, 1)
        self.up = nn.ConvTranspose2d(8, 1, 3, 2, 1)
        self.more = nn.Conv2d(8, 8, 3, 2, 1)
        self.back = nn.ConvTranspose2d(8, 8, 3, 2, 1)
        """,
        "x",
        "a = self.down(x)\nreturn x * self.up(a + self.back(self.more(a)))",
    )
    assert model.status == "analysed"
    height, width = model.inputs[0].example[2:]
    assert height == width >= 16 and height % 4 == 1


NOT_KNOWN = {
    "a hidden size that no layer tells": ("self.fc = nn.Linear(8, 8)", "x, state", "h, c = state"),
}


@pytest.mark.parametrize("way", NOT_KNOWN)
def test_what_nothing_tells_is_not_analysed_with_what_to_give(tmp_path: Path, way: str) -> None:
    built, signature, body = NOT_KNOWN[way]
    model = lint(tmp_path, built, signature, f"{body}\nreturn self.fc(x + h.value)")
    assert model.status == "not-analysed"
    assert model.reason is not None and "--input" in model.reason


def test_three_that_are_put_together_share_what_the_layer_takes(tmp_path: Path) -> None:
    model = lint(
        tmp_path,
        "self.fc = nn.Linear(74, 8)",
        "noise, labels, code",
        "return self.fc(torch.cat([noise, labels, code], -1))",
    )
    assert model.status == "analysed", model.reason
    assert sorted(given.example[1] for given in model.inputs) == [24, 24, 26]


def test_a_part_that_is_none_by_default_is_asked_for(tmp_path: Path) -> None:
    text = (
        "from torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self, width=8, shared=None):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, width)\n        self.{kept} = shared\n\n"
        "    def forward(self, x):\n        return self.{kept}(self.fc(x))\n"
    )
    for kept in ("shared", "tail"):
        (tmp_path / "net.py").write_text(text.format(kept=kept))
        report = lint_targets([str(tmp_path / "net.py")], Settings())
        assert report.errors == report.findings == ()
        (model,) = report.models
        assert model.status == "not-analysed"
        assert model.reason is not None and "needs shared" in model.reason
        # What the file builds so is what it runs.
        (tmp_path / "net.py").write_text(text.format(kept=kept) + "\n\nnet = Net(width=6)\n")
        (error,) = lint_targets([str(tmp_path / "net.py")], Settings()).errors
        assert error.kind == "trace-error"


def test_what_an_unknown_tensor_may_spread_is_no_size(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(784, 1)\n\n"
        "    def forward(self, x):\n        return self.fc(x.view(x.shape[0], -1))\n\n\n"
        "net = Net()\n\n\ndef penalty(real, fake):\n"
        "    alpha = torch.rand(real.size(0), 1, 1, 1)\n"
        "    return net(alpha * real + (1 - alpha) * fake)\n"
    )
    report = lint_targets([str(tmp_path / "net.py")], Settings())
    assert report.errors == ()
    assert [one for one in report.findings if one.severity == "error"] == []
    assert report.models[0].status == "analysed"


def test_a_list_that_an_assumed_size_left_empty_accuses_nobody(tmp_path: Path) -> None:
    # Images whose channels come last have more than three rows.
    model = lint(
        tmp_path,
        "self.conv = nn.Conv2d(3, 8, 3)",
        "images",
        """
        side = images.shape[1]
        maps = []
        while side > 20:
            maps.append(self.conv(images.permute(0, 3, 1, 2)).mean((2, 3)))
            side = side // 2
        return torch.cat(maps)
        """,
    )
    assert model.status != "failed"
