"""What rules say of their own examples fits a terminal, and loses nothing on the way there."""

import re
from textwrap import dedent

import pytest

from modellint import lint_paths
from modellint.linting.plugins import load_rules
from modellint.report import View, render
from modellint.report.clauses import told
from modellint.report.lines import columns

RULES = load_rules()
ESCAPES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^;]*;.*?\x1b\\")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report on every example that a rule must flag."""
    folder = tmp_path_factory.mktemp("examples")
    for name, rule in RULES.items():
        for at, example in enumerate(rule.flagged):
            path = folder / f"{name.replace('-', '_')}_{at}.py"
            path.write_text(dedent(example.source).strip("\n"), "utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        # What is printed reads the files, which lie here.
        yield lint_paths(["."], select=["all"])


def words(text):
    return set(re.findall(r"[\w.]+", text))


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(report, width):
    assert len(report.findings) > 100
    for sizes in ("both", "symbolic"):
        view = View(width=width, color=True, links=True, layers=True, contract=True, sizes=sizes)
        text = ESCAPES.sub("", render(report, "full", view))
        assert [line for line in text.splitlines() if columns(line) > width] == []


@pytest.mark.slow
def test_each_headline_is_short_and_says_what_the_message_begins_with(report):
    lengths = []
    for finding in report.findings:
        parts = told(finding.message)
        shown = " ".join([parts.headline, *parts.layers, parts.shapes, *parts.facts])
        assert words(finding.message) <= words(shown)
        assert finding.message.startswith(parts.headline.split()[0].rstrip(":,"))
        lengths.append(len(parts.headline))
    # Half of them fit one line behind a rule's name, and hardly one takes more than two.
    assert sorted(lengths)[len(lengths) // 2] <= 70
    assert sum(length > 150 for length in lengths) < len(lengths) / 50


@pytest.mark.slow
def test_every_finding_is_one_greppable_line_in_a_pipe(report):
    for name in ("full", "concise"):
        lines = render(report, name).splitlines()
        placed = [one for one in lines if re.match(r"\S+\.py:\d+:\d+: \w+\[[\w-]+\] \S", one)]
        assert len(placed) == len(report.distinct) + sum(
            one.column is not None for one in report.errors
        )


@pytest.mark.slow
def test_the_arguments_that_findings_are_about_are_those_of_their_fix(report):
    marked = {one.rule: one.arguments for one in report.findings if one.arguments}
    assert marked["even-kernel"][0] == "kernel_size"
    assert marked["edge-losing-padding"][0] == "padding"
    assert marked["suspicious-epsilon"] == ("eps",)
    assert len(marked) >= 12
