"""What a file calls torch's modules is how a step is written into it."""

from __future__ import annotations

import pytest

from modellint.fixes.names import spelled
from modellint.fixes.sites import NoEdit, Text
from modellint.source.file import parse_source

POOL = "nn.functional.adaptive_avg_pool2d({}, 1)"


def _in(imports: str) -> Text:
    return Text(parse_source("net.py", imports.encode()))


@pytest.mark.parametrize(
    ("imports", "layer", "pool"),
    [
        ("from torch import nn", "nn.ReLU()", POOL),
        ("import torch", "torch.nn.ReLU()", f"torch.{POOL}"),
        ("import torch as t", "t.nn.ReLU()", f"t.{POOL}"),
        ("import torch.nn", "torch.nn.ReLU()", f"torch.{POOL}"),
        ("import torch.nn as tnn\nimport torch", "tnn.ReLU()", f"t{POOL}"),
        (
            "from torch import nn\nimport torch.nn.functional as F",
            "nn.ReLU()",
            "F.adaptive_avg_pool2d({}, 1)",
        ),
        (
            "import torch.nn.functional as F\nimport torch",
            "torch.nn.ReLU()",
            "F.adaptive_avg_pool2d({}, 1)",
        ),
        (
            "from torch.nn import functional\nfrom torch import nn as layers",
            "layers.ReLU()",
            "functional.adaptive_avg_pool2d({}, 1)",
        ),
    ],
)
def test_a_step_is_written_with_the_names_of_the_file(imports: str, layer: str, pool: str) -> None:
    assert spelled("nn.ReLU()", _in(imports)) == layer
    assert spelled(POOL, _in(imports)) == pool
    assert spelled("{}.flatten(1)", _in(imports)) == "{}.flatten(1)"


def test_a_file_without_a_name_for_it_gets_none() -> None:
    text = _in("from torch.nn import Linear, Module")
    with pytest.raises(NoEdit):
        spelled("nn.ReLU()", text)
    with pytest.raises(NoEdit):
        spelled(POOL, text)
