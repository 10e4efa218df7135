"""Models that get what another model of the file gives."""

from textwrap import dedent

import pytest

import modellint

MODELS = """
import torch
from torch import nn

size = 20


class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


class Maker(nn.Module):
    def __init__(self):
        super().__init__()
        self.rise = nn.ConvTranspose2d(size, 3, 12)

    def forward(self, z):
        {forward}


make = Maker()
judge = Judge()
"""


def fed(folder, calls, forward="return self.rise(z)", target="net.py"):
    """The example and the source of what the judge is fed with."""
    text = MODELS.format(forward=forward) + dedent(calls)
    (folder / "net.py").write_text(text, "utf-8")
    report = modellint.lint_paths([folder / target])
    (model,) = (one for one in report.models if one.name == "Judge")
    return model.inputs[0].example[1:], model.inputs[0].source


@pytest.mark.parametrize(
    "calls",
    [
        "judge(make(torch.randn(4, size, 1, 1)))",
        "fake = make(torch.randn(4, size, 1, 1))\njudge(fake.detach())",
        """
        def train():
            for _ in range(3):
                noise = torch.randn(4, size, 1, 1)
                fake = make(noise)
                real = judge(load())
                judge(fake)
        """,
    ],
)
@pytest.mark.parametrize("target", ["net.py", "net.py::Judge"])
def test_a_discriminator_is_fed_with_what_the_generator_gives(tmp_path, calls, target):
    example, source = fed(tmp_path, calls, target=target)
    assert example == (3, 12, 12)
    assert "Maker" in source


@pytest.mark.parametrize(
    ("calls", "forward", "sides"),
    [
        # A size that the file says counts more.
        ("judge(make(torch.randn(4, size, 1, 1)))\njudge(torch.rand(1, 3, 9, 9))", None, (9, 9)),
        # Where the maker's own size is a guess, so would this be.
        ("judge(make(load()))", None, (224, 224)),
        ("judge(make(torch.randn(4, size, 1, 1)))", "return self.rise(z), z", (224, 224)),
        ("judge(make(torch.randn(4, size, 1, 1)))", "return self.raise_(z)", (224, 224)),
        ("judge(make(torch.randn(4, size + 1, 1, 1)))", None, (224, 224)),
        ("judge(judge(load()))", None, (224, 224)),
    ],
)
def test_what_is_not_known_of_another_model_is_not_taken(tmp_path, calls, forward, sides):
    example, _ = fed(tmp_path, calls, forward or "return self.rise(z)")
    assert example == (3, *sides)


def test_the_list_says_whose_output_it_is(tmp_path):
    from command import modellint as command

    text = MODELS.format(forward="return self.rise(z)")
    (tmp_path / "net.py").write_text(f"{text}judge(make(torch.randn(4, size, 1, 1)))\n", "utf-8")
    listed = command("net.py", "--list", cwd=tmp_path).stdout
    assert "output of Maker" in listed
