"""What a person reads on a terminal by way of rich: coloured source, Markdown, tables.

Nothing imports this for a pipe or a file.
"""

from __future__ import annotations

from functools import cache
from io import StringIO

from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.syntax import Syntax

from modellint.report.view import View

#: The colours that the terminal has been given, whichever those are.
_THEME = "ansi_dark"


def rendered(what: RenderableType, view: View) -> str:
    """A table, Markdown or text as a terminal of this view shows it."""
    text = StringIO()
    _console(text, view).print(what)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _console(file: StringIO, view: View) -> Console:
    """A console that writes into memory, as wide as the terminal."""
    return Console(
        file=file,
        width=view.room,
        force_terminal=view.color,
        color_system="standard" if view.color else None,
        no_color=not view.color,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        markup=False,
    )


def highlighted(code: str) -> str:
    """A line of Python in colours."""
    console = _colored()
    with console.capture() as captured:
        console.print(_highlighter().highlight(code), end="", soft_wrap=True)
    return captured.get().rstrip("\n")


def markdown(text: str, view: View) -> Markdown:
    """Markdown that a terminal is to show."""
    return Markdown(text, code_theme=_THEME, hyperlinks=view.links)


def python(code: str) -> Syntax:
    """Python source that a terminal is to show."""
    return Syntax(code, "python", theme=_THEME, background_color="default", word_wrap=True)


@cache
def _highlighter() -> Syntax:
    return python("")


@cache
def _colored() -> Console:
    return Console(
        file=StringIO(), force_terminal=True, color_system="standard", legacy_windows=False
    )
