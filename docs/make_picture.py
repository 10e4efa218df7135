"""Takes the picture of the page that README.md shows, in Chromium.

python docs/make_picture.py
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import chdir
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import Browser  # noqa: E402

import modellint  # noqa: E402

#: A window in which the findings, the graph and what stands beside it are in sight.
WIDTH, HEIGHT = 1280, 1192


def main() -> None:
    """Write docs/page.png."""
    with chdir(ROOT):
        report = modellint.lint_paths(["examples"], pictures=True, annotated=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(report.render("html"), "ascii")
        browser = Browser()
        try:
            browser.open(page, width=WIDTH, height=HEIGHT)
            browser("Emulation.setScrollbarsHidden", hidden=True)
            browser.click("#tab-1")
            browser.screenshot(ROOT / "docs" / "page.png")
        finally:
            browser.close()


if __name__ == "__main__":
    main()
