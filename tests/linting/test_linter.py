"""What becomes of rules' findings: grouping, severity, silence; and the Python interface."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import modellint
from modellint import Finding, Skip, rule
from modellint.config.selection import DEFAULT, Layer, select_rules
from modellint.errors import UsageError
from modellint.linting.linter import Subject, linted
from modellint.results.report import Report


class Twins(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))
        self.last = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        for block in self.blocks:
            x = block(x).relu()
        return self.last(x)


class Trimmed(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.features(x)


class Accepted(Trimmed):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(1, 6, 5)  # modellint: ignore[edge-losing-padding] -- a margin


class Unfit(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, padding=1)
        self.linear = nn.Linear(7, 2)

    def forward(self, x):
        return self.linear(self.conv(x).flatten(1))


@rule("suspicious")
def every_convolution(graph):
    """Every convolution."""
    for call in graph.calls("conv2d"):
        yield Finding(call, f"{call.key} is a convolution", assumes_size=True)


@rule("correctness", supersedes=("every-convolution",))
def pointwise_convolution(graph):
    """A convolution of one pixel."""
    for call in graph.calls("conv2d"):
        if call.kernel == (1, 1):
            yield Finding(call, "one pixel", related=[graph.inputs[0].node])
        else:
            yield Skip(call, "it is wider")


@rule("suspicious")
def broken_rule(graph):
    """A rule that raises."""
    yield Finding(next(graph.calls()), "first")
    raise ValueError("on purpose")


@rule("suspicious")
def talkative_rule(graph):
    """A rule that yields what is no finding."""
    yield "text"


def run(model, *rules, inputs=("N,4,8,8",)):
    graph = modellint.trace(model, inputs)
    name = type(model).__name__
    return linted(graph, rules, Subject("twins.py", name, name, 1)).report


def test_findings_of_one_construction_line_are_one():
    report = run(Twins(), every_convolution)
    first, last = report.findings
    assert (first.count, first.layers) == (3, ("blocks.0", "blocks.1", "blocks.2"))
    assert first.message == "blocks.0 is a convolution"
    assert (last.count, last.layer) == (1, "last")


def test_the_more_specific_rule_takes_a_layer():
    report = run(Twins(), every_convolution, pointwise_convolution)
    assert [(f.rule, f.layer) for f in report.findings] == [
        ("every-convolution", "blocks.0"),
        ("pointwise-convolution", "last"),
    ]
    assert [(s.rule, s.layer) for s in report.models[0].skipped][:1] == [
        ("pointwise-convolution", "blocks.0")
    ]


def test_a_rule_that_raises_is_named_and_the_others_go_on():
    report = run(Twins(), broken_rule, talkative_rule, every_convolution)
    assert {f.rule for f in report.findings} == {"every-convolution"}
    assert [problem.kind for problem in report.errors] == ["plugin-error", "plugin-error"]
    assert "broken-rule" in report.errors[0].message
    assert "on purpose" in report.errors[0].message
    assert report.exit_status == 2


def test_a_finding_for_a_guessed_size_is_info_and_says_so():
    graph = modellint.trace(Twins())
    subject = Subject("twins.py", "Twins", "Twins", 1)
    report = linted(graph, [every_convolution], subject).report
    assert graph.guessed
    size = graph.inputs[0].node.output.example[-1]
    for finding in report.findings:
        assert finding.severity == "info"
        assert str(size) in finding.message


def test_a_live_model_is_located_in_its_class():
    report = modellint.lint(Trimmed(), ["N,1,28,28"])
    (finding,) = report.findings
    lines = Path(__file__).read_text("utf-8").splitlines()
    assert lines[finding.line - 1].strip() == "nn.Conv2d(1, 6, 5),"
    assert (
        lines[finding.line - 1][finding.column - 1 : finding.end_column - 1] == "nn.Conv2d(1, 6, 5)"
    )
    assert not report.ok
    assert report.models[0].layers["features.0"].output == ("N", 6, "H - 4", "W - 4")
    assert report.models[0].contract["H"].min == 5


def test_ignore_comments_of_a_live_model_count():
    assert modellint.lint(Accepted(), ["N,1,28,28"]).ok


def test_a_model_without_source_has_a_place_all_the_same():
    lines = "import modellint; from torch import nn; m = nn.Sequential(nn.Conv2d(1, 6, 5)); "
    lines += "f = modellint.lint(m, ['1,28,28']).findings[0]; print(f.path, f.line)"
    out = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, check=True
    ).stdout
    assert out == "<model> 1\n"


def test_sizes_that_do_not_fit_are_a_finding_and_the_layers_before_are_listed():
    report = modellint.lint(Unfit(), ["N,1,8,8"])
    assert "shape-mismatch" in {finding.rule for finding in report.findings}
    assert report.models[0].status == "partial"
    assert "conv" in report.models[0].layers
    assert not report.errors


def test_assert_clean_says_what_and_how_to_accept_it():
    modellint.assert_clean(Twins(), ["N,4,8,8"])
    modellint.assert_clean(Trimmed(), ["N,1,28,28"], ignore=["edge-losing-padding"])
    with pytest.raises(AssertionError, match="edge-losing-padding") as caught:
        modellint.assert_clean(Trimmed(), ["N,1,28,28"])
    for part in ("Trimmed", "help:", "ignore=['edge-losing-padding']"):
        assert part in str(caught.value)


def test_the_graph_computes_what_the_model_computes():
    model = Trimmed().eval()
    x = torch.rand(2, 1, 28, 28)
    graph = modellint.trace(model, ["N,1,28,28"])
    assert torch.equal(graph.fx(x), model(x))


def test_paths_are_linted_in_a_worker(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())\n"
    )
    report = modellint.lint_paths([tmp_path])
    assert isinstance(report, Report)
    assert report.ok
    assert [model.status for model in report.models] == ["analysed"]


@pytest.mark.parametrize(
    ("select", "ignore", "extend", "on"),
    [
        (("default",), (), (), {"even", "heavy"}),
        (("all",), (), (), {"even", "heavy", "shape"}),
        (("default",), ("suspicious",), (), {"heavy"}),
        (("default",), ("suspicious",), ("even",), {"even", "heavy"}),
        (("default",), ("heavy",), (), {"even"}),
        (("pedantic",), (), (), {"shape"}),
        (("even-alias",), (), (), {"even"}),
        (("all",), ("all",), (), set()),
    ],
)
def test_the_more_precise_word_selects(select, ignore, extend, on):
    rules = {}
    for name, category, aliases in (
        ("even", "suspicious", ["even-alias"]),
        ("heavy", "efficiency", []),
        ("shape", "pedantic", []),
    ):

        def check(graph):
            """Says nothing."""
            yield from ()

        check.__name__ = name
        rules[name] = rule(category, aliases=aliases)(check)
    layers = [Layer(select, ignore, extend)]
    assert {chosen.name for chosen in select_rules(rules, layers)} == on


def test_an_unknown_word_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="suspicious"):
        select_rules({}, [DEFAULT, Layer(ignore=["suspicous"])])
