"""Plain values are read, whatever a file keeps them in and computes them with."""

from __future__ import annotations

import ast
import runpy
from functools import cache
from pathlib import Path
from textwrap import indent

import pytest

from modellint.config.settings import Settings
from modellint.discovery.candidates import discover, entries
from modellint.discovery.constants import NotConstant, constant, no_name
from modellint.engine.engine import lint_targets
from modellint.source.file import parse_source

NET = Path(__file__).with_name("plain_net.py").read_text("utf-8")

#: Code that ends in a channel count `c` of 5 and a side `s` of 20.
WAYS = {
    "get with a default": "cfg = {'s': 20}\nc, s = cfg.get('c', 5), cfg.get('s')",
    "item of a dictionary": "cfg = dict(c=5, s=20)\nc, s = cfg['c'], cfg['s']",
    "dictionaries in one": "base = {'c': 5}\ncfg = {**base, 's': 20}\nc, s = cfg['c'], cfg['s']",
    "nested dictionaries": "cfg = {'net': {'c': 5}, 'sides': [20]}\n"
    "c, s = cfg['net']['c'], cfg['sides'][0]",
    "item of a tensor": "c, s = torch.tensor(5).item(), int(torch.tensor([20])[0])",
    "greatest label": "y = torch.LongTensor([0, 4, 2])\nc, s = int(y.max().item()) + 1, 20",
    "product": "c, s = math.prod([1, 5]), math.prod((2, 2, 5))",
    "roots and powers": "c, s = int(math.sqrt(25)), 2 ** 4 + 4",
    "list": "sizes = [3, 5, 20]\nc, s = sizes[1], sizes[-1]",
    "spread": "sizes = (5, 20)\nc, s = sizes",
    "slice": "sizes = [1, 2, 5, 20]\nc, s = sizes[2:]",
    "comprehension": "sizes = [5 * 4 ** i for i in range(2)]\nc, s = sizes[0], sizes[1]",
    "sum of a generator": "c, s = sum(i for i in (1, 4)), sum(2 for _ in range(10))",
    "zip": "table = dict(zip(['c', 's'], [5, 20]))\nc, s = table['c'], table['s']",
    "text": "key = 'c'\ntable = {'c_1': 5, 's_1': 20}\nc, s = table[f'{key}_{1}'], table['s_1']",
    "class attributes": "c, s = Plain.channels, Plain.side",
    "attributes of an instance": "cfg = Plain()\nc, s = cfg.channels, cfg.side",
    "inherited attributes": "c, s = Derived.channels, Derived().side",
    "dataclass": "cfg = Data()\nc, s = cfg.channels, cfg.sides[0]",
    "dataclass with arguments": "cfg = Needs(5, side=20)\nc, s = cfg.channels, cfg.side",
    "named tuple": "row = Row()\nc, s = row.channels, row.side",
    "attributes that a constructor sets": "cfg = Sets()\nc, s = cfg.channels, cfg.side",
    "constructor with arguments": "cfg = Sets(channels=5, scale=2)\nc, s = cfg.channels, cfg.side",
    "attribute that is set later": "cfg = Sets(3)\ncfg.channels = 5\nc, s = cfg.channels, cfg.side",
    "namespace": "cfg = SimpleNamespace(c=5, net=SimpleNamespace(s=20))\nc, s = cfg.c, cfg.net.s",
    "namespace of a dictionary": "cfg = SimpleNamespace(**{'c': 5, 's': 20})\nc, s = cfg.c, cfg.s",
    "condition": "big = True\nc, s = 5 if big else 3, 20 if 1 < 2 <= 2 else 8",
    "or": "c, s = None or 5, 0 or 20",
    "bounds": "c, s = min(5, 8), max([20, 3])",
    "options": "parser = argparse.ArgumentParser()\n"
    "parser.add_argument('--c', type=int, default=5)\n"
    "parser.add_argument('--side', type=int, default='20')\n"
    "args = parser.parse_args()\nc, s = args.c, args.side",
    "choices": "parser = argparse.ArgumentParser()\n"
    "parser.add_argument('--c', type=int, choices=[5, 7])\n"
    "parser.add_argument('--side', type=int, default=20)\n"
    "args = parser.parse_args()\nc, s = args.c, args.side",
    "sizes of a tensor": "d = torch.rand(1, 5, 20, 20)\n_, c, s, _ = d.shape",
    "shape of a tensor in part": "d = torch.rand(1, 5, 20, 20)\nc, s = d.shape[1:3]",
    "length of a tensor": "c, s = len(torch.rand(5, 2)), torch.rand(4, 5).numel()",
}

USE = "net = Net(c)\nnet(torch.rand(1, c, s, s))\n"
HEADS = {"function": "def main():", "main": "if __name__ == '__main__':"}


@cache
def namespace():
    """What the file defines, once it has been imported."""
    return runpy.run_path(str(Path(__file__).with_name("plain_net.py")))


def discovered(text):
    (candidate,) = entries(discover(parse_source("net.py", (NET + text).encode())))
    return candidate


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("head", HEADS)
def test_a_plain_value_is_what_the_model_is_built_and_fed_with(way, head):
    candidate = discovered(f"{HEADS[head]}\n{indent(WAYS[way] + chr(10) + USE, '    ')}")
    call = candidate.calls[0]
    assert call.node is not None
    code = compile(ast.fix_missing_locations(ast.Expression(call.node)), "net.py", "eval")
    net = eval(code, dict(namespace()))
    assert net.conv.in_channels == 5
    (hint,) = candidate.inputs
    assert hint.tensors[0].shape == (1, 5, 20, 20)
    assert hint.built == str(call)


@pytest.mark.parametrize(
    "value",
    [
        "open('channels').read()",
        "random.randint(2, 9)",
        "cfg.get('c', 5)",
        "int(input())",
        "Needs().channels + load()",
        "table[load()]",
    ],
)
def test_what_cannot_be_told_is_never_made_up(value):
    text = f"def main(cfg):\n    c = {value}\n    Net(c)(torch.rand(1, c, 20, 20))\n"
    candidate = discovered(text)
    assert [call.origin for call in candidate.calls] == ["common names: channels=3"]
    (hint,) = candidate.inputs
    assert (hint.built, hint.tensors[0].shape) == ("", (1, None, 20, 20))


@pytest.mark.parametrize("change", ["cfg.update(load())", "cfg['c'] = load()", "cfg = load()"])
def test_what_is_changed_is_not_taken_for_what_it_was(change):
    text = f"def main():\n    cfg = {{'c': 3}}\n    {change}\n    Net(cfg['c'])(torch.rand(1, 5))\n"
    assert [call.assumed for call in discovered(text).calls] == [True]


def test_the_values_of_a_configuration_reach_the_report(tmp_path):
    use = indent(f"cfg = Sets(scale=2)\nc, s = cfg.channels, cfg.side\n{USE}", "    ")
    (tmp_path / "net.py").write_text(f"{NET}def main():\n{use}")
    report = lint_targets([str(tmp_path / "net.py")], Settings())
    (model,) = report.models
    assert report.findings == report.errors == ()
    assert model.inputs[0].example == (1, 5, 20, 20)
    assert model.inputs[0].origins.weakest == "shown"
    assert model.parameters == 5 * 8 * 9 + 8 + 16


def value_of(text):
    return constant(ast.parse(text, mode="eval").body, no_name)


@pytest.mark.parametrize(
    "text",
    [
        "[0] * 10 ** 9",
        "'{:>99999999}'.format(1)",
        "f'{1:>99999999}'",
        "[[[0] * 9999 for _ in range(9999)] for _ in range(9999)]",
        "[[[[0] * 99] * 99] * 99] * 99",
        "9 ** 9 ** 9",
        "'a' * 999 * 999",
        "'a'.join(['b' * 999] * 999)",
        "range(10 ** 12)",
        "1 // 0",
        "{}['c']",
        "[1][5]",
        "'a' + 1",
        "-'a'",
        "int('five')",
        "unknown + 1",
        "open('file')",
        "(lambda: 1)()",
        "{1, 2}",
        "max()",
        "math.sqrt(-1)",
        "torch.tensor([1, 2]).item()",
        "torch.tensor([1, 2]) * 2",
    ],
)
def test_what_is_no_plain_value_or_a_huge_one_is_given_up(text):
    with pytest.raises(NotConstant):
        value_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "{**{'a': 1}, 'b': [2, *(3, 4)]}",
        "[i * j for i in (1, 2) for j in range(i) if i > 1]",
        "{k: v for k, v in zip('ab', [1, 2])}",
        "[(i, n) for i, n in enumerate(['a', 'b'], 1)]",
        "'a-{}-{b}'.format(1, b=2) + f'{3:02d}{4!r}'",
        "(1, 2, 3, 4)[1:-1] + (5,)",
        "sorted({3: 1, 2: 1}.keys())[0] if not [] else None",
        "1 < 2 <= 2 and 3 in [3] and 'a' not in 'bc'",
        "sum(x for x in [1, 2]) + max(3, 4) + len('abc') - abs(-1) + round(2.6)",
        "'a,b'.split(',') + ['c'.upper()]",
        "int('5') + int(2.9) + divmod(7, 2)[0]",
    ],
)
def test_a_plain_expression_has_the_value_that_python_gives_it(text):
    assert value_of(text) == eval(text)
