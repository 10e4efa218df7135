"""The state of what a run reads, as short texts that are equal if nothing has changed.

The worker notes states before the linted file sees the things themselves; the front end asks again
later. `os` functions are bound here, since user code may replace them.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Iterable, Mapping
from importlib.machinery import all_suffixes
from os import O_RDONLY, DirEntry, close, listdir, read, readlink, scandir
from os import access as may_access
from os import lstat as link_stat_of
from os import open as open_file
from os import stat as stat_of
from os.path import join

from modellint.source.project_files import is_source

#: Files larger than this are known by size and date, in bytes.
_LARGE = 64 << 20
_CHUNK = 1 << 20
_SUFFIXES = tuple(all_suffixes())
_ABSENT = ""
#: The state of what is no file: a folder has no content of its own, a pipe or a device has another
#: one each time.
FOLDER = "folder"
SPECIAL = "special"
#: Where results are kept, unless it is said otherwise: what a run does there is no change.
CACHE = ".modellint_cache"
#: What installers leave for each distribution: its name with its version, or the way to it.
INSTALLED_MARKS = (".dist-info", ".egg-info", ".egg-link", ".egg", ".pth")


def digest(data: bytes) -> str:
    """The digest of bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def file_state(path: str) -> str:
    """What a file holds; empty where there is none that can be read."""
    try:
        found = stat_of(path)
        if not stat.S_ISREG(found.st_mode):
            # Reading a FIFO or a device would hang.
            return FOLDER if stat.S_ISDIR(found.st_mode) else SPECIAL
        if found.st_size > _LARGE:
            return f"{found.st_size} bytes of {found.st_mtime_ns}"
        return digest(_content(path))
    except (OSError, ValueError):
        return _ABSENT


def folder_state(path: str) -> str:
    """Which names a folder holds, and which are folders; empty where none can be listed."""
    return _entries(path, lambda entry: "/" if entry.is_dir() else "")


def dated_folder_state(path: str) -> str:
    """What a folder holds, with sizes and dates."""

    def dated(entry: DirEntry[str]) -> str:
        found = entry.stat(follow_symlinks=False)
        return f"\0{found.st_mode} {found.st_size} {found.st_mtime_ns}"

    return _entries(path, dated)


def distributions_state(path: str) -> str:
    """Which distributions a folder says that it holds."""
    return _entries(path, lambda entry: "", lambda name: name.endswith(INSTALLED_MARKS))


def sources_state(path: str) -> str:
    """Which names a folder holds that may concern a project's programs."""
    return _entries(path, lambda entry: "/" if entry.is_dir() else "", is_source)


def _entries(
    path: str,
    told: Callable[[DirEntry[str]], str],
    counts: Callable[[str], bool] = lambda name: name != CACHE,
) -> str:
    try:
        with scandir(path) as entries:
            names = [one.name + told(one) for one in entries if counts(one.name)]
    except (OSError, ValueError):
        return _ABSENT
    return digest("\0".join(sorted(names)).encode("utf-8", "surrogateescape"))


def kind_state(path: str) -> str:
    """Whether there is a file, a folder or a link, where it leads, and who may use it."""
    try:
        mode = stat_of(path).st_mode
    except (OSError, ValueError):
        mode = 0
    try:
        link = readlink(path)
    except (OSError, ValueError):
        link = ""
    # Every second bit of three: to read, to write, to run.
    rights = "".join(str(int(may_access(path, right))) for right in (4, 2, 1)) if mode else ""
    return f"{stat.S_IFMT(mode):o} {rights} {link}"


def dated_state(path: str) -> str:
    """The size and the date of a file or a folder."""
    try:
        found = link_stat_of(path), stat_of(path)
    except (OSError, ValueError):
        return _ABSENT
    return " ".join(f"{one.st_mode} {one.st_size} {one.st_mtime_ns}" for one in found)


State = Callable[[str], str]
#: What may be asked of a path, by the names that results keep; a file's content is `files`.
QUESTIONS: Mapping[str, State] = {
    "files": file_state,
    "folders": folder_state,
    "dated folders": dated_folder_state,
    "distributions": distributions_state,
    "sources": sources_state,
    "kinds": kind_state,
    "dates": dated_state,
}


def names_in(folder: str) -> frozenset[str]:
    """The names that a folder holds; none where it cannot be read."""
    try:
        return frozenset(listdir(folder))
    except (OSError, ValueError):
        return frozenset()


def importable(name: str, folder: str, names: Iterable[str]) -> list[str]:
    """What in a folder, which holds `names`, an import of a module of this name may mean.

    A folder of that name counts with the files that make it a package: one that gets such a file
    hides a module beside it.
    """
    held = names if isinstance(names, frozenset) else frozenset(names)
    found = [name + suffix for suffix in _SUFFIXES if name + suffix in held]
    found = [one for one in found if kind_of(join(folder, one)) == stat.S_IFREG]
    if name in held and kind_of(join(folder, name)) == stat.S_IFDIR:
        within = join(folder, name)
        starts = [f"__init__{suffix}" for suffix in _SUFFIXES]
        files = [one for one in starts if kind_of(join(within, one)) == stat.S_IFREG]
        found += [f"{name}/", *(f"{name}/{one}" for one in files)]
    return found


def is_checked(path: str) -> bool:
    """Whether Python reads the source of a compiled file to see if the two agree."""
    try:
        descriptor = open_file(path, O_RDONLY)
        try:
            head = read(descriptor, 8)
        finally:
            close(descriptor)
    except (OSError, ValueError):
        return True
    # The second word is 1 for a digest of the source that is never looked at.
    return head[4:] != b"\1\0\0\0"


def is_younger(path: str, source: str) -> bool:
    """Whether a compiled file was written after its source was last put or renamed into place.

    Else the two may differ though size and date agree, which is all that Python compares.
    """
    try:
        return stat_of(path).st_mtime_ns >= stat_of(source).st_ctime_ns
    except (OSError, ValueError):
        return True


def kind_of(path: str) -> int:
    """Of which kind a path is, as `stat` has it; none where there is nothing."""
    try:
        return stat.S_IFMT(stat_of(path).st_mode)
    except (OSError, ValueError):
        return 0


def _content(path: str) -> bytes:
    descriptor = open_file(path, O_RDONLY)
    try:
        parts = []
        while part := read(descriptor, _CHUNK):
            parts.append(part)
        return b"".join(parts)
    finally:
        close(descriptor)
