"""The tutorial: a kernel shows what it stores, which `--rewrite-golden` writes anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from documents import DOCS, ROOT

TUTORIAL = DOCS / "tutorial.ipynb"
#: What a reader has to take in at once: lines of a cell, and characters of what all cells show.
LONGEST_CELL, MOST_SHOWN = 25, 20_000


def stored() -> Any:
    return json.loads(TUTORIAL.read_text("utf-8"))


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def shown(cell: Any) -> list[tuple[str, str]]:
    """What a cell shows, by its kind; pieces of a stream are one, however they arrive."""
    found: list[tuple[str, str]] = []
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            text = "".join(output["text"])
            if found and found[-1][0] == output["name"]:
                text = found.pop()[1] + text
            found.append((output["name"], text))
        else:
            assert output["output_type"] == "execute_result", output
            found += [(kind, "".join(text)) for kind, text in sorted(output["data"].items())]
    return found


def test_cells_are_short_and_what_they_show_is_stored() -> None:
    cells = code_cells(stored())
    texts = [text for cell in cells for _, text in shown(cell)]
    assert sum(map(len, texts)) < MOST_SHOWN
    assert not any(str(Path.home()) in text or "/tmp" in text for text in texts)
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    for cell in cells:
        source = "".join(cell["source"])
        assert source.startswith("%%writefile") or source.count("\n") < LONGEST_CELL


def test_the_net_is_that_of_the_readme() -> None:
    sources = ["".join(cell["source"]) for cell in code_cells(stored())]
    (written,) = [source for source in sources if source.startswith("%%writefile")]
    example = (ROOT / "examples" / "digits.py").read_text("utf-8")
    assert written == f"%%writefile digits.py\n{example}".rstrip("\n")


def test_it_tells_the_numbers_of_the_course() -> None:
    texts = "\n".join(text for cell in code_cells(stored()) for _, text in shown(cell))
    for number in ("110100", "784", "(1, 5, 26, 26)", "(1, 5, 28, 28)", "(1, 5, 30, 30)"):
        assert number in texts


@pytest.mark.slow
def test_a_kernel_shows_what_is_stored(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(TUTORIAL, as_version=4)
    run = nbformat.read(TUTORIAL, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(run, timeout=300, kernel_name="python3", resources=where).execute()
    if pytestconfig.getoption("--rewrite-golden"):
        store(run)
        return
    for before, now in zip(code_cells(notebook), code_cells(run), strict=True):
        assert shown(now) == shown(before), "".join(before["source"])


def store(run: Any) -> None:
    """Write what a run showed: no times, and a stream in one piece."""
    for cell in run["cells"]:
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            others = [one for one in cell["outputs"] if one["output_type"] != "stream"]
            streams = [
                {"name": kind, "output_type": "stream", "text": text.splitlines(keepends=True)}
                for kind, text in shown(cell)
                if kind in ("stdout", "stderr")
            ]
            cell["outputs"] = [*streams, *others]
    run["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    TUTORIAL.write_text(json.dumps(split(run), indent=1, ensure_ascii=False) + "\n", "utf-8")


def split(value: Any) -> Any:
    """The notebook with its texts a line each, as notebooks are stored."""
    if isinstance(value, dict):
        return {
            key: inner.splitlines(keepends=True)
            if key in ("source", "text/plain", "text/html", "text/markdown")
            and isinstance(inner, str)
            else split(inner)
            for key, inner in value.items()
        }
    return [split(inner) for inner in value] if isinstance(value, list) else value
