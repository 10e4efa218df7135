"""Texts of exceptions without what is another in each run: addresses, times, temporary names."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_CLOCK = re.compile(r"\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?\b")
#: Seconds since 1970, or a thousandth, millionth or billionth of it.
_EPOCH = re.compile(r"\b(\d{10})(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?\b")
_DATES = ("%Y-%m-%d", "%a %b %d", "%b %d, %Y", "%d %b %Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d")
_PROCESS = re.compile(r"\b((?:pid|process|thread|started)[ =:#]+)\d+\b", re.IGNORECASE)
_LONG = 7 * 24 * 3600
#: What `tempfile` calls what it makes, in a folder that is named before.
_TEMPORARY = re.compile(r"\btmp[a-z0-9_]{8}\b")
_DIGIT = re.compile(r"\d")


def steady(text: str) -> str:
    """The text as it would be in any other run of the same code, as far as one can tell."""
    if not _DIGIT.search(text) and "tmp" not in text:
        return text
    for place in _temporary_folders():
        text = text.replace(place, "$TMPDIR")
    text = _TEMPORARY.sub("tmp…", text)
    text = _ADDRESS.sub("0x…", text)
    text = _CLOCK.sub("‹time›", text)
    text = _PROCESS.sub(r"\1‹number›", text)
    now = time.time()
    text = _EPOCH.sub(lambda found: _unless_now(found, now), text)
    for form in _DATES:
        text = text.replace(time.strftime(form), "‹date›")
    return text


def _temporary_folders() -> Iterator[str]:
    """Where this process keeps temporary files: under a name that is new in each run."""
    folder = os.environ.get("TMPDIR", "")
    if os.sep in folder and "modellint-" in folder:
        yield folder


def _unless_now(found: re.Match[str], now: float) -> str:
    return "‹time›" if abs(int(found[1]) - now) < _LONG else found[0]
