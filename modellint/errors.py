"""The exceptions that modellint raises, one family.

Every message is a sentence that names the file or model and says what to do. `FileError` and
`NotAnalysed` are values of a run as much as exceptions: the engine turns the first into an entry
of `errors` (exit status 1) and the second into a model of status `not-analysed` (exit status 0).
"""

from __future__ import annotations


class ModellintError(Exception):
    """The base of everything modellint raises on purpose."""


class UsageError(ModellintError):
    """The command line or a call of the API asks for something impossible."""


class WorkerError(ModellintError):
    """The process that runs user code does not start, through no fault of the linted files."""


class PluginError(ModellintError):
    """A rule, or the plugin that brings it, does not load or raises."""


class FileError(ModellintError):
    """A user's file, or a model in it, fails by its own fault.

    `kind` is one of the kinds of the JSON report: `syntax-error`, `encoding-error`, `import-error`,
    `build-error`, `trace-error`, `timeout`, `crash`, `memory-limit`, `unreadable`.
    `line` counts from 1; `None` stands for the whole file. With a `cell` of a notebook, counted
    over code cells from 1, it is the line in that. `origin` is the exception of user code behind
    it, where that is another than its cause.
    """

    def __init__(
        self,
        kind: str,
        path: str,
        line: int | None,
        message: str,
        *,
        cell: int | None = None,
        origin: BaseException | None = None,
    ) -> None:
        place = f"{path}:" if cell is None else f"{path}:cell {cell}:"
        super().__init__(f"{place}{line or 1}: {kind}: {message}")
        self.kind = kind
        self.path = path
        self.line = line
        self.message = message
        self.cell = cell
        self.origin = origin


class NotPython(FileError):
    """A notebook is written in another language: there is nothing to lint, and no fault."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__("unreadable", path, None, message)


class NotAnalysed(ModellintError):
    """A model needs something its author may have and this run has not: arguments, a package.

    `elsewhere` tells what is missing on this machine, such as a package or the network, from what
    the file does not say.
    """

    def __init__(self, reason: str, line: int | None = None, *, elsewhere: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.elsewhere = elsewhere


def in_words(value: object) -> str:
    """What a value is, for a message: `a DataLoader`, `an int`, `the class Net`, `None`."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"an {name}" if name[:1].lower() in {*"aeiou"} else f"a {name}"


def shown(value: object) -> str:
    """A value in a message: itself where it is short and plain, else what it is.

    Nothing of the value's own code runs, which may raise.
    """
    if type(value) not in (str, bytes, int, float, bool):
        return in_words(value)
    text = repr(value)
    return text if len(text) < 80 else f"{text[:76]}…"
