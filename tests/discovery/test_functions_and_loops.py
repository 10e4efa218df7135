"""Models are followed through the functions that a file hands them to, and the loops over them."""

from __future__ import annotations

import pytest

from modellint.discovery.candidates import Candidate
from modellint.discovery.instances import of_instance
from tests.discovery.test_candidates import found, model, only

NET = model("Net", "channels, wide=False")
SHAPE = (1, 5, 20, 20)

#: What a file does with its model, and the calls that build it.
WAYS = {
    "model as an argument": (
        "def check(net, size):\n    net(torch.rand(1, 5, size, size))\n\ncheck(Net(5), 20)\n",
        ["Net(5)"],
    ),
    "model and input as arguments": (
        "def run(net, x):\n    return net(x)\n\nrun(Net(5).eval(), torch.rand(1, 5, 20, 20))\n",
        ["Net(5)"],
    ),
    "through two functions": (
        "def run(net, x):\n    return net(x)\n\n"
        "def check(c):\n    return run(Net(c), torch.rand(1, c, 20, 20))\n\ncheck(5)\n",
        ["Net(5)"],
    ),
    "by keyword": (
        "def check(size, net=None):\n    net(torch.rand(1, 5, size, 20))\n\n"
        "check(net=Net(5), size=20)\n",
        ["Net(5)"],
    ),
    "class as an argument": (
        "def check(cls, *args):\n    cls(5)(torch.rand(1, 5, 20, 20))\n\ncheck(Net)\n",
        ["Net(5)"],
    ),
    "width as an argument": (
        "def check(c, s=20):\n    net = Net(c, wide=True)\n    net(torch.rand(1, c, s, s))\n\n"
        "if __name__ == '__main__':\n    check(5)\n",
        ["Net(5, wide=True)"],
    ),
    "from a test of pytest": (
        "def check(c, s):\n    assert Net(c)(torch.rand(1, c, s, s)).shape\n\n"
        "def test_it():\n    check(5, 20)\n",
        ["Net(5)"],
    ),
    "loop over widths": (
        "for c in (5, 7):\n    Net(c)(torch.rand(1, c, 20, 20))\n",
        ["Net(5)", "Net(7)"],
    ),
    "loop over pairs": (
        "for c, wide in [(5, False), (7, True)]:\n"
        "    net = Net(c, wide)\n    net(torch.rand(1, c, 20, 20))\n",
        ["Net(5, False)", "Net(7, True)"],
    ),
    "loop over models": (
        "for net in [Net(5), Net(5, True)]:\n    net(torch.rand(1, 5, 20, 20))\n",
        ["Net(5)", "Net(5, True)"],
    ),
    "loop over a list of models": (
        "nets = [Net(5, False), Net(5, True)]\nx = torch.rand(1, 5, 20, 20)\n"
        "for net in nets:\n    print(net(x).shape)\n",
        ["Net(5, False)", "Net(5, True)"],
    ),
    "comprehension over models": (
        "nets = [Net(c) for c in (5, 7)]\nnets[0](torch.rand(1, 5, 20, 20))\n",
        ["Net(5)", "Net(7)"],
    ),
    "models by name": (
        "nets = {'small': Net(5), 'big': Net(5, wide=True)}\n"
        "for name, net in nets.items():\n    net(torch.rand(1, 5, 20, 20))\n",
        ["Net(5)", "Net(5, wide=True)"],
    ),
    "loop over classes": (
        "for i, cls in enumerate([Net]):\n    cls(5)(torch.rand(1, 5, 20, 20))\n",
        ["Net(5)"],
    ),
    "input of a function": (
        "def sample(c):\n    size = 20\n    return torch.rand(1, c, size, size)\n\n"
        "net = Net(5)\nnet(sample(5))\n",
        ["Net(5)"],
    ),
    "attribute of a trainer": (
        "class Trainer:\n    def __init__(self):\n        self.net = Net(5)\n"
        "        self.x = torch.rand(1, 5, 20, 20)\n\n"
        "    def step(self):\n        return self.net(self.x)\n",
        ["Net(5)"],
    ),
}


def calls(candidate: Candidate) -> list[str]:
    return [str(call) for call in candidate.calls if not call.assumed]


@pytest.mark.parametrize("way", WAYS)
def test_a_model_is_known_where_it_is_called(way: str) -> None:
    text, expected = WAYS[way]
    candidates = [one for one in found(NET + text) if one.calls and one.is_entry]
    assert candidates, found(NET + text)
    built = {call: one for one in candidates for call in calls(one)}
    assert sorted(built) == sorted(expected)
    one = built[expected[0]]
    (call,) = (call for call in one.calls if str(call) == expected[0])
    hint = of_instance(one.inputs, call)[0]
    assert hint.tensors[0].shape == SHAPE
    assert (hint.built, hint.apart) == (expected[0], False)


def test_instances_of_a_list_are_models_of_their_own() -> None:
    text = NET + "nets = [Net(5, False), Net(7, True)]\n"
    candidates = [one for one in found(text) if one.is_entry]
    assert [one.name for one in candidates] == ["nets[0]", "nets[1]"]
    assert [calls(one) for one in candidates] == [["Net(5, False)"], ["Net(7, True)"]]


def test_a_function_that_is_called_on_unknown_data_shows_nothing() -> None:
    text = NET + "def check(net, x):\n    net(x)\n\nfor x in loader:\n    check(build(), x)\n"
    assert only(text).inputs == ()


def test_functions_that_call_each_other_come_to_an_end() -> None:
    text = NET + (
        "def a(net, n):\n    return b(net, n - 1)\n\n"
        "def b(net, n):\n    net(torch.rand(1, 5, 20, 20))\n    return a(net, n)\n\na(Net(5), 3)\n"
    )
    assert only(text).inputs[0].tensors[0].shape == SHAPE


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("def small(cls):\n        return cls(5)", "Net.small()"),
        (
            "def small(cls, c=5):\n        net = cls(c, wide=True)\n        return net",
            "Net.small()",
        ),
        ("def of(cls, c):\n        return cls(c)", "Net.of(5)"),
        ("def named(cls, name):\n        return Net({'a': 5}[name])", "Net.named('a')"),
    ],
)
def test_a_class_method_builds_a_model(method: str, call: str) -> None:
    text = (
        NET + f"\n    @classmethod\n    {method}\n\nnet = {call}\nnet(torch.rand(1, 5, 20, 20))\n"
    )
    candidate = only(text)
    assert calls(candidate)[0] == call
    assert candidate.inputs[0].built == call


def test_a_class_method_without_arguments_shows_how_a_model_is_built() -> None:
    text = NET + "\n    @classmethod\n    def small(cls):\n        return cls(5)\n"
    assert calls(only(text)) == ["Net.small()"]


@pytest.mark.parametrize(
    "lines",
    [
        ">>> net = Net(\n        ...     channels=5,\n        ... )",
        ">>> net = Net(channels=5)",
        ">>> c = 5\n        >>> net = Net(channels=c)",
        "net = Net(channels=5)",
        ">>> for c in (5,):\n        ...     net = Net(channels=c)",
    ],
)
def test_examples_of_docstrings_are_read_as_they_are_written(lines: str) -> None:
    text = f'''
class Net(nn.Module):
    """A net.

    Example::

        {lines}
        >>> out = net(torch.rand(1, 5, 20, 20))
        >>> out.shape
        torch.Size([1, 5, 20, 20])
    """

    def __init__(self, channels, wide=False):
        super().__init__()

    def forward(self, x):
        return x
'''
    candidate = only(text)
    assert calls(candidate)[0].startswith("Net(channels=")
    assert candidate.inputs[0].tensors[0].shape == SHAPE
