"""What a live model prints is not shown: its forward runs more often than its owner asked for."""

import builtins
import sys
import threading

import pytest
import torch
from torch import nn

import modellint
from modellint.tracing.unprinted import live, unprinted


class Chatty(nn.Module):
    """Says each shape, as people do who learn; its head fits no input of 28×28."""

    def __init__(self, features=512):
        print("built")
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 4)
        self.head = nn.Linear(features, 10)

    def forward(self, x):
        print("in", x.shape)
        x = torch.relu(self.conv(x))
        print("conv", x.shape, flush=True)
        return self.head(x.mean((2, 3)))


@modellint.rule("advice")
def talking_rule(graph):
    """Prints while it looks."""
    print("a rule looks")
    yield from ()


WAYS = {
    "a model that fits": lambda: modellint.lint(Chatty(8), "N,1,28,28"),
    "one that does not": lambda: modellint.lint(Chatty(), "N,1,28,28"),
    "a search for inputs": lambda: modellint.lint(Chatty(8)),
    "a class": lambda: modellint.lint(Chatty),
    "a trace": lambda: modellint.trace(Chatty(8), torch.rand(3, 1, 28, 28)),
    "shapes beside the code": lambda: modellint.lint(Chatty(8)).annotated(),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_model_prints_is_not_shown(way, capsys):
    real = builtins.print
    WAYS[way]()
    assert capsys.readouterr().out in ("", "built\n")  # The test itself builds.
    assert builtins.print is real


def test_a_class_that_is_built_prints_nothing(capsys):
    modellint.lint(Chatty)
    assert capsys.readouterr().out == ""


def test_what_a_rule_prints_is_shown(capsys):
    list(talking_rule(modellint.trace(Chatty, "N,1,28,28")))
    assert capsys.readouterr().out == "a rule looks\n"


def test_a_file_that_is_named_and_other_threads_print(capsys):
    with live(), unprinted(), unprinted():
        print("lost")
        print("for the user of a debugger", file=sys.stdout)
        other = threading.Thread(target=print, args=["of another thread"])
        other.start()
        other.join()
    print("after")
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["for the user of a debugger", "of another thread", "after"]


def test_a_print_of_somebody_else_stays(monkeypatch, capsys):
    with live(), unprinted():
        monkeypatch.setattr(builtins, "print", lambda *_: sys.stdout.write("theirs\n"))
    print("mine")
    assert capsys.readouterr().out == "theirs\n"
