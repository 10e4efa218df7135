"""Reads a report that an earlier run wrote with `--format json`, to be compared with."""

from __future__ import annotations

import json
from typing import Any

from modellint.errors import UsageError
from modellint.protocol.reading import Foreign, read
from modellint.results.json_types import ReportJson
from modellint.results.report import Report
from modellint.source.paths import regular_bytes, shown_path

#: What a report has besides, of which nothing is compared.
_FURTHER = ("comparison", "statistics")


def read_report(path: str) -> Report:
    """The report in a file; raise `UsageError` for a file that holds none of this version's."""
    shown = shown_path(path)
    try:
        data: Any = json.loads(regular_bytes(path).decode("utf-8"))
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if key not in _FURTHER}
            data["baseline"] = None
        return Report.from_dict(read(data, ReportJson))
    except OSError as error:
        raise UsageError(f"--compare {shown}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, Foreign) else "it is no JSON"
        raise UsageError(
            f"--compare {shown}: no report that this version wrote with --format json: {why}"
        ) from error
