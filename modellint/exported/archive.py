"""A `.pt2` file: a zip whose JSON is the exported program, read without torch and without weights.

Nothing is unpickled. Of weights only names, sizes and dtypes are read; of buffers and constants the
values of small ones, since a forward may compute indices with them.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import PurePath

from modellint.errors import FileError
from modellint.exported.program import Program, class_name
from modellint.exported.serialized import Stored, read_program

#: A larger JSON is none of a model, in bytes: one of 3,000 layers takes some ten mebibytes.
_LARGEST = 256 << 20
#: Buffers and constants up to this size are read, in bytes.
_VALUES = 1 << 20
#: Where releases before 2.8 have the program.
_FORMER = "serialized_exported_program.json"
#: What a file of the JSON may raise where it is not what torch writes.
_WRONG = (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Archive:
    """The programs of a file, by name, and a text that changes with whatever the file holds."""

    path: str
    digest: str
    models: Mapping[str, Callable[[], Program]]

    @cached_property
    def programs(self) -> Mapping[str, Program]:
        """The programs by the names of their classes; raise `FileError` for what is none."""
        found: dict[str, Program] = {}
        for read in self.models.values():
            program = read()
            name, number = program.name, 2
            while name in found:
                name, number = f"{program.name}_{number}", number + 1
            found[name] = program
        return found


def read_archive(path: str) -> Archive:
    """The programs of a file; raise `FileError` (`unreadable`) where it is no such file."""
    try:
        if not os.path.isfile(path):  # noqa: PTH113 - opening a FIFO would hang
            raise FileError("unreadable", path, None, "cannot be read: not a regular file")
        with zipfile.ZipFile(path) as file:
            infos = {info.filename: info for info in file.infolist()}
            states = sorted((info.filename, info.CRC, info.file_size) for info in infos.values())
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise FileError("unreadable", path, None, message) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise _unreadable(path, "is no whole zip, which torch.export.save writes") from error
    entries = _Entries(path, infos)
    models = dict(_models(entries))
    if not models:
        raise _unreadable(path, _without_programs([*infos]))
    digest = hashlib.blake2b(repr(states).encode(), digest_size=16).hexdigest()
    return Archive(path, digest, models)


def source_text(path: str) -> str:
    """Python that builds the models of a file; raise `FileError` where it is no such file."""
    archive = read_archive(path)
    lines = ["from torch import nn", "from modellint.building.exported_models import Exported"]
    for name in archive.programs:
        lines += [
            f"class {name}(Exported, nn.Module):",
            f"    archive = {archive.path!r}",
            f"    digest = {archive.digest!r}",
        ]
    return "\n".join(lines) + "\n"


def _unreadable(path: str, why: str) -> FileError:
    return FileError("unreadable", path, None, f"cannot be read as an exported program: it {why}")


def _without_programs(names: list[str]) -> str:
    """Why a zip holds no program, as far as its names tell."""
    if any("aotinductor" in name for name in names):
        return (
            "is a package that AOTInductor compiled, which holds no graph; lint what "
            "torch.export.save writes"
        )
    if any(name.endswith("data.pkl") for name in names):
        return "is a file of torch.save, which holds no graph; lint what torch.export.save writes"
    return "is a zip of something else"


def _models(entries: _Entries) -> Iterator[tuple[str, Callable[[], Program]]]:
    """The programs of a file by name, each read when it is asked for."""
    for name in sorted(entries.infos):
        parts = PurePath(name).parts
        if parts[-2:-1] == ("models",) and name.endswith(".json"):
            yield parts[-1].removesuffix(".json"), partial(entries.program, name)
        elif parts[-1] == _FORMER:
            yield "model", partial(entries.program, name)


@dataclass(frozen=True)
class _Entries:
    """What the zip at a path holds."""

    path: str
    infos: Mapping[str, zipfile.ZipInfo]

    def program(self, name: str) -> Program:
        """The program of a JSON; raise `FileError` for one that is not what torch writes."""
        try:
            told = json.loads(self.bytes(name))
            former = name.endswith(_FORMER)
            stored = {} if former else self._stored(name)
            modules, read = read_program(told, stored)
            stem = PurePath(self.path).stem
            return read(class_name(modules, stem))
        except _WRONG as error:
            told = f"{type(error).__name__}: {error}"
            why = f"is written as this modellint does not know it ({name}: {told})"
            raise _unreadable(self.path, why) from error

    def bytes(self, name: str) -> bytes:
        """What an entry holds; raise `FileError` for one that is damaged or out of proportion."""
        info = self.infos[name]
        if info.file_size > _LARGEST:
            size = f"{info.file_size >> 20} MiB"
            raise _unreadable(self.path, f"has {size} in {name}, more than any model's graph")
        try:
            with zipfile.ZipFile(self.path) as file:
                return file.read(info)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise _unreadable(self.path, f"is damaged ({name}: {error})") from error
        except OSError as error:
            raise _unreadable(self.path, f"is cut short or gone ({name}: {error})") from error

    def _stored(self, name: str) -> dict[str, Stored]:
        """Where the tensors of a model are, by their paths in it."""
        top, model = name.rpartition("models/")[0], PurePath(name).stem
        found: dict[str, Stored] = {}
        for folder, kind in (("weights", "weights"), ("constants", "constants")):
            listed = f"{top}data/{folder}/{model}_{kind}_config.json"
            if listed not in self.infos:
                continue
            for path, said in json.loads(self.bytes(listed))["config"].items():
                entry = f"{top}data/{folder}/{said['path_name']}"
                info = self.infos.get(entry)
                small = info is not None and info.file_size <= _VALUES and not said["use_pickle"]
                values = partial(self.bytes, entry) if small else None
                found[path] = Stored(f"{kind}/{said['path_name']}", said["tensor_meta"], values)
        return found


def as_told(archive: Archive, digest: str) -> Archive:
    """The archive if it still has this digest; raise `FileError` where the file has changed."""
    if archive.digest != digest:
        raise FileError("unreadable", archive.path, None, "has changed while it was read")
    return archive
