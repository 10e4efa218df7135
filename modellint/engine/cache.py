"""A folder of results: one JSON file each, written in one step, deleted when nobody asks for it.

What cannot be read is not there; what cannot be written is not kept, and why is told.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from modellint.protocol.states import digest
from modellint.source.paths import regular_bytes

_TAG = "CACHEDIR.TAG"
#: What makes a folder a cache for backup programs, by https://bford.info/cachedir/.
_SIGNATURE = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder holds results of modellint, and may be deleted at any time.\n"
)
_ENTRY = re.compile(r"[0-9a-f]{32}\.json\Z")
_HALF_WRITTEN = re.compile(r"\.[0-9a-f]{32}\.\d+\.\d+\Z")
_DAY = 24 * 60 * 60
#: How long a result is kept that no run asks for, in seconds.
_KEPT = 30 * _DAY
#: An entry begins with the digest of all that follows it.
_SEAL = '{"seal": "%s", "entry": '
_SEALED = len(_SEAL % ("0" * 32))


#: One after the other for all folders: threads of one process may share one.
_numbers = itertools.count()


class Cache:
    """The results in one folder; several processes may use it at a time.

    `trouble` says why nothing could be written, if so.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.trouble: str | None = None
        self._opened = False
        self._stored = False

    def load(self, name: str) -> Mapping[str, Any] | None:
        """The entry of a name, 32 hexadecimal digits; `None` where there is none that is whole."""
        path = self.folder / f"{name}.json"
        try:
            data = regular_bytes(path)
            if data[:_SEALED].decode() != _SEAL % digest(data[_SEALED:]):
                return None
            entry = json.loads(data)["entry"]
        except (OSError, ValueError, KeyError, RecursionError):
            return None
        return entry if isinstance(entry, dict) else None

    def use(self, name: str) -> None:
        """Note that an entry was of use, so that it is not deleted soon."""
        path = self.folder / f"{name}.json"
        with contextlib.suppress(OSError):  # Deleted meanwhile, or in a folder one may only read.
            if time.time() - path.stat().st_mtime > _DAY:
                os.utime(path)

    def open(self) -> None:
        """Make the folder, if there is none."""
        if not self._opened:
            self._opened = True
            self._try(self._make)

    def store(self, name: str, entry: Mapping[str, Any]) -> None:
        """Write an entry in place of the one that has its name."""
        self.open()
        if self.trouble is None:
            self._stored = True
            content = (json.dumps(entry) + "}\n").encode()
            data = (_SEAL % digest(content)).encode() + content
            self._try(lambda: self._write(f"{name}.json", data))

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except OSError as error:
            self.trouble = f"no results are kept: {error.strerror or error}"

    def prune(self) -> None:
        """Delete what no run has asked for in a month; looked for once a day."""
        if not self._stored:
            return
        tag = self.folder / _TAG
        now = time.time()
        with contextlib.suppress(OSError):
            if now - tag.stat().st_mtime < _DAY:
                return
            os.utime(tag)
            for path, limit in self._deletable():
                with contextlib.suppress(OSError):  # Another run deletes it too.
                    if now - path.stat().st_mtime > limit:
                        path.unlink()

    def _deletable(self) -> Iterator[tuple[Path, int]]:
        """The files that were written here, and after how many seconds each is of no use."""
        for path in self.folder.iterdir():
            if _ENTRY.match(path.name):
                yield path, _KEPT
            elif _HALF_WRITTEN.match(path.name):
                yield path, _DAY

    def _make(self) -> None:
        """Make the folder; one that holds other things already is not marked as a cache."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not any(self.folder.iterdir()):
            # The mark for git first: whoever finds the tag finds a whole folder.
            self._write(".gitignore", b"# Made by modellint.\n*\n")
            self._write(_TAG, _SIGNATURE.encode())

    def _write(self, name: str, data: bytes) -> None:
        """Write a file in one step, so that nobody reads half of it."""
        stem = name.removesuffix(".json") if _ENTRY.match(name) else digest(name.encode())
        half = self.folder / f".{stem}.{os.getpid()}.{next(_numbers)}"
        try:
            half.write_bytes(data)
            half.replace(self.folder / name)
        except BaseException:
            half.unlink(missing_ok=True)
            raise
