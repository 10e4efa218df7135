"""How much memory a file's process may take, and how that is written: `8G`, `512M`."""

from __future__ import annotations

import re

from modellint.errors import UsageError

try:
    import resource
except ImportError:  # Not on Windows, where memory is not limited.
    resource = None  # type: ignore[assignment]

#: The default limit of a file, in bytes.
MEMORY = 8 << 30
#: Less than this and modellint's own work would not fit.
_LEAST = 64 << 20
#: What the handler of a MemoryError may take besides: explaining one needs some memory itself.
_RESERVE = 256 << 20
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
#: The soft limit of this process, where `limit_memory` set one: a live model's process has none.
_soft: list[int] = []
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def parse_memory(text: str) -> int:
    """The bytes that a limit such as `8G`, `512M`, `1.5GiB` or `4000000000` stands for.

    Units are powers of 1024. Raises `UsageError` for what is no size, and for less than 64M.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no amount of memory; write it as 8G or 512M")
    number = int(float(match[1]) * (1 << _UNITS[match[2].upper()]))
    if number < _LEAST:
        raise UsageError(f"{text} of memory is too little to lint anything; the least is 64M")
    return number


def shown_memory(number: int) -> str:
    """A number of bytes in the largest unit that keeps it short: `8 GiB`, `1.5 GiB`."""
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20)):
        if number >= 1 << power:
            return f"{number / (1 << power):.4g} {unit}"
    return f"{number} bytes"


def limit_memory(number: int) -> None:
    """Let this process map so many bytes more than it has mapped by now.

    To be called when torch is imported: its libraries alone map from half a gigabyte to several.
    Where the system keeps no such limit, macOS and Windows, there is none.
    """
    mapped = _mapped()
    if mapped is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = mapped + number + _RESERVE
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    _soft[:] = [min(mapped + number, most)]
    resource.setrlimit(resource.RLIMIT_AS, (_soft[0], most))


def lift_memory() -> None:
    """Give the handler of a MemoryError what the limit of this process keeps back."""
    if _soft:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def lowered_memory() -> bool:
    """Keep the reserve back again; whether it had been given."""
    if not _soft:
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (min(_soft[0], hard), hard))
    return soft == hard


def leave_no_core() -> None:
    """Let a crash of this process write no core file, which would lie in the user's project."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _mapped() -> int | None:
    if resource is None:
        return None
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - Path is slower by ten times
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:  # macOS, whose RLIMIT_AS does nothing either.
        return None
