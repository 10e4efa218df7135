"""Further inputs by what reads them: classes of a loss, keys, states, latent vectors, two sides."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.results.report import Report


def fed(report: Report) -> dict[str, tuple[tuple[int, ...], str]]:
    (model,) = report.models
    assert report.errors == () and model.status in ("analysed", "partial"), model.reason
    assert not any(one.severity == "error" for one in report.findings)
    return {one.name: (one.example, one.dtype) for one in model.inputs}


class WithLoss(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.table, self.fc = nn.Embedding(50, 16), nn.Linear(16, classes)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        scores = self.fc(self.table(tokens))
        return F.cross_entropy(scores.flatten(0, 1), targets.view(-1))


def test_what_a_loss_takes_as_classes_is_of_integers() -> None:
    assert fed(modellint.lint(WithLoss(50)))["targets"] == ((2, 64), "int64")


class Conditional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(4, 8, 3), nn.Linear(10, 32 * 32)

    def forward(self, x: Tensor, **others: Tensor) -> Tensor:
        if "mask" in others:
            x = x * others["mask"]
        plane = self.fc(others["labels"]).view(-1, 1, 32, 32)
        return self.conv(torch.cat([x, plane], 1))


def test_what_a_forward_reads_of_its_keywords_is_given() -> None:
    given = fed(modellint.lint(Conditional()))
    assert given == {"x": ((2, 3, 32, 32), "float32"), "labels": ((2, 10), "float32")}


class ByKey(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) * {(37, 53): 2.0}[tuple(x.shape[2:])]


def test_a_key_that_there_is_not_accuses_no_model_whose_input_is_assumed() -> None:
    report = modellint.lint(ByKey())
    assert report.errors == report.findings == ()
    assert report.models[0].status == "not-analysed"


@pytest.mark.parametrize("name", ["h_state", "decoder_hidden"])
def test_a_state_is_known_by_the_last_word_of_its_name(name: str) -> None:
    namespace: dict[str, type[nn.Module]] = {}
    exec(
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.rnn = nn.RNN(1, 32, batch_first=True)\n"
        f"    def forward(self, x, {name}):\n        return self.rnn(x, {name})\n",
        namespace,
    )
    assert fed(modellint.lint(namespace["Net"]()))[name] == ((1, 2, 32), "float32")


def test_a_generator_that_begins_with_a_map_of_one_position_gets_a_latent_vector() -> None:
    layers = [nn.ConvTranspose2d(64, 16, 4), nn.ReLU(), nn.ConvTranspose2d(16, 3, 4, 2, 1)]
    assert fed(modellint.lint(nn.Sequential(*layers)))["input"][0] == (2, 64, 1, 1)
    # A layer that doubles maps is given some.
    given = fed(modellint.lint(nn.Sequential(*layers[2:])))["input"][0]
    assert given[2:] != (1, 1)


def test_two_sizes_are_the_sides_of_images_where_the_model_reads_such(tmp_path: Path) -> None:
    text = (
        "from torch import nn\nSETTINGS = {'input_size': (40, 48)}\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.net = LAYERS\n"
        "    def forward(self, x):\n        return self.net(x)\n"
    )
    layers = {
        "nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))": (2, 3, 40, 48),
        "nn.GRU(48, 8, batch_first=True)": (2, 40, 48),
    }
    for at, (made, shape) in enumerate(layers.items()):
        path = tmp_path / f"net{at}.py"
        path.write_text(text.replace("LAYERS", made))
        assert fed(modellint.lint_paths([path]))["x"][0] == shape
