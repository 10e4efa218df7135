"""docs/reports.md: the formats that there are, and what Python shows."""

import re

from documents import DOCS, ROOT, block, marks

from modellint.report import FORMATS


def test_every_block_is_tried_here():
    assert marks("reports.md") == ["python"]


def test_the_table_has_every_format():
    text = (DOCS / "reports.md").read_text("utf-8")
    table = text.partition("<!-- formats -->")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(FORMATS)


def test_a_report_prints_and_shows_in_python(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    names = {}
    exec(block("reports.md", "python"), names)
    assert capsys.readouterr().out.startswith("examples/digits.py:12:22: warning[")
    assert "| --- |" in names["text"]
    assert names["html"].startswith("<div>")
