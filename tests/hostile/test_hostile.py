"""Every row of the tables: exit status, kind, line and status; and nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from command import modellint
from conftest import LastingPool

from hostile.files import ROWS as FILES
from hostile.kinds import ROWS as KINDS
from hostile.models import ROWS as MODELS
from hostile.row import Row, net

GOOD = net(name="Good")
#: Rows that are tests of their own, since they end a run from outside.
ELSEWHERE = {69: "engine/test_running.py"}


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row.id, marks=row.marks) for row in [*FILES, *MODELS, *KINDS]]
)
def test_row(
    row: Row,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    lasting_pool: LastingPool | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What is read is noted only for a cache, which is elsewhere so that no change escapes.
    cache = tmp_path_factory.mktemp("cache")
    # A file that killed its supervisor leaves its folder to the server, which is another test's.
    left = set() if lasting_pool is None else _left(lasting_pool)
    monkeypatch.delenv("MODELLINT_NO_CACHE")
    monkeypatch.setenv("MODELLINT_CACHE_DIR", str(cache))
    _write(tmp_path, row)
    before = _snapshot(tmp_path)
    wants_json = "--format" not in row.arguments
    form = ("--format", "json") if wants_json else ()
    others = () if row.alone else ("good.py",)
    given = (*form, *row.arguments, *others)
    run = modellint(*given, cwd=tmp_path, stdin=row.stdin)
    report = json.loads(run.stdout) if wants_json and run.stdout else None
    assert run.returncode == row.exit, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    if report is not None:
        _hold(row, report, tmp_path)
    else:
        # Whoever reads JSON finds a whole document there, or nothing.
        assert not wants_json or row.exit == 2
    if row.check is not None:
        row.check(report, run)
    if not row.changes:
        assert _snapshot(tmp_path) == before
    if any(cache.glob("*.json")) and row.exit == 0 and not row.changes:
        again = modellint(*given, cwd=tmp_path, stdin=row.stdin)
        assert (again.returncode, again.stdout) == (run.returncode, run.stdout)
    if lasting_pool is not None:
        assert lasting_pool.strays() == []
        assert _left(lasting_pool) <= left


def _left(pool: LastingPool) -> set[str]:
    """The temporary folders of files; torch's compiler keeps the one that it makes."""
    found = {path.name for path in pool.folder.glob("*/*")}
    return {name for name in found if not name.startswith("torchinductor")}


def _hold(row: Row, report: Any, folder: Path) -> None:
    models = {model["name"]: model["status"] for model in report["models"]}
    if not row.alone:
        assert models.pop("Good") == "analysed"
    line = row.expected_line()
    errors = [(error["kind"], error["line"]) for error in report["errors"]]
    if row.kind is not None:
        assert errors == [(row.kind, line)]
    elif row.exit == 0 or row.rules:
        assert errors == []
    if row.status:
        assert models == row.status
    for model in report["models"]:
        assert (model["reason"] is None) == (model["status"] == "analysed")
        if model["status"] in ("partial", "not-analysed"):
            # Not where the project lies, but where to look in it.
            assert str(folder) not in model["reason"]
        if model["status"] == "not-analysed" and line is not None:
            assert f"line {line}" in model["reason"]
    findings = [(finding["rule"], finding["line"]) for finding in report["findings"]]
    if row.rules or row.check is None:
        assert findings == [(rule, line) for rule in row.rules]
    if row.notes is not None:
        assert len(report["notes"]) == row.notes, report["notes"]


def _write(folder: Path, row: Row) -> None:
    files: Mapping[str, Any] = {"good.py": GOOD, **row.files}
    if row.text is not None:
        files = {**files, "net.py": row.text}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_bytes(content.encode())
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)


def _snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        found[str(path)] = (state.st_size if path.is_file() else 0, state.st_mtime_ns)
    return found


def test_no_row_is_left_out() -> None:
    rows = {row.number for row in [*FILES, *MODELS, *KINDS]}
    assert rows | set(ELSEWHERE) == set(range(1, max(rows) + 1))
