"""Functions of torch that open files past Python, wrapped so that what they read is noted.

`torch.load` opens its files in Python. Archives of `torch.jit` and `torch.package`, and storages
that are mapped from a file, are opened in C++, where no audit event is raised.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from modellint.worker.askers import absolute

Note = Callable[[str], None]
"""Takes note of a file that is read, by its absolute path."""


def watch_native_reads(note: Note) -> None:
    """Have torch's own ways to open a file tell which, for good, in this process."""
    import torch

    torch.from_file = _noting(torch.from_file, note)
    storage: Any = torch.UntypedStorage
    storage.from_file = staticmethod(_noting(storage.from_file, note))
    bindings: Any = torch._C
    bindings.import_ir_module = _noting(bindings.import_ir_module, note)
    # A type that is asked for by name, and whether objects are of it.
    bindings.PyTorchFileReader = _reader(bindings.PyTorchFileReader, note)


def _noting(plain: Callable[..., Any], note: Note) -> Callable[..., Any]:
    @wraps(plain)
    def call(*args: Any, **options: Any) -> Any:
        _note_paths(note, *args, *options.values())
        return plain(*args, **options)

    return call


def _reader(base: Any, note: Note) -> Any:
    class Reader(base):  # type: ignore[misc]
        """A reader of archives, which notes their files."""

        def __init__(self, *args: Any) -> None:
            _note_paths(note, *args)
            super().__init__(*args)

    Reader.__name__ = Reader.__qualname__ = base.__name__
    return Reader


def _note_paths(note: Note, *given: Any) -> None:
    """Note what may be the path among what a function is given: no other argument is a text."""
    for one in given:
        if isinstance(one, str | os.PathLike):
            note(absolute(os.fspath(one)))
