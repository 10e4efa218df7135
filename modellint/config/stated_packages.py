"""Which packages a project says that it needs, in which versions, by the files that say so.

Read as far as a comparison needs: what two texts of one file say differently.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

#: `timm[extra] >= 1.0 ; python_version > "3.8"`, and conda's `timm=1.0`.
_REQUIREMENT = re.compile(
    r"\s*(?:-\s+)?['\"]?([A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*((?:[=<>!~@]|\().*)?"
)
_END = re.compile(r"\s*(?:;|\s#).*$|['\",]+$")

Packages = Mapping[str, str]


def package_changes(name: str, before: bytes, after: bytes) -> Iterator[tuple[str, str, str]]:
    """The packages of which a file says something else than before, with both; empty for nothing.

    A file that cannot be read says nothing.
    """
    then, now = _stated(name, before), _stated(name, after)
    for package in sorted({*then, *now}):
        if then.get(package) != now.get(package):
            yield package, then.get(package, ""), now.get(package, "")


def states_packages(name: str) -> bool:
    """Whether a file of this name says what a project needs."""
    return _reader(name) is not None


def _stated(name: str, data: bytes) -> Packages:
    reader = _reader(name)
    try:
        return {} if reader is None else dict(reader(data.decode("utf-8")))
    except (ValueError, AttributeError, TypeError, KeyError):
        return {}


def _reader(name: str) -> Callable[[str], Iterator[tuple[str, str]]] | None:
    if name in _READERS:
        return _READERS[name]
    return _lines if re.fullmatch(r"(requirements|constraints).*\.(txt|in)", name) else None


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        yield from _requirement(line)


def _requirement(line: str) -> Iterator[tuple[str, str]]:
    if line.lstrip().startswith(("#", "-r", "-c", "--", "[")):
        return
    found = _REQUIREMENT.fullmatch(_END.sub("", line))
    if found is not None:
        yield _canonical(found[1]), (found[2] or "any version").strip()


def _canonical(name: str) -> str:
    """A package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pyproject(text: str) -> Iterator[tuple[str, str]]:
    content = tomllib.loads(text)
    project = content.get("project", {})
    groups = [
        project.get("dependencies", []),
        *project.get("optional-dependencies", {}).values(),
        *content.get("dependency-groups", {}).values(),
    ]
    for one in (one for group in groups for one in group if isinstance(one, str)):
        yield from _requirement(one)
    poetry = content.get("tool", {}).get("poetry", {}).get("dependencies", {})
    for name, stated in poetry.items():
        version = stated.get("version", "any version") if isinstance(stated, dict) else stated
        yield _canonical(name), str(version)


def _lock(text: str) -> Iterator[tuple[str, str]]:
    packages: list[Any] = tomllib.loads(text).get("package", [])
    for one in packages:
        yield _canonical(one["name"]), f"=={one.get('version', '')}"


#: By the names of files; those of requirements are many.
_READERS: Mapping[str, Callable[[str], Iterator[tuple[str, str]]]] = {
    "pyproject.toml": _pyproject,
    "uv.lock": _lock,
    "poetry.lock": _lock,
    "environment.yml": _lines,
    "environment.yaml": _lines,
}
