"""What an editor's settings ask for: the options of the command line, by their names there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modellint.config.selection import unknown
from modellint.config.settings import Settings
from modellint.errors import UsageError
from modellint.protocol.limits import check_timeout, parse_memory
from modellint.results.annotated import SIZES, SizeStyle
from modellint.rules import SEVERITIES, Severity
from modellint.symbolic.specs import parse_input

#: How long nobody types before a text is linted, in seconds.
_PAUSE = 0.15


@dataclass(frozen=True)
class Options:
    """How to lint, and what to show: `hints` in which style, `None` for none; `lenses` or not.

    `pause` is how long nobody types before a text is linted, in seconds.
    """

    settings: Settings = field(default_factory=Settings)
    hints: SizeStyle | None = "both"
    lenses: bool = True
    pause: float = _PAUSE


def read_options(given: Any) -> Options:
    """Read what an editor sends; raise `UsageError`, with the key, for what cannot be.

    Keys are those of the command line, `extend-select` or `extendSelect`.
    """
    if given is None:
        return Options()
    if not isinstance(given, Mapping):
        raise UsageError("the settings of modellint are no table")
    made = Options()
    for key, value in given.items():
        name = re.sub(r"(?<=[a-z])([A-Z])", r"-\1", str(key)).lower()
        if name not in _READERS:
            raise UsageError(f"the settings of modellint: it {unknown('key', name, _READERS)}")
        if value is None:
            continue
        try:
            made = _READERS[name](made, value)
        except (TypeError, ValueError) as error:
            raise UsageError(f"the setting {key} of modellint: {error}") from error
        except UsageError as error:
            raise UsageError(f"the setting {key} of modellint: {error}") from error
    return made


def _texts(value: Any) -> tuple[str, ...]:
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(one, str) for one in texts):
        raise TypeError("give a text or a list of texts")
    return tuple(one.strip() for one in texts if one.strip())


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("give a text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("give true or false")
    return value


def _seconds(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError("give a number of seconds")
    return float(value)


def _with(made: Options, **changes: Any) -> Options:
    return replace(made, settings=replace(made.settings, **changes))


def _inputs(made: Options, value: Any) -> Options:
    specs = (value,) if isinstance(value, str) else _texts(value)
    for spec in specs:
        parse_input(spec)
    return _with(made, inputs=specs)


def _timeout(made: Options, value: Any) -> Options:
    seconds = _seconds(value)
    check_timeout(seconds)
    return _with(made, timeout=seconds)


def _level(made: Options, value: Any) -> Options:
    for level in SEVERITIES:
        if value == level:
            return _least(made, level)
    raise ValueError(f"give one of {', '.join(SEVERITIES)}")


def _least(made: Options, level: Severity) -> Options:
    return _with(made, min_severity=level)


def _hints(made: Options, value: Any) -> Options:
    if value in (False, "off"):
        return replace(made, hints=None)
    for style in SIZES:
        if value == style or (value is True and style == "both"):
            return replace(made, hints=style)
    raise ValueError(f"give one of {', '.join(SIZES)} or off")


def _pause(made: Options, value: Any) -> Options:
    seconds = _seconds(value)
    if not 0 <= seconds <= 10:
        raise ValueError("give 0 to 10 seconds")
    return replace(made, pause=seconds)


#: What an editor keeps there for itself: which server it starts, how much it logs.
_EDITORS = {"server": lambda made, value: made, "trace": lambda made, value: made}
_READERS = {
    **_EDITORS,
    "input": _inputs,
    "select": lambda made, value: _with(made, select=_texts(value) or None),
    "ignore": lambda made, value: _with(made, ignore=_texts(value)),
    "extend-select": lambda made, value: _with(made, extend_select=_texts(value)),
    "exclude": lambda made, value: _with(made, exclude=_texts(value)),
    "config": lambda made, value: _with(made, config=_text(value) or None),
    "isolated": lambda made, value: _with(made, isolated=_flag(value)),
    "python": lambda made, value: _with(made, python=_text(value) or None),
    "timeout": _timeout,
    "memory": lambda made, value: _with(made, memory=parse_memory(_text(value))),
    "min-severity": _level,
    "hints": _hints,
    "lenses": lambda made, value: replace(made, lenses=_flag(value)),
    "pause": _pause,
}
