"""The `html` format: one page that a browser shows without any other file and without a network.

Everything is in it: what is shown as JSON that is never run, and the page's own style and scripts,
which its policy admits by their hashes and nothing else. The page is ASCII, which every pipe and
every encoding of a terminal survives.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from modellint.report import concise
from modellint.report.excerpts import Excerpts
from modellint.report.html.content import details, printed
from modellint.report.html.findings import found
from modellint.report.html.overview import overview
from modellint.report.lines import last_line
from modellint.report.view import View
from modellint.results.report import Report

#: One style after the other, as one, and so are the scripts: a page without other files has no
#: modules to import.
STYLES = ("page.css", "findings.css", "model.css", "comparison.css", "small.css")
SCRIPTS = (
    "elements.js",
    "theme.js",
    "tabs.js",
    "table.js",
    "findings.js",
    "layout.js",
    "folding.js",
    "graph.js",
    "charts.js",
    "borders.js",
    "layers.js",
    "source.js",
    "model.js",
    "comparison.js",
    "report.js",
    "page.js",
)


def render(report: Report, view: View) -> str:
    """Render a report as a page; it has everything, whatever else the view asks for."""
    excerpts = Excerpts(report)
    all_found = found(report)
    style = "".join(map(_asset, STYLES))
    script = "".join(map(_asset, SCRIPTS))
    data = [_data("overview", overview(report, all_found)), _data("findings", all_found.entries)]
    for at in range(len(report.models)):
        data.append(_data(f"model-{at}", details(report, at, all_found, excerpts)))
    return Template(_asset("page.html")).substitute(
        title=_ascii(escape(f"modellint: {last_line(report)}")),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        text=_ascii(escape(concise.render(report, View()))),
        data="\n".join(data),
    )


def _asset(name: str) -> str:
    return files(__name__).joinpath(name).read_text("ascii")


def _data(name: str, value: Any) -> str:
    """A block of data; as no `<` is in it, nothing of it ends the block or begins another."""
    text = json.dumps(printed(value), separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _hash(text: str) -> str:
    """What the page's policy knows its own style and script by."""
    return b64encode(sha256(text.encode()).digest()).decode()


def _ascii(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode()
