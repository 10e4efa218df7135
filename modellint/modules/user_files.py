"""Which files are the user's: neither torch's, nor ours, nor the standard library's."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from modellint.source.paths import PACKAGE

_TORCH, _STANDARD = (
    str(Path(file).absolute().parent) + os.sep for file in (torch.__file__, os.__file__)
)
_OURS = str(PACKAGE) + os.sep


def is_torch_file(filename: str) -> bool:
    """Whether a file is one of torch's own."""
    return filename.startswith(_TORCH)


def is_our_file(filename: str) -> bool:
    """Whether a file is one of modellint's own."""
    return filename.startswith(_OURS)


class _UsersFiles(dict[str, bool]):
    """Answers by file name, kept: a trace asks several times an operation."""

    def __missing__(self, filename: str) -> bool:
        answer = self[filename] = _is_users_file(filename)
        return answer


def _is_users_file(filename: str) -> bool:
    if filename.startswith("<"):
        # A notebook's cell or a string that was executed is the user's; frozen modules are not.
        return not filename.startswith(("<frozen", "<eval_with_key", "<string>", "<__array"))
    filename = os.path.abspath(filename)  # noqa: PTH100 - `Path` leaves `..` in, or follows links
    if filename.startswith((_TORCH, _OURS)):
        return False
    return not filename.startswith(_STANDARD) or "site-packages" in filename


#: Whether a file is neither torch's, nor ours, nor the standard library's, by its name.
users_files = _UsersFiles()


def is_users_file(filename: str) -> bool:
    """Whether a file is neither torch's, nor ours, nor the standard library's."""
    return users_files[filename]
