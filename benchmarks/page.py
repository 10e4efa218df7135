"""How soon the page of a deep net is there, and its graph unfolded, in the browser's own time.

`python -m benchmarks.page` needs Chromium. It prints a row a net, the median of several loads:
from the navigation to the picture that has the tab, and from the button to the picture that has all
layers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from torch import nn

from modellint import lint
from modellint.report import render
from tests.browser import Browser

_TIMES = 7
#: Two frames later what was changed is on the screen.
_PAINTED = "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
_LOADED = f"{_PAINTED}.then(() => performance.now())"
_UNFOLDED = f"""(async () => {{
  const before = performance.now();
  document.querySelector('.folding button').click();
  await {_PAINTED};
  return performance.now() - before;
}})()"""
_ITEMS = "document.querySelectorAll('[role=treeitem]').length"


def net(stages: int, blocks: int, layers: int) -> nn.Sequential:
    """So many layers in blocks in stages."""
    return nn.Sequential(
        *(
            nn.Sequential(
                *(
                    nn.Sequential(*(nn.Conv2d(8, 8, 1) for _ in range(layers)))
                    for _ in range(blocks)
                )
            )
            for _ in range(stages)
        )
    )


def measured(browser: Any, page: Path) -> tuple[float, float, int]:
    """The seconds to the first picture and to the unfolded one, and how many parts that has."""
    loads, unfolds = [], []
    for _ in range(_TIMES):
        browser.open(page)
        loads.append(browser.run(_LOADED))
        slowest = 0.0
        before = browser.run(_ITEMS)
        while True:
            took = browser.run(_UNFOLDED)
            after = browser.run(_ITEMS)
            if after == before:
                break
            slowest, before = max(slowest, took), after
        unfolds.append(slowest)
    return median(loads) / 1000, median(unfolds) / 1000, before


def main() -> None:
    """Print the table."""
    browser = Browser()
    print("| layers | page, kB | there after, s | a level unfolded in, s | parts in it |")
    print("|---|---|---|---|---|")
    try:
        for stages, blocks, layers in ((5, 5, 10), (10, 10, 10), (10, 20, 20)):
            report = lint(net(stages, blocks, layers), ["1,8,16,16"], pictures=True)
            with tempfile.TemporaryDirectory() as folder:
                page = Path(folder, "page.html")
                page.write_text(render(report, "html"), "ascii")
                load, unfold, parts = measured(browser, page)
                size = page.stat().st_size // 1000
            count = stages * blocks * layers
            print(f"| {count:,} | {size} | {load:.2f} | {unfold:.2f} | {parts:,} |")
    finally:
        browser.close()


if __name__ == "__main__":
    main()
