"""The annotated source as text: it is the file's own, is Python, and fits a screen."""

import ast
import io
import re
import tokenize
from dataclasses import replace
from pathlib import Path

import pytest
import reports
from documents import ROOT
from torch import nn

import modellint
from modellint.errors import UsageError
from modellint.report import View, render
from modellint.report.line_notes import rows
from modellint.results.annotated import Annotation, LineTensor
from modellint.source.file import split_lines

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def annotated():
    """The report of each example, its lines watched."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        return modellint.lint_paths(EXAMPLES, select=["shape-mismatch"], annotated=True)


def comments(text):
    """The comments of a Python text by their line, and the text without them."""
    lines = text.split("\n")
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            found[line] = token.string
            lines[line - 1] = lines[line - 1][:column]
    return found, [line.rstrip() for line in lines]


@pytest.mark.parametrize("sizes", ["both", "symbolic", "concrete"])
def test_the_text_without_its_comments_is_that_of_the_file(annotated, sizes, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = annotated.annotated(sizes)
    ast.parse(text)
    noted, bare = comments(text)
    files = "\n".join(path.read_text("utf-8") for path in EXAMPLES)
    _, originals = comments(files)
    assert len(noted) > 20
    assert {line for line in bare if line} <= set(originals)
    # In the order of the file, each line as it stands.
    for path, model in zip(EXAMPLES, annotated.models, strict=True):
        source = replace(annotated, models=(model,)).annotated(sizes)
        lines = iter(comments(path.read_text("utf-8"))[1])
        assert all(any(line == own for own in lines) for line in comments(source)[1] if line)
        assert source.startswith(f"# {model.name} at {model.path}:{model.line}, input")


def test_no_line_is_wide_that_is_not_wide_in_the_file(annotated):
    lines = annotated.annotated().split("\n")
    assert all(len(line) <= 100 for line in lines if not line.startswith("# "))


def test_the_numbers_alone_are_what_print_says(annotated):
    symbolic, concrete = annotated.annotated("symbolic"), annotated.annotated("concrete")
    assert "# (N, 16, H // 2 - 2, W // 2 - 2)\n" in symbolic
    assert "# (N, 16, H // 2 - 2, W // 2 - 2) 12×12\n" in annotated.annotated()
    assert re.search(r"# \(\d+, 16, 12, 12\)\n", concrete)
    with pytest.raises(UsageError, match="symbolic"):
        annotated.annotated("numbers")


def test_colour_changes_nothing_of_the_text(annotated):
    import click

    colored = annotated.annotated(color=True)
    assert "\x1b[36m# (" in colored
    assert click.unstyle(colored) == annotated.annotated()


def test_a_live_module_is_annotated_too():
    report = modellint.lint(Small(), ["N,3,8,8"])
    text = report.annotated()
    assert "x = self.conv(x)          # (N, 4, H - 2, W - 2) 6×6" in text
    assert "return x.mean((2, 3)), 1  # (N, 4)" in text
    assert "Other" not in text
    ast.parse(text)
    assert "annotated" not in report.to_dict()["models"][0]


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        x = self.conv(x)
        return x.mean((2, 3)), 1


class Other(nn.Module):
    def forward(self, x):
        return x + 1


def test_what_the_lines_of_a_file_say_is_data_for_an_editor():
    (source,) = modellint.lint(Small(), ["N,3,8,8"], annotated=True).models[0].annotated
    notes = source.notes()
    lines = Path(__file__).read_text("utf-8").split("\n")
    assert {lines[at - 1].strip(): text for at, text in notes.items()} == {
        "x = self.conv(x)": "(N, 4, H - 2, W - 2) 6×6",
        "return x.mean((2, 3)), 1": "(N, 4)",
    }
    assert set(source.notes("concrete").values()) == {"(2, 4, 6, 6)", "(2, 4)"}


def test_nothing_of_a_hostile_report_acts_on_a_terminal():
    text = render(reports.REPORT, "full", View(annotated=True))
    assert all(line.replace("\t", "").isprintable() for line in text.split("\n"))
    markdown = render(reports.REPORT, "markdown", View(annotated=True))
    assert "```python\n# Net at net.py:1" in markdown
    # A block of the file's own ticks is fenced by more.
    assert all(line.replace("\t", "").isprintable() for line in markdown.split("\n"))


def test_a_file_that_is_gone_leaves_the_name_of_its_model():
    report = replace(reports.REPORT, texts={})
    assert "# Net at net.py:1, input" in report.annotated()
    assert "self.fc(" not in report.annotated()


def tensor(*sizes, name="", dtype="float32", example=None):
    example = tuple(size if isinstance(size, int) else 7 for size in sizes)
    return LineTensor(name, sizes, example, dtype)


@pytest.mark.parametrize(
    ("count", "first", "last", "between", "text"),
    [
        (1, [tensor("N", 10)], None, False, "(N, 10)"),
        (1, [tensor("N")], None, False, "(N,)"),
        (1, [tensor()], None, False, "()"),
        (1, [tensor("N", "H - 2", dtype="int64")], None, False, "(N, H - 2) 7 int64"),
        (16, [tensor("N", 4)], None, False, "×16: (N, 4)"),
        (4, [tensor("N", 4)], [tensor("N", 8)], False, "×4: (N, 4) → (N, 8)"),
        (4, [tensor("N", 4)], [tensor("N", 8)], True, "×4: (N, 4) → … → (N, 8)"),
        (4, [tensor("N", 4)], [tensor("N", 4)], True, "×4: (N, 4) → … → (N, 4)"),
        (1, [tensor(1, name=f"[{at}]") for at in range(3)], None, False, "3 × (1,)"),
        (1, [tensor(1, name=one) for one in "qkv"], None, False, "q, k, v: (1,)"),
        (
            1,
            [tensor(1, name="x"), *(tensor(2, name=f"maps[{at}]") for at in range(12))],
            None,
            False,
            "x: (1,); maps[0…11]: (2,)",
        ),
        (1, [tensor(1, name="[0]"), tensor(2, name="[1]")], None, False, "(1,), (2,)"),
    ],
)
def test_a_note_says_what_a_line_leaves(count, first, last, between, text):
    note = Annotation(1, 1, count, tuple(first), tuple(last or first), between)
    assert note.text() == text


def test_a_note_never_stands_behind_a_backslash_and_a_long_one_stands_below():
    code = "x = a.b \\\n    .c()\nyyy = f(" + "1, " * 30 + ")\n"
    source = replace(
        reports.ANNOTATED,
        shown=((1, 3),),
        skipped=(),
        lines=(
            Annotation(1, 1, 1, (tensor(5),), (tensor(5),)),
            Annotation(3, 3, 1, (tensor("H - 2"),), (tensor("H - 2"),)),
        ),
    )
    found = list(rows(source, split_lines(code), "both"))
    assert [bool(row.note) for row in found] == [False, True, True]
    report = replace(
        reports.CLEAN,
        models=(replace(reports.MODEL, annotated=(source,)),),
        texts={"net.py": code},
    )
    ast.parse(report.annotated())
    assert report.annotated().endswith(")\n    # (7,)")


def test_the_page_shows_the_rows(tmp_path):
    from modellint.report.excerpts import Excerpts
    from modellint.report.html.source import annotated

    report = modellint.lint(Small(), ["N,3,8,8"], annotated=True)
    (source,) = report.models[0].annotated
    file = annotated(source, Excerpts(report))
    noted = {text.strip(): notes for _, text, *notes, _, _ in file["rows"] if any(notes)}
    assert noted["x = self.conv(x)"] == ["(2, 4, 6, 6)", "(N, 4, H - 2, W - 2)"]
    assert [row[0] for row in file["rows"]] == sorted(row[0] for row in file["rows"])
