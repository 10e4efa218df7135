"""Finding the models of a hundred files beside parsing them: `python -m benchmarks.discovery`.

Each number is the least processor time of three rounds, so that only their ratio says something.
"""

from __future__ import annotations

import ast
import gc
import time
from collections.abc import Callable
from pathlib import Path

from modellint.discovery.candidates import discover
from modellint.source.file import parse_source

FILES = sorted((Path(__file__).parent.parent / "tests" / "projects").rglob("*.py"))[:100]


def best(work: Callable[[], object]) -> float:
    """The least processor time of three rounds, in seconds."""
    took = []
    for _ in range(3):
        before = time.process_time()
        work()
        took.append(time.process_time() - before)
    return min(took)


def main() -> None:
    """Print how many parses finding the models takes: 13 where each tree is walked once, was 25."""
    data = [(str(path), path.read_bytes()) for path in FILES]
    gc.collect()
    gc.disable()
    read = best(lambda: [parse_source(path, text) for path, text in data])
    found = best(lambda: [discover(parse_source(path, text)) for path, text in data]) - read
    parsed = best(lambda: [ast.parse(text) for _, text in data])
    print(f"{len(data)} files: {found / parsed:.1f} parses ({found:.2f} s beside {parsed:.2f} s)")


if __name__ == "__main__":
    main()
