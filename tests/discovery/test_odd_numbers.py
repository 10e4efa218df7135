"""Numbers that are no sizes say nothing of a model, and harm no other one."""

import pytest

from modellint.config.settings import Settings
from modellint.engine.engine import list_models

NET = """
import torch
from torch import nn

{comment}
class Net(nn.Module):
    def __init__(self, width={width}):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x{annotation}):
        return self.conv(x)

{calls}
"""
PLAIN = {"comment": "", "width": "8", "annotation": "", "calls": ""}
#: What no size can be, as a literal and as an expression.
NUMBERS = ["1e308 * 10", "float('nan')", "-1e400", "1e300", "10 ** 4000", "1 << 100_000", "1j"]
DIGITS = ["9" * 5000, "\u00b2", "\u0663", "0" * 30]


def check(text, tmp_path, monkeypatch, **others):
    monkeypatch.chdir(tmp_path)
    for name, held in {"net": text, **others}.items():
        (tmp_path / f"{name}.py").write_text(held, "utf-8")
    report, found = list_models(["net.py"], Settings(cache=False))
    assert report.errors == ()
    assert [one.candidate.name for one in found] == ["Net"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_is_no_size(number, tmp_path, monkeypatch):
    calls = f"w = {number}\nNet(w)(torch.rand(1, 3, w, {number}))"
    text = NET.format(**{**PLAIN, "width": number, "calls": calls})
    check(text.replace("net = ", ""), tmp_path, monkeypatch)
    program = f"import torch\nfrom net import Net\n{calls}\n"
    check(NET.format(**PLAIN), tmp_path, monkeypatch, train=program)


@pytest.mark.parametrize("digits", DIGITS)
def test_digits_that_are_no_number(digits, tmp_path, monkeypatch):
    for more in (
        {"comment": f"# modellint: input=1,3,{digits},8"},
        {"annotation": f": 'Float[Tensor, \"n 3 {digits} w\"]'"},
        {"annotation": f": Float[torch.Tensor, 'n 3 {digits} w']"},
    ):
        check(NET.format(**{**PLAIN, **more}), tmp_path, monkeypatch)
