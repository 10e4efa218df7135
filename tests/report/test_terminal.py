"""What a terminal shows: nothing is wider than it is, and no escape goes where none is wanted."""

import re
from dataclasses import replace

import pytest
import reports
from hypothesis import given
from hypothesis import strategies as st

from modellint.linting.plugins import load_rules
from modellint.report import View, render
from modellint.report.layers import count, mega
from modellint.report.layout import wrapped
from modellint.report.lines import columns
from modellint.report.rules_page import rule_page, rules_table
from modellint.results.report import Problem, Report
from modellint.results.user_calls import UserCall

RULES = load_rules()
#: Colours, then links, as terminals read them.
ESCAPES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^;]*;.*?\x1b\\")
WIDE = replace(
    reports.FINDING,
    message=f"conv1 {'trims ' * 40}: {'(N, 1, H // 2 - 2) → ' * 9}; {'x' * 200}",
    help="padding=1 keeps 28×28 " * 12,
)
TROUBLES = (
    Problem(
        "net.py",
        3,
        "trace-error",
        f"Net.forward raises KeyError: {'missing ' * 30}",
        model="Net",
        column=22,
        end_column=40,
        calls=(UserCall("net.py", 9, 16, "Net.forward"), UserCall("net.py", 3, 22, "Net.head")),
        traceback="Traceback (most recent call last):\n  here\nKeyError: 'b'",
    ),
    Problem("net.py", 4, "build-error", "ValueError: no"),
)
FULL = replace(
    reports.REPORT,
    findings=(*reports.REPORT.findings, WIDE),
    errors=(*reports.REPORT.errors, *TROUBLES),
    texts={
        **reports.REPORT.texts,
        "net.py": reports.NET.replace("3)", f"3){' # ' + 'long ' * 60}"),
    },
)


def plain(text):
    return ESCAPES.sub("", text)


def too_wide(text, width):
    return [line for line in plain(text).splitlines() if columns(line) > width]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("color", [False, True])
def test_no_line_of_a_report_is_wider_than_the_terminal(width, color):
    view = View(width=width, color=color, links=color, statistics=True, contract=True)
    assert too_wide(render(FULL, "full", view), width) == []


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("sizes", ["both", "symbolic"])
@pytest.mark.parametrize("depth", [None, 1])
def test_no_line_of_a_table_of_layers_is_wider_than_the_terminal(width, sizes, depth):
    layer = replace(reports.CONV, key="encoder.layers.0.block.downsample.conv1", path="a.b")
    model = replace(reports.MODEL, layers={"conv1": reports.CONV, layer.key: layer})
    view = View(width=width, layers=True, sizes=sizes, depth=depth)
    assert too_wide(render(Report(models=(model,)), "full", view), width) == []


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_of_a_rule_is_wider_than_the_terminal(width):
    view = View(width=width, color=True)
    pages = [rules_table(RULES.values(), view), *(rule_page(one, view) for one in RULES.values())]
    assert [too_wide(page, width) for page in pages if too_wide(page, width)] == []


def test_a_page_of_a_rule_is_rendered():
    raw, shown = (rule_page(RULES["even-kernel"], view) for view in (View(), View(width=80)))
    assert "**Why it matters.**" in raw
    assert "**" not in shown
    assert "Why it matters." in shown


def test_the_same_is_told_in_a_pipe_and_on_a_terminal():
    def words(view):
        text = plain(render(FULL, "full", view))
        return set(re.findall(r"\w{3,}", text))

    # A terminal cuts long lines of source, and names the model of each finding.
    missing = words(View()) - words(View(width=80))
    assert missing <= {"model", "models", "long", "Odd", "x" * 200}


def test_the_first_line_of_a_finding_has_its_place_in_a_pipe_and_its_fact_on_a_terminal():
    piped = render(reports.REPORT, "full").splitlines()
    assert any(
        line.startswith("net.py:3:22: warning[edge-losing-padding] conv1 ") for line in piped
    )
    shown = render(reports.REPORT, "full", View(width=80)).splitlines()
    at = shown.index("warning[edge-losing-padding] conv1 trims 1 px from every side")
    assert shown[at + 1].strip() == "--> net.py:3:22 in Net"


def test_a_place_is_told_once_for_all_the_layers_that_are_built_there():
    place = reports.Related("net.py", 9, 24, "")
    related = [replace(place, message=f"{name} is built here") for name in ("a", "b", "b", "c")]
    finding = replace(reports.FINDING, related=(*related, replace(place, message="called here")))
    text = render(replace(reports.REPORT, findings=(finding,)), "full")
    assert text.count("see: net.py:9:24") == 1
    assert "net.py:9:24 a, b, c are built here; called here" in text


def test_a_rule_is_a_link_to_its_file_where_links_are_wanted_and_nowhere_else():
    rules = (replace(reports.REPORT.rules[0], file="/rules/edge losing.py"),)
    report = replace(reports.REPORT, rules=rules)
    linked = render(report, "full", View(color=True, width=80, links=True))
    assert "\x1b]8;;file:///rules/edge%20losing.py\x1b\\" in linked
    assert "\x1b]8" not in render(report, "full", View(color=True, width=80))
    assert "\x1b" not in render(report, "full", View(width=80))


def test_an_error_shows_its_model_and_the_calls_that_led_to_it():
    report = replace(reports.REPORT, findings=(), errors=TROUBLES[:1])
    for view in (View(), View(width=80)):
        text = render(report, "full", view)
        assert "net.py:3:22" in text
        assert re.search(r"model: Net|in Net$", text, re.MULTILINE)
        first, second = (text.index(place) for place in ("net.py:9:16 in", "net.py:3:22 in Net.h"))
        assert first < second
        assert "^" * 18 in text
        assert "Traceback" not in text
        assert "Traceback" in render(report, "full", replace(view, traceback=True))


def test_a_syntax_error_has_a_caret_below_its_column():
    problem = Problem("net.py", 3, "syntax-error", "3:22: invalid syntax (read as Python 3.11)")
    report = replace(reports.REPORT, findings=(), errors=(problem,))
    for view in (View(), View(width=80)):
        code, carets = [one for one in render(report, "full", view).splitlines() if " | " in one][
            :2
        ]
        assert code[carets.index("^") :].startswith("nn.Conv2d")
    assert "net.py:3: error[syntax-error] 3:22: invalid syntax" in render(report, "full")
    shown = render(report, "full", View(width=80))
    assert "error[syntax-error] invalid syntax" in shown
    assert "--> net.py:3:22" in shown


def test_an_error_survives_json():
    report = replace(reports.REPORT, errors=TROUBLES)
    assert Report.from_dict(report.to_dict()).errors == TROUBLES


SENTENCES = st.text("ab  層é→%/=`", max_size=120)


@given(SENTENCES, st.integers(10, 90), st.integers(0, 40))
def test_wrapping_keeps_every_word_and_the_width(text, width, first):
    lines = wrapped(text, width, min(first, width))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert columns(lines[0]) <= min(first, width)
    assert all(columns(line) <= width for line in lines)


@given(st.integers(0, 10**17))
def test_a_count_has_three_digits_and_is_near_the_number(value):
    text = count(value)
    number, _, unit = text.partition(" ")
    power = ["", "k", "M", "G", "T", "P"].index(unit)
    assert abs(float(number) * 1000**power - value) <= value * 0.005
    assert len(number.replace(".", "")) <= 3


def test_bytes_are_told_in_megabytes():
    assert [mega(size) for size in (None, 0, 900, 5_000, 1_234_567, 102_228_128)] == [
        "",
        "",
        "<0.01",
        "0.01",
        "1.23",
        "102.23",
    ]


FINDINGS = st.builds(
    lambda rule, severity, model, line, layers: replace(
        reports.FINDING,
        rule=rule,
        severity=severity,
        model=model,
        line=line,
        layers=tuple(f"l{at}" for at in range(layers)),
        count=layers,
    ),
    st.sampled_from(["even-kernel", "over-padding"]),
    st.sampled_from(["error", "warning", "info"]),
    st.sampled_from(["Net", "Wide"]),
    st.integers(1, 3),
    st.integers(1, 4),
)


@given(st.lists(FINDINGS, max_size=8, unique=True))
def test_the_counts_of_a_report_agree_with_what_it_prints(findings):
    report = Report(models=(reports.MODEL,), findings=tuple(findings))
    for name in ("full", "concise"):
        text = render(report, name, View(statistics=True))
        printed = len(re.findall(r"^net\.py:\d+:\d+: \w+\[", text, re.MULTILINE))
        by_rule = re.findall(r"^(\d+)  [\w-]+$", text, re.MULTILINE)
        last = text.splitlines()[-1]
        by_severity = re.findall(r"(\d+) (?:errors?|warnings?|info)\b", last)
        assert sum(map(int, by_rule)) == sum(map(int, by_severity)) == printed
