"""The base of the classes that stand for the programs of a file of `torch.export.save`."""

from __future__ import annotations

from typing import Any, ClassVar

from modellint.exported.archive import as_told, read_archive
from modellint.modules.replayed import Replayed, replayed


class Exported(Replayed):
    """The model of a file; `archive` is its path, `digest` what it held when its models were read.

    A class of this one is called as the program's.
    """

    archive: ClassVar[str]
    digest: ClassVar[str]

    def __new__(cls) -> Any:
        """The module of the program that is called as the class."""
        program = as_told(read_archive(cls.archive), cls.digest).programs[cls.__name__]
        return replayed(program)
