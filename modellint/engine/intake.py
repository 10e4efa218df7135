"""Reads a target's bytes, if it is a file that can be linted; else says why not."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import PurePath

from modellint.config.plans import Plan
from modellint.config.targets import Target
from modellint.errors import FileError
from modellint.protocol.jobs import Job
from modellint.results.report import Problem, Report
from modellint.source.file import mentions_torch, parse_source
from modellint.source.paths import is_exported, is_notebook

#: What holds Python and yet is no file to lint, by suffix.
_UNSUPPORTED = {
    ".pyi": "stubs hold no models; lint the .py file",
    ".pyw": "only .py files are read; rename it",
}
#: What is larger nobody wrote: parsing it takes a second a mebibyte. In bytes.
_LARGEST = 2 << 20
#: What is more of a notebook are no cells, but pictures: reading takes a second 50 mebibytes.
_LARGEST_NOTEBOOK = 64 << 20
#: How many packages may hand on a name.
_HANDED_ON = 3
#: The first base of a class, and what is imported from where.
_DERIVED = re.compile(rb"^[ \t]*class\s+\w+\s*\(\s*([A-Za-z_][\w.]*)", re.MULTILINE)
_IMPORTED = re.compile(rb"^[ \t]*from\s+(\.*[\w.]*)\s+import\s*(\([^)]*\)|[^\n]+)", re.MULTILINE)


@dataclass(frozen=True)
class Opened:
    """A file that may concern modellint: what it holds, and the job as the run states it."""

    target: Target
    plan: Plan
    job: Job
    data: bytes

    @property
    def asked(self) -> tuple[Job, bytes, Plan]:
        """What a result of it is kept under."""
        return self.job, self.data, self.plan


def concerns_models(target: Target, data: bytes) -> bool:
    """Whether a file that a directory holds may have models: it mentions torch, or its bases do.

    Those count that its text imports from files of the project.
    """
    if target.explicit or mentions_torch(data):
        return True
    if is_notebook(target.path):
        data = _code_of(target.path, data)
    bases = {match[1].partition(b".")[0] for match in _DERIVED.finditer(data)}
    return bool(bases) and _lead_to_torch(bases, data, target.path)


def _code_of(path: str, data: bytes) -> bytes:
    """The code of a notebook; nothing of one that nobody named and that cannot be read."""
    try:
        return parse_source(path, data).text.encode("utf-8", "surrogatepass")
    except FileError:
        return b""


def _lead_to_torch(names: set[bytes], data: bytes, path: str, depth: int = _HANDED_ON) -> bool:
    """Whether a file that names are imported from mentions torch; packages may hand them on."""
    # Most files derive from nothing of the project's.
    from modellint.discovery.other_files import module_files

    for match in _IMPORTED.finditer(data):
        if match[2].strip() != b"*" and not names & {*re.findall(rb"\w+", match[2])}:
            continue
        for file in module_files(match[1].decode("utf-8", "replace"), path):
            try:
                found = _read(file) if os.path.isfile(file) else b""  # noqa: PTH113
            except (FileError, NotRead):
                continue
            if mentions_torch(found) or (depth and _lead_to_torch(names, found, file, depth - 1)):
                return True
    return False


class NotRead(Exception):
    """A target is left out for a reason that is no fault of its own."""


def read_target(target: Target) -> bytes:
    """The bytes of a target; of an exported program, those of the Python that stands for it.

    Raises `FileError` (`unreadable`) for a file that cannot be read, and `NotRead` for one that is
    left out: a stub, a data file of megabytes, a link to nowhere that a directory holds.
    """
    unsupported = _UNSUPPORTED.get(PurePath(target.path).suffix)
    if unsupported is not None:
        raise NotRead(unsupported)
    if target.trouble is not None:
        raise FileError("unreadable", target.path, None, target.trouble)
    if target.data is not None:
        return target.data
    if is_exported(target.path):
        from modellint.exported.archive import source_text  # Few runs have one.

        return source_text(target.path).encode()
    try:
        return _read(target.path)
    except FileError as error:
        if not target.explicit and os.path.islink(target.path):  # noqa: PTH114
            raise NotRead(error.message) from error
        raise


def _read(path: str) -> bytes:
    try:
        state = os.stat(path)  # noqa: PTH116 - this and the next are the pre-filter's whole cost
        if not stat.S_ISREG(state.st_mode):
            # Opening a FIFO or reading a device would never end.
            raise FileError("unreadable", path, None, "not a regular file")
        largest = _LARGEST_NOTEBOOK if is_notebook(path) else _LARGEST
        if state.st_size > largest:
            raise NotRead(f"larger than {largest >> 20} MiB, so not read as source code")
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise FileError("unreadable", path, None, message) from error


def unread(shown: str, error: FileError, remedy: str = "") -> Report:
    """The report of a file that cannot be read, with what to do about it."""
    message = error.message + remedy
    problem = Problem(shown, error.line or 1, error.kind, message, error.cell)
    return Report(errors=(problem,))
