"""Published models, exported: what is said of the file is what is said of the model."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

import modellint  # noqa: E402
from modellint.exported.archive import read_archive  # noqa: E402
from modellint.modules.replayed import replayed  # noqa: E402

pytestmark = pytest.mark.zoo

#: One of each way to build: convolutions, attention, windows, standardised weights, an MLP.
MODELS = [
    "resnet18",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
    "resnetv2_50x1_bit",
    "convnext_atto",
    "mixer_s32_224",
]


@pytest.mark.parametrize("name", MODELS)
def test_an_exported_model_is_told_of_as_the_live_one(name: str, tmp_path: Path) -> None:
    model = timm.create_model(name).eval()
    x = torch.zeros(2, *model.default_cfg["input_size"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = ({0: torch.export.Dim.DYNAMIC},)
        program = torch.export.export(model, (x,), dynamic_shapes=shapes)
    torch.export.save(program, tmp_path / "model.pt2")
    (read,) = read_archive(str(tmp_path / "model.pt2")).programs.values()
    report, live = modellint.lint(replayed(read)), modellint.lint(model, args=(x,))
    (found,), (known,) = report.models, live.models
    assert found.status == "analysed", found.reason
    assert (found.macs, found.parameters) == (known.macs, known.parameters)
    assert [one.macs for one in found.layers.values()] == [
        one.macs for one in known.layers.values()
    ]
    told = {(one.rule, one.layer) for one in live.findings}
    assert {(one.rule, one.layer) for one in report.findings} <= told
