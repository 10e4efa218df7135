"""The source of a finding: all lines of the construction, carets below the argument at fault."""

from dataclasses import replace

import pytest
import reports

from modellint.report import View
from modellint.report.excerpts import Excerpts
from modellint.report.lines import columns
from modellint.report.snippets import argument_of, snippet
from modellint.results.report import Report


def shown(source, *, arguments=(), view=None, **place):
    """What is shown of the first construction of `nn.` in a source, and the marked text."""
    lines = source.split("\n")
    line = next(at for at, text in enumerate(lines, 1) if "nn." in text)
    column = lines[line - 1].index("nn.") + 1
    end_line = place.get("end_line", len(lines))
    finding = replace(
        reports.FINDING,
        line=line,
        column=column,
        end_line=end_line,
        end_column=len(lines[end_line - 1]) + 1,
        arguments=tuple(arguments),
    )
    excerpts = Excerpts(Report(texts={"net.py": source}))
    found = snippet(finding, excerpts, view or View())
    mark = argument_of(finding, excerpts)
    if mark is None:
        return found, None
    text = lines[mark.line - 1][mark.column - 1 :]
    return found, text[: mark.end_column - mark.column] if mark.end_line == mark.line else text


@pytest.mark.parametrize(
    ("source", "arguments", "marked"),
    [
        ("c = nn.Conv2d(1, 6, 5, padding=2)", ("padding",), "2"),
        ("c = nn.Conv2d(1, 6, 5)", ("padding", "kernel_size"), "5"),
        ("c = nn.Conv2d(1, 6, (5, 4))", ("kernel_size",), "(5, 4)"),
        ("c = nn.Conv2d(1, 6, 5)", ("padding",), None),
        ("c = nn.Conv2d(*sizes, 5)", ("kernel_size",), None),
        ("c = nn.Conv2d(**sizes)", ("kernel_size",), None),
        ("größe, c = 1, nn.Conv2d(1, 6, größe)", ("kernel_size",), "größe"),
        ("\tc = nn.Linear(\n\t\t3 * 4,\n\t\t5,\n\t)", ("out_features",), "5"),
        ("c = nn.Linear(3, (4 +\n 5))", ("out_features",), "4 +"),
        ("c = Mine(3, 4) or nn.Unknown(3, 4)", ("kernel_size",), None),
        ("c = nn.Conv2d(1, 6", ("kernel_size",), None),
        ("c = nn.Conv2d", ("kernel_size",), None),
    ],
)
def test_the_argument_is_found_by_name_and_by_order(source, arguments, marked):
    assert shown(source, arguments=arguments)[1] == marked


def test_carets_stand_below_the_argument():
    for source in ("größe, 層 = 1, nn.Conv2d(1, 6, 55)", "\t\tx = nn.Conv2d(1, 6, 55)"):
        for view in (View(), View(width=60)):
            code, carets = shown(source, arguments=["kernel_size"], view=view)[0]
            before = code[: code.index("55")]
            assert carets.index("^^") == columns(before)
            assert carets.count("^") == 2


def test_all_lines_of_a_construction_are_shown_and_a_lone_bracket_is_not_marked():
    source = "c = nn.Sequential(\n    nn.ReLU(),\n)"
    lines, _ = shown(source)
    assert [line for line in lines if line[0].isdigit()] == [
        "1 | c = nn.Sequential(",
        "2 |     nn.ReLU(),",
        "3 | )",
    ]
    assert len(lines) == 5


def test_of_a_long_construction_the_ends_and_the_argument_are_shown():
    rows = "".join(f"    {at},\n" for at in range(60))
    lines, marked = shown(
        f"c = nn.Linear(\n{rows}    out_features=7,\n)", arguments=["out_features"]
    )
    assert marked == "7"
    assert len(lines) < 20
    assert any(line.strip("^ |") == "" and "^" in line for line in lines)
    assert any(line.startswith(".") for line in lines)
    further = [f"    more{at}=1,\n" for at in range(30)]
    middle = [*(f"    {at},\n" for at in range(30)), "    bias=0,\n", *further]
    lines, marked = shown(f"c = nn.Linear(\n{''.join(middle)})", arguments=["bias"])
    assert any("bias=0" in line for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_of_a_long_line_the_part_with_the_argument_is_shown(width):
    source = f"{'x' * 100} = nn.Conv2d(1, 6, {'y' * 100}, padding=777)"
    lines, _ = shown(source, arguments=["padding"], view=View(width=width))
    code, carets = lines
    assert columns(code) <= width
    at = carets.index("^^^")
    assert "777" in code
    assert code[at : at + 3] == "777"


def test_a_file_that_is_gone_or_shorter_now_has_no_snippet():
    finding = replace(reports.FINDING, line=9, end_line=12, arguments=("padding",))
    for texts in ({}, {"net.py": "one line"}):
        assert snippet(finding, Excerpts(Report(texts=texts)), View()) == []
