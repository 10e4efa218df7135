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
#: Less than this and modellint's own work would not fit; more, and the system cannot count it.
_LEAST, _MOST = 64 << 20, 1 << 60
#: Longer than this, in seconds, and the functions that wait cannot count it either.
_LONGEST = 1e9
#: What the handler of a MemoryError may take besides: explaining one needs some memory itself.
_RESERVE = 256 << 20
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
#: The soft limit of this process, where `limit_memory` set one: a live model's process has none.
_soft: list[int] = []
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def parse_memory(text: str) -> int:
    """The bytes that a limit such as `8G`, `512M`, `1.5GiB` or `4000000000` stands for.

    Units are powers of 1024. Raises `UsageError` for what is no size, for less than 64M, and for
    more than any machine has.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no amount of memory; write it as 8G or 512M")
    number = float(match[1]) * (1 << _UNITS[match[2].upper()])
    if number < _LEAST:
        raise UsageError(f"{text} of memory is too little to lint anything; the least is 64M")
    if number > _MOST:
        raise UsageError(f"{text} of memory is more than there can be; the most is 1048576T")
    return int(number)


def check_timeout(seconds: float) -> None:
    """Raise `UsageError` for what is no time that a file may take, such as 0 or infinity."""
    if not 0 < seconds < _LONGEST:
        raise UsageError(f"a timeout of {seconds:g} seconds: give a number above 0 and below 1e9")


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
