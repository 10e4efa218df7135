"""Finding the models of a file takes a fixed multiple of parsing it, and that is kept small."""

from __future__ import annotations

import ast
import gc
import time
from collections.abc import Callable
from pathlib import Path

from modellint.discovery.candidates import discover
from modellint.source.file import parse_source

FILES = sorted((Path(__file__).parent.parent / "projects").rglob("*.py"))[:100]
#: Measured: 13; where each question walked the whole tree by itself, it was 25.
MOST_PARSES = 18


def _best(work: Callable[[], object]) -> float:
    """The least processor time of three rounds, in seconds."""
    took = []
    for _ in range(3):
        before = time.process_time()
        work()
        took.append(time.process_time() - before)
    return min(took)


def test_the_models_of_a_hundred_files_are_found_in_the_time_of_a_few_parses() -> None:
    data = [(str(path), path.read_bytes()) for path in FILES]
    gc.collect()
    gc.disable()
    try:
        read = _best(lambda: [parse_source(path, text) for path, text in data])
        found = _best(lambda: [discover(parse_source(path, text)) for path, text in data]) - read
        parsed = _best(lambda: [ast.parse(text) for _, text in data])
    finally:
        gc.enable()
    assert found < MOST_PARSES * parsed, f"{found / parsed:.1f} parses"
