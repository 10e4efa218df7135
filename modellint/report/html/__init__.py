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

from modellint.report.excerpts import Excerpts
from modellint.report.html.content import details, overview, owned_findings
from modellint.report.lines import last_line
from modellint.report.view import View
from modellint.results.report import Report

#: One script after the other, as one: a page without other files has no modules to import.
SCRIPTS = (
    "elements.js",
    "tabs.js",
    "layout.js",
    "graph.js",
    "charts.js",
    "table.js",
    "findings.js",
    "model.js",
    "comparison.js",
    "page.js",
)


def render(report: Report, view: View) -> str:
    """Render a report as a page; it has everything, whatever else the view asks for."""
    owned = owned_findings(report)
    excerpts = Excerpts(report)
    style = _asset("page.css")
    script = "".join(map(_asset, SCRIPTS))
    data = [_data("overview", overview(report, owned))]
    for at, model in enumerate(report.models):
        data.append(_data(f"model-{at}", details(model, owned[at], excerpts)))
    return Template(_asset("page.html")).substitute(
        title=_ascii(escape(f"modellint: {last_line(report)}")),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data="\n".join(data),
    )


def _asset(name: str) -> str:
    return files(__name__).joinpath(name).read_text("ascii")


def _data(name: str, value: Any) -> str:
    """A block of data; as no `<` is in it, nothing of it ends the block or begins another."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _hash(text: str) -> str:
    """What the page's policy knows its own style and script by."""
    return b64encode(sha256(text.encode()).digest()).decode()


def _ascii(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode()
