"""Reads a revision out of git, into a folder of its own, and changes nothing of the repository.

The files come from git's objects (`ls-tree`, `cat-file`), as they were committed: there is no
checkout, and the work tree, the index and the refs are as they were before.
"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from modellint.errors import UsageError
from modellint.source.paths import absolute_path, shown_path

#: What is larger is left out: data, and no code or settings. In bytes.
_LARGEST = 64 << 20
#: What no model reads, of which a repository may have thousands: pages, pictures and their like,
#: and folders that hold no source of the project's.
_UNREAD = tuple(
    """.js .mjs .cjs .ts .tsx .jsx .map .css .scss .less .html .htm .svg .png .jpg .jpeg .gif .webp
    .ico .pdf .mp4 .mov .webm .woff .woff2 .ttf .otf .eot .gz .zip .whl""".split()
)
_APART = frozenset({"node_modules", "__pycache__", "site-packages"})
#: Errors that are of one file alone: its name, its length, what has its name already.
_OF_NAMES = frozenset(
    getattr(errno, name)
    for name in "ENAMETOOLONG EEXIST EISDIR ENOTDIR ENOENT EINVAL EILSEQ ELOOP".split()
)
_FILE, _PROGRAM, _LINK, _SUBMODULE = "100644", "100755", "120000", "160000"
#: How often submodules may hold submodules.
_DEEPEST = 5


class _Entry(NamedTuple):
    """A file of a tree: its mode and its object in git, its size, and its path with `/`."""

    mode: str
    object: str
    size: int
    path: str


@dataclass(frozen=True)
class Revision:
    """A commit of a repository: the folder of its work tree, and the commit's full name.

    `name` is what the user calls it, `date` when it was committed, in seconds.
    """

    root: str
    name: str
    commit: str
    date: int

    def write(self, folder: str) -> list[str]:
        """Write its files into an empty folder; sentences on what of it is not there."""
        return [*_written(self.root, self.commit, folder, self.date, 0)]


def find_revision(name: str, paths: Sequence[str]) -> Revision:
    """The commit that a revision stands for, in the repository that files or folders are in.

    Raises `UsageError` where there is no git, no repository, no such revision, or several
    repositories; and for a path outside of the one that counts.
    """
    roots = {path: _root_of(path) for path in paths}
    root = _one_of(roots)
    if name.startswith("-") or not name.strip() or "\0" in name:
        raise UsageError(f"--compare {name!r}: give a revision of git, such as HEAD or origin/main")
    base = name.removesuffix("...")
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    if base != name and not found.returncode:
        # As of `git diff main...`: where this branch left the other.
        found = _git(root, "merge-base", "HEAD", base)
    commit = found.stdout.decode().strip()
    if found.returncode or not commit:
        raise UsageError(_unknown(root, name))
    date = _git(root, "show", "--no-patch", "--format=%ct", commit)
    if date.returncode:
        raise UsageError(f"--compare {name}: git cannot read {commit[:12]}: {_said(date)}")
    return Revision(root, name, commit, int(date.stdout.decode().split()[-1]))


def _unknown(root: str, name: str) -> str:
    """Why a revision is not known, and what to do about it."""
    told = f"--compare {name}: {shown_path(root)} has no such revision"
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
        return f"{told}: it has no commit yet"
    if _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        remote, slash, branch = name.removesuffix("...").partition("/")
        fetch = f"{remote} {branch}:refs/remotes/{remote}/{branch}" if slash else f"origin {name}"
        return (
            f"{told} in its shallow clone: get it with git fetch --depth=1 {fetch}, or clone with "
            "all history (fetch-depth: 0 of actions/checkout)"
        )
    return f"{told}; git branch --all and git log list what there is, git fetch gets what is new"


def _one_of(roots: Mapping[str, str | None]) -> str:
    """The repository that all paths are in; where one is a submodule of another, the outer one."""
    outside = [path for path, root in roots.items() if root is None]
    if outside:
        raise UsageError(
            f"--compare: {shown_path(outside[0])} is in no git repository, so there is nothing "
            "to compare it with; --compare other.py::Net compares with a file"
        )
    found = sorted({root for root in roots.values() if root is not None}, key=len)
    here = _root_of(os.getcwd())  # noqa: PTH109
    first = here if here is not None and all(_is_in(path, here) for path in roots) else found[0]
    for path in roots:
        if not _is_in(path, first):
            raise UsageError(
                f"--compare: {shown_path(path)} is outside of the repository "
                f"{shown_path(first)}: compare them one at a time"
            )
    return first


def _is_in(path: str, root: str) -> bool:
    below = os.path.join(os.path.realpath(root), "")  # noqa: PTH118
    return os.path.join(os.path.realpath(path), "").startswith(below)  # noqa: PTH118


@cache
def _root_of(path: str) -> str | None:
    """The work tree that a path is in, by the name that the path has for it."""
    folder = path
    while not os.path.isdir(folder):  # noqa: PTH112
        folder = os.path.dirname(folder)  # noqa: PTH120
    asked = _git(folder, "rev-parse", "--show-cdup")
    if asked.returncode:
        if b"ownership" in asked.stderr:
            raise UsageError(f"--compare: git says of {shown_path(folder)}: {_said(asked)}")
        return None
    inside = _git(folder, "rev-parse", "--is-inside-work-tree").stdout.strip()
    if inside != b"true":
        return None
    # By the way that leads there, so that links stay what they are, unless one leads into it.
    up = asked.stdout.decode("utf-8", "surrogateescape").rstrip("\n")
    here = absolute_path(os.path.join(folder, up))  # noqa: PTH118
    real = absolute_path(os.path.join(os.path.realpath(folder), up))  # noqa: PTH118
    return here if os.path.realpath(here) == real else real


def _written(root: str, commit: str, folder: str, date: int, depth: int) -> Iterator[str]:
    """Write the files of a commit, those of its submodules included."""
    entries = [*_entries(root, commit)]
    kinds = (_FILE, _PROGRAM, _LINK)
    files = [one for one in entries if one.mode in kinds and _counts(one.path)]
    small = [one for one in files if one.size <= _LARGEST]
    for entry, data in zip(small, _contents(root, small), strict=True):
        yield from _put(folder, entry, data, date)
    for entry in files:
        if entry.size > _LARGEST:
            yield f"{entry.path} is left out, as it has more than {_LARGEST >> 20} MiB"
    for entry in entries:
        if entry.mode == _SUBMODULE and depth < _DEEPEST and _is_inside(entry.path):
            yield from _submodule(root, entry, folder, date, depth)
    # What marks the folder as one that a project starts at; it is no repository.
    os.makedirs(os.path.join(folder, ".git"), exist_ok=True)  # noqa: PTH103, PTH118


def _submodule(root: str, entry: _Entry, folder: str, date: int, depth: int) -> Iterator[str]:
    """Write the files of a submodule as the commit has it, from its own clone."""
    clone = os.path.join(root, entry.path)  # noqa: PTH118
    held = os.path.lexists(os.path.join(clone, ".git"))  # noqa: PTH118
    if not held or _git(clone, "cat-file", "-e", f"{entry.object}^{{commit}}").returncode:
        why = "is not checked out" if not held else f"has not fetched {entry.object[:12]}"
        yield f"the submodule {entry.path} {why}, so its files are not there"
        return
    inside = _made(folder, entry.path.split("/"))
    for told in _written(clone, entry.object, inside, date, depth + 1):
        yield f"{entry.path}: {told}"


def _entries(root: str, commit: str) -> Iterator[_Entry]:
    listed = _git(root, "ls-tree", "-r", "-z", "--full-tree", "--long", commit)
    if listed.returncode:
        raise UsageError(f"--compare: git cannot list {commit[:12]}: {_said(listed)}")
    for line in listed.stdout.split(b"\0"):
        about, tab, path = line.partition(b"\t")
        if tab:
            mode, _, name, size = about.decode().split()
            shown = path.decode("utf-8", "surrogateescape")
            yield _Entry(mode, name, int(size) if size.isdecimal() else 0, shown)


def _contents(root: str, entries: Sequence[_Entry]) -> Iterator[bytes | None]:
    """What files hold, in their order; `None` for an object that this clone has not got."""
    if not entries:
        return
    asked = "".join(f"{entry.object}\n" for entry in entries).encode()
    told = _git(root, "cat-file", "--batch", "--buffer", input_=asked)
    data, at = told.stdout, 0
    for entry in entries:
        end = data.find(b"\n", at)
        head = data[at:end].split()
        if end < 0 or len(head) != 3:
            if end >= 0 and head[-1:] == [b"missing"]:
                at = end + 1
                yield None
                continue
            raise UsageError(f"--compare: git cannot read {entry.path}: {_said(told)}")
        size = int(head[2])
        yield data[end + 1 : end + 1 + size]
        at = end + 1 + size + 1


def _counts(path: str) -> bool:
    """Whether a file may be one that models are made of; what is hidden is for other tools."""
    *folders, name = path.split("/")
    if not _is_inside(path) or any(one in _APART or one.startswith(".") for one in folders):
        return False
    return not name.lower().endswith(_UNREAD)


def _is_inside(path: str) -> bool:
    """Whether a path leads to something below where it starts; git itself checks out no other."""
    return {"", ".", ".."}.isdisjoint(path.split("/"))


def _put(folder: str, entry: _Entry, data: bytes | None, date: int) -> Iterator[str]:
    """Write one file; its date is that of the commit, the same in every run.

    What cannot be written for a reason of its own, such as its name, is told of and left out.
    """
    if data is None:
        yield f"{entry.path} is left out, as this clone has not got what it held"
        return
    *folders, name = entry.path.split("/")
    try:
        _write(os.path.join(_made(folder, folders), name), entry, data, date)  # noqa: PTH118
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in _OF_NAMES:
            raise
        why = error.strerror if isinstance(error, OSError) else error
        yield f"{entry.path} is left out, as it cannot be written: {why}"


def _write(path: str, entry: _Entry, data: bytes, date: int) -> None:
    """Write one file where there is none yet, not even a link."""
    if entry.mode == _LINK:
        os.symlink(os.fsdecode(data), path)  # noqa: PTH211 - as the others, asked for each file
        return
    with open(path, "xb") as file:  # noqa: PTH123
        file.write(data)
    if entry.mode == _PROGRAM:
        os.chmod(path, 0o755)  # noqa: PTH101
    os.utime(path, (date, date))


def _made(folder: str, names: Sequence[str]) -> str:
    """The folder of these names in a folder, made if need be; a link is none."""
    for name in names:
        folder = os.path.join(folder, name)  # noqa: PTH118
        try:
            os.mkdir(folder)  # noqa: PTH102
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(folder).st_mode):
                raise
    return folder


def _git(
    folder: str, *arguments: str, input_: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Ask git something in a folder; raise `UsageError` where there is no git."""
    try:
        return subprocess.run(
            ["git", "-C", folder, *arguments],
            input=input_,
            stdin=subprocess.DEVNULL if input_ is None else None,
            capture_output=True,
            env=_environment(),
            check=False,
        )
    except OSError as error:
        raise UsageError(f"--compare needs git, which cannot be started: {error}") from error


def _environment() -> dict[str, str]:
    """The environment of git: it takes no lock, asks nobody, and finds the repository by itself.

    A hook of git is told of a repository by variables, which may be another one.
    """
    local = (
        "GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_OBJECT_DIRECTORY GIT_COMMON_DIR "
        "GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_NAMESPACE"
    ).split()
    kept = {name: value for name, value in os.environ.items() if name not in local}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def _said(asked: subprocess.CompletedProcess[bytes]) -> str:
    lines = asked.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else "it does not say why"
