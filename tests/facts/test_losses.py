"""What a file's losses are given, read from its text."""

from __future__ import annotations

import textwrap

import pytest

import modellint
from modellint.facts.losses import called_losses, losses, uses

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn
from other import Other


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(x), x.relu()

{}

if __name__ == "__main__":
    Net()(torch.rand(3, 4))
"""


def read(tmp_path, function, code):
    """What a fact says of a net with some code behind it."""
    found = []

    @modellint.rule("suspicious")
    def asking(graph):
        """A rule that asks."""
        found.append(function(graph))
        yield from ()

    (tmp_path / "other.py").write_text("class Other:\n    pass\n")
    path = tmp_path / "net.py"
    path.write_text(HEAD.format(textwrap.dedent(code)))
    from modellint.protocol.jobs import Job
    from modellint.worker.pipeline import lint_file

    job = Job(path=str(path), shown="net.py", folder=str(tmp_path))
    list(lint_file(job, [asking], str))
    answer, *_ = found
    return answer


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("net = Net()\nF.mse_loss(net(x)[0], y)", None),
        ("net = Net()\nF.mse_loss(net(x), y)", (0, True)),
        ("net = Net().to('cpu')\nnet = net.cuda()\nF.mse_loss(net(x).float(), y)", (0, True)),
        ("net = nn.DataParallel(Net())\nF.mse_loss(net(x).squeeze(1), y)", (0, False)),
        ("net = Net()\nout, aux = net(x)\nF.mse_loss(torch.flatten(aux), y)", (1, False)),
        ("net = Net()\nout = net(x)\nout = out.exp()\nF.mse_loss(out, y)", None),
        ("net = Other()\nF.mse_loss(net(x), y)", None),
        ("net = Net()\nnet = Other()\nF.mse_loss(net(x), y)", None),
        ("net = Net()\nfor out in net(x):\n    F.mse_loss(out, y)", None),
        ("loss = nn.MSELoss()\ndef train(model):\n    loss(model(x), y)", (0, True)),
        ("loss = nn.MSELoss()\ndef train(model):\n    model = x\n    loss(model(x), y)", None),
        ("loss = nn.MSELoss() if 1 else nn.L1Loss()\ndef f(m):\n    loss(m(x), y)", None),
        ("loss = nn.MSELoss()\nloss = loss(Net()(x), y)", None),
        ("nn.MSELoss()(Net()(x), y)", (0, True)),
    ],
)
def test_a_use_is_what_is_an_output_for_certain(tmp_path, code, wanted):
    # The code need not run: it is behind a function that nobody calls.
    body = textwrap.indent(code, "    ")
    found = read(tmp_path, uses, f"def later(x, y):\n{body}\n")
    assert [(use.output, use.same_sizes) for use in found] == ([wanted] if wanted else [])


@pytest.mark.parametrize(
    ("target", "shape", "place"),
    [
        ("torch.rand(64)", (64,), None),
        ("torch.zeros(64, 1)", (64, 1), None),
        ("x", None, 0),
        ("unknown", None, None),
    ],
)
def test_a_target_is_known_by_its_sizes_or_as_the_input(tmp_path, target, shape, place):
    found = read(tmp_path, uses, f"def later(x, y):\n    F.mse_loss(Net()(x), {target})\n")
    assert [(use.target, use.target_input) for use in found] == [(shape, place)]


def test_an_input_that_was_assigned_anew_is_not_the_one_that_the_model_got(tmp_path):
    code = "def later(x, y):\n    out = Net()(x)\n    x = x * 2\n    F.mse_loss(out, x)\n"
    assert [use.target_input for use in read(tmp_path, uses, code)] == [None]


def test_losses_are_told_with_the_class_that_has_them(tmp_path):
    code = """
        class Lit(nn.Module):
            def forward(self, x):
                return x

            def step(self, x, y):
                return F.nll_loss(self(x), y)

        criterion = nn.BCELoss()
    """
    found = read(tmp_path, losses, code)
    assert [(loss.name, loss.owner) for loss in found] == [("nll_loss", "Lit"), ("BCELoss", None)]
    assert read(tmp_path, called_losses, code) == {"nll_loss"}
