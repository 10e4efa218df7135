"""What a model is given in lists, dictionaries and objects arrives there as the file gives it."""

from textwrap import dedent, indent

import pytest

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets

HEAD = """
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn


@dataclass
class Batch:
    image: torch.Tensor
    mask: torch.Tensor = None
    scale: float = 1.0


class Row(NamedTuple):
    image: torch.Tensor
    mask: torch.Tensor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 4, 3, padding=1, bias=False)
        self.norm = nn.PReLU()

    def forward(self, {parameters}):
{body}

"""

EACH = "return [self.norm(self.conv(one)) for one in x]"
BY_KEY = "return self.norm(self.conv(x['image'])) * x['mask']"
BY_NAME = "return self.norm(self.conv(x.image)) * x.mask"
IMAGE, MASK = (2, 8, 20, 20), (2, 1, 20, 20)
PAIR = "torch.rand(2, 8, 20, 20), torch.rand(2, 1, 20, 20)"

CASES = {
    "list of a comprehension": (
        "x",
        EACH,
        "maps = [torch.rand(2, 8, s, s) for s in (64, 32, 16)]\nNet()(maps)",
        {f"x[{at}]": (2, 8, size, size) for at, size in enumerate((64, 32, 16))},
    ),
    "list": (
        "x",
        EACH,
        "a = torch.rand(2, 8, 9, 9)\nnet = Net()\nnet([a, a.clone()])",
        {"x[0]": (2, 8, 9, 9), "x[1]": (2, 8, 9, 9)},
    ),
    "list that is repeated": (
        "x",
        EACH,
        "Net()([torch.rand(2, 8, 9, 9)] * 2)",
        {"x[0]": (2, 8, 9, 9), "x[1]": (2, 8, 9, 9)},
    ),
    "list that grows": (
        "x",
        EACH,
        "maps = []\nfor s in (9, 7):\n    maps.append(torch.rand(2, 8, s, s))\nNet()(maps)",
        {"x[0]": (2, 8, 9, 9), "x[1]": (2, 8, 7, 7)},
    ),
    "list of a function": (
        "x",
        EACH,
        "def sample(n):\n    return [torch.rand(n, 8, 9, 9)]\n\nNet()(sample(2))",
        {"x[0]": (2, 8, 9, 9)},
    ),
    "tuple": (
        "x",
        "a, b = x\nreturn self.norm(self.conv(a)) * b",
        f"both = ({PAIR})\nNet()(both)",
        {"x[0]": IMAGE, "x[1]": MASK},
    ),
    "dictionary": (
        "x",
        BY_KEY,
        f"a, b = {PAIR}\nbatch = {{'image': a, 'mask': b}}\nnet = Net()\nnet(batch)",
        {"x['image']": IMAGE, "x['mask']": MASK},
    ),
    "dictionary by words": (
        "x",
        BY_KEY,
        f"a, b = {PAIR}\nNet()(dict(image=a, mask=b))",
        {"x['image']": IMAGE, "x['mask']": MASK},
    ),
    "dictionary that grows": (
        "x",
        BY_KEY,
        f"a, b = {PAIR}\nbatch = {{}}\nbatch['image'] = a\nbatch['mask'] = b\nNet()(batch)",
        {"x['image']": IMAGE, "x['mask']": MASK},
    ),
    "dataclass": (
        "x: Batch",
        BY_NAME,
        f"a, b = {PAIR}\nNet()(Batch(a, mask=b))",
        {"x.image": IMAGE, "x.mask": MASK},
    ),
    "named tuple": (
        "x",
        BY_NAME,
        f"a, b = {PAIR}\nrow = Row(a, b)\nNet()(row)",
        {"x.image": IMAGE, "x.mask": MASK},
    ),
    "namespace": (
        "x",
        BY_NAME,
        f"a, b = {PAIR}\nNet()(SimpleNamespace(image=a, mask=b))",
        {"x.image": IMAGE, "x.mask": MASK},
    ),
    "containers in a container": (
        "x",
        "return [self.norm(self.conv(one)) * x['mask'] for one in x['maps']]",
        f"a, b = {PAIR}\nNet()({{'maps': [a, a], 'mask': b}})",
        {"x['maps'][0]": IMAGE, "x['maps'][1]": IMAGE, "x['mask']": MASK},
    ),
    "beside a tensor": (
        "x, more",
        "return self.norm(self.conv(x)) * more['mask']",
        f"a, b = {PAIR}\nNet()(a, {{'mask': b}})",
        {"x": IMAGE, "more['mask']": MASK},
    ),
    "by keyword": (
        "x, others",
        "return [self.norm(self.conv(x)) * other for other in others]",
        f"a, b = {PAIR}\nNet()(others=[b], x=a)",
        {"others[0]": MASK, "x": IMAGE},
    ),
    "unpacked dictionary": (
        "image, mask",
        "return self.norm(self.conv(image)) * mask",
        f"a, b = {PAIR}\nbatch = {{'mask': b, 'image': a}}\nNet()(**batch)",
        {"mask": MASK, "image": IMAGE},
    ),
    "unpacked tuple": (
        "image, mask",
        "return self.norm(self.conv(image)) * mask",
        f"both = ({PAIR})\nNet()(*both)",
        {"image": IMAGE, "mask": MASK},
    ),
    "beside numbers": (
        "x, scale, size, mode='bilinear'",
        "y = self.norm(self.conv(x * scale))\nreturn nn.functional.interpolate(y, size, mode=mode)",
        "Net()(torch.rand(2, 8, 20, 20), 0.5, [10, 12], mode='nearest')",
        {"x": IMAGE},
    ),
    "a part of a list": (
        "x",
        "return self.norm(self.conv(x))",
        "maps = [torch.rand(2, 8, s, s) for s in (64, 20)]\nNet()(maps[-1])",
        {"x": IMAGE},
    ),
    "a part of a dictionary": (
        "x",
        "return self.norm(self.conv(x))",
        f"a, b = {PAIR}\nbatch = Batch(image=a, mask=b)\nNet()(batch.image)",
        {"x": IMAGE},
    ),
    "given to an export": (
        "x, maps",
        "return [self.norm(self.conv(one)) for one in [x, *maps]]",
        "a = torch.rand(2, 8, 20, 20)\ntorch.onnx.export(Net(), (a, [a]), 'net.onnx')",
        {"x": IMAGE, "maps[0]": IMAGE},
    ),
}


def lint(path, parameters, body, use):
    head = HEAD.format(parameters=parameters, body=indent(body, " " * 8))
    (path / "net.py").write_text(head + dedent(use) + "\n")
    return lint_targets([str(path / "net.py")], Settings())


@pytest.mark.parametrize("case", CASES)
def test_tensors_arrive_in_their_containers(tmp_path, case):
    parameters, body, use, expected = CASES[case]
    report = lint(tmp_path, parameters, body, use)
    (model,) = report.models
    assert report.findings == report.errors == ()
    assert model.status == "analysed", model.reason
    assert {one.name: tuple(one.example) for one in model.inputs} == expected
    assert {one.origins.weakest for one in model.inputs} == {"shown"}


@pytest.mark.parametrize(
    "annotation",
    [
        *("list", "list[Tensor]", "List[Tensor]", "Dict[str, Tensor]", "dict[str, torch.Tensor]"),
        *("Tuple[Tensor, Tensor]", "Sequence[Tensor]", "'list[Tensor]'", "Batch", "Optional[Row]"),
    ],
)
def test_what_is_no_tensor_by_its_annotation_is_never_fed_as_one(tmp_path, annotation):
    report = lint(tmp_path, f"x: {annotation}", EACH, "net = Net()")
    (model,) = report.models
    assert report.findings == report.errors == ()
    assert model.status == "not-analysed"
    words = annotation.strip("'").replace("torch.", "")
    assert words in model.reason.replace("torch.", "")


def test_a_container_of_what_is_not_known_is_never_fed_as_a_tensor(tmp_path):
    report = lint(tmp_path, "x", EACH, "def go(loader):\n    Net()([loader.first, loader.second])")
    (model,) = report.models
    assert report.findings == report.errors == ()
    assert model.status == "not-analysed"


def test_a_refusal_in_a_container_names_the_input(tmp_path):
    report = lint(tmp_path, "x", EACH, "Net()([torch.rand(2, 8, 9, 9), torch.rand(2, 7, 9, 9)])")
    (finding,) = report.findings
    assert finding.rule == "shape-mismatch"
