"""Ignore comments are written at findings, and nothing else of a file changes."""

import re
import shlex
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from command import modellint
from documents import DOCS
from findings import NET, finding

from modellint.errors import UsageError
from modellint.results.report import Report
from modellint.source.file import read_source
from modellint.suppression.adding import add_ignores


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rewritten(text, *lines, reason="", rules=("even-kernel",), end_line=None, encoding="utf-8"):
    """The text after findings at lines were given comments."""
    path = Path("net.py")
    path.write_bytes(text.encode(encoding))
    findings = tuple(
        replace(finding(line, rule=rule), end_line=end_line or line)
        for line in lines
        for rule in rules
    )
    done = add_ignores(Report(findings=findings), reason)
    assert not done.left
    return path.read_bytes().decode(encoding)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = f(1)\n", "x = f(1)  # modellint: ignore[even-kernel]\n"),
        ("x = f(1)", "x = f(1)  # modellint: ignore[even-kernel]"),
        ("x = f(1)   \n", "x = f(1)  # modellint: ignore[even-kernel]\n"),
        ("x = f(1)  # why\n", "x = f(1)  # why  # modellint: ignore[even-kernel]\n"),
        (
            "x = f(1)  # modellint: ignore[over-padding]\n",
            "x = f(1)  # modellint: ignore[over-padding, even-kernel]\n",
        ),
        (
            "x = f(1)  # noqa  # modellint: ignore[over-padding] -- a margin  \n",
            "x = f(1)  # noqa  # modellint: ignore[over-padding, even-kernel] -- a margin  \n",
        ),
        ("x = f(1)  # modellint: ignore[]\n", "x = f(1)  # modellint: ignore[even-kernel]\n"),
        ("x = f(1)  # modellint: ignore\n", "x = f(1)  # modellint: ignore[even-kernel]\n"),
        (
            "x = f(1)  # modellint: ignore -- why  # modellint: ignore-file[a]\n",
            "x = f(1)  # modellint: ignore[even-kernel] -- why  # modellint: ignore-file[a]\n",
        ),
        (
            "x = f(1)  # modellint: ignore-file[a]  # modellint: ignore[b]\n",
            "x = f(1)  # modellint: ignore-file[a]  # modellint: ignore[b, even-kernel]\n",
        ),
        (
            "x = f(1)  # modellint: ignore[even-kernel]\n",
            "x = f(1)  # modellint: ignore[even-kernel]\n",
        ),
        (
            "class A:  # modellint: input=(1, 28)\n    pass\n",
            "class A:  # modellint: input=(1, 28)  # modellint: ignore[even-kernel]\n    pass\n",
        ),
        ("x = f(1); y = 2\n", "x = f(1); y = 2  # modellint: ignore[even-kernel]\n"),
        ("x = '#'\n", "x = '#'  # modellint: ignore[even-kernel]\n"),
    ],
)
def test_a_comment_is_added_or_takes_the_rule_in(before, after):
    assert rewritten(before, 1) == after


def test_a_reason_is_given_where_there_is_none():
    assert rewritten("x = f(1)\n", 1, reason="a margin").endswith("[even-kernel] -- a margin\n")
    kept = rewritten("x = 1  # modellint: ignore[a] -- old\n", 1, reason="new")
    assert kept.endswith("ignore[a, even-kernel] -- old\n")
    given = rewritten("x = 1  # modellint: ignore[a]\n", 1, reason="new")
    assert given.endswith("ignore[a, even-kernel] -- new\n")
    # What the reader takes for no reason is none: the next comment is not the first one's.
    alone = rewritten(
        "x = 1  # modellint: ignore[a] --  # modellint: ignore-file[b]\n", 1, reason="new"
    )
    assert alone.endswith("ignore[a, even-kernel] -- new  # modellint: ignore-file[b]\n")
    with pytest.raises(UsageError):
        rewritten("x = f(1)\n", 1, reason="two\nlines")


def test_findings_of_one_line_share_a_comment():
    after = rewritten("x = f(1)\n", 1, rules=("b", "a"))
    assert after == "x = f(1)  # modellint: ignore[b, a]\n"


@pytest.mark.parametrize(
    ("before", "line", "end_line", "at"),
    [
        # Behind the call's end, else at the end of the statement.
        ("x = Sequential(\n    f(1),\n    g(2),\n)\n", 2, 2, 2),
        ("x = f(\n    1,\n)\n", 1, 3, 3),
        ("x = g(f(1),\n'''\ntext\n''')\n", 1, 1, 1),
        ("x = g('''\ntext\n''', f(1))\n", 1, 1, 3),
        ("x = f(1) + \\\n    g(2)\n", 1, 1, 2),
        ("x = g(f'''\n{1}\n''', f(1))\n", 2, 2, 3),
        ("x = 1\n\n\ny = f(1)\n", 4, 4, 4),
    ],
)
def test_a_statement_of_several_lines_gets_it_where_a_comment_may_stand(before, line, end_line, at):
    after = rewritten(before, line, end_line=end_line)
    changed = [
        number
        for number, (old, new) in enumerate(
            zip(before.splitlines(), after.splitlines(), strict=True), 1
        )
        if old != new
    ]
    assert changed == [at]
    (ignore,) = read_source("net.py").ignores
    assert ignore.first_line <= line <= ignore.last_line


def test_a_comment_elsewhere_in_the_statement_takes_the_rule_in():
    before = "x = g(\n    f(1),  # modellint: ignore[a]\n    f(2),\n)\n"
    assert rewritten(before, 3).count("modellint") == 1


@pytest.mark.parametrize(
    ("end", "encoding"),
    [
        ("\n", "utf-8"),
        ("\r\n", "utf-8"),
        ("\r", "utf-8"),
        ("\r\n", "utf-8-sig"),
        ("\n", "latin-1"),
        ("\r\n", "latin-1"),
    ],
)
def test_line_ends_and_encoding_stay(end, encoding):
    coding = "# -*- coding: latin-1 -*-\n" if encoding == "latin-1" else "\n"
    before = (coding + "é = f(1)\n\fz = 'ü'\n").replace("\n", end)
    after = rewritten(before, 2, reason="für é", encoding=encoding)
    assert after == before.replace("f(1)", "f(1)  # modellint: ignore[even-kernel] -- für é")


def test_a_reason_that_the_encoding_lacks_changes_nothing():
    text = "# -*- coding: latin-1 -*-\nx = f(1)\n"
    Path("net.py").write_text(text, "latin-1")
    done = add_ignores(Report(findings=(finding(2),)), "→")
    assert [why for _, why in done.left]
    assert Path("net.py").read_text("latin-1") == text


def test_what_cannot_be_written_is_left_with_the_reason(tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere") / "net.py"
    outside.write_text("x = f(1)\n", "utf-8")
    Path("broken.py").write_text("def (\n", "utf-8")
    findings = (
        finding(1, path=str(outside)),
        finding(1, path="gone.py"),
        finding(1, path="broken.py"),
        finding(1, path="-"),
        finding(1, rule="unused-ignore"),
    )
    Path("net.py").write_text("x = 1  # modellint: ignore[a]\n", "utf-8")
    done = add_ignores(Report(findings=findings, texts={"-": "x = f(1)\n"}), "")
    assert done.written == {}
    assert [one for one, _ in done.left] == sorted(
        findings, key=lambda one: one.path in ("gone.py", "broken.py")
    )
    assert outside.read_text("utf-8") == "x = f(1)\n"


@pytest.mark.parametrize(
    "arguments", [["net.py", "--add-ignore"], ["--add-ignore", "net.py"], ["--add-ignore=ok", "."]]
)
def test_a_run_is_clean_afterwards_and_writes_no_more(arguments):
    Path("net.py").write_text(NET, "utf-8")
    Path("wide.py").write_text(
        dedent(NET).replace("nn.Conv2d(3, 4, 4, padding=1)", "nn.Conv2d(\n3, 4,\n4, padding=1\n)"),
        "utf-8",
    )
    run = modellint(*arguments, cwd=".")
    assert (run.returncode, run.stdout) == (0, "")
    text = Path("net.py").read_text("utf-8")
    assert text.count("ignore[even-kernel]") == 1
    assert modellint("net.py", cwd=".").returncode == 0
    again = modellint(*arguments, cwd=".")
    assert again.returncode == 0
    assert Path("net.py").read_text("utf-8") == text


def test_what_could_not_be_silenced_is_still_reported():
    Path("net.py").write_text(NET.replace("import torch\n", "import torch\nimport gone\n", 1))
    Path("bad.py").write_text("import torch\nclass (\n")
    run = modellint(".", "--add-ignore", cwd=".")
    assert run.returncode == 1
    assert "syntax-error" in run.stdout
    assert "even-kernel" not in run.stdout


def test_the_commands_of_the_page_work():
    page = (DOCS / "accepting-findings.md").read_text("utf-8")
    commands = re.findall(r"`modellint (.*?)`", page)
    assert len(commands) == 3
    for command in sorted(commands, key=lambda text: "--write" not in text):
        Path("net.py").write_text(NET, "utf-8")
        assert modellint(*shlex.split(command), cwd=".").returncode == 0
