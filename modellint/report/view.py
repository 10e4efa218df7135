"""What a reader asked to see of a report, besides the findings, and what the reader looks at."""

from __future__ import annotations

from dataclasses import dataclass

from modellint.results.annotated import SizeStyle

#: Columns that text is laid out for where nobody says how many there are: a pipe, a file.
_USUAL = 80


@dataclass(frozen=True, slots=True)
class View:
    """Which parts of a report are shown, and how.

    `unsafe` counts fixes that change what a model computes among those that `--fix` makes. `sizes`
    is how those of the `annotated` source and of the table of `layers` are written; `depth` is how
    many parts a layer's path has at most in that table, the rest being folded. `width` is there
    where a person reads it on a terminal of so many columns; without one the text goes into a pipe
    or a file, where the first line of a finding is kept whole. `links` says whether that terminal
    has them. `traceback` shows that of what user code raised.
    """

    color: bool = False
    layers: bool = False
    contract: bool = False
    statistics: bool = False
    quiet: bool = False
    unsafe: bool = False
    annotated: bool = False
    sizes: SizeStyle = "both"
    depth: int | None = None
    width: int | None = None
    links: bool = False
    traceback: bool = False

    @property
    def terminal(self) -> bool:
        """Whether a person reads it on a terminal."""
        return self.width is not None

    @property
    def room(self) -> int:
        """How many columns running text may take."""
        return self.width or _USUAL

    def paint(
        self, text: str, *, fg: str | None = None, bold: bool = False, dim: bool = False
    ) -> str:
        """The text in a colour, bold, faint or several of these where colour is wanted."""
        if not self.color:
            return text
        codes = [_CODES[fg]] if fg is not None else []
        codes += [1] * bold + [2] * dim
        return "".join(f"\x1b[{code}m" for code in codes) + f"{text}\x1b[0m"

    def marked(self, text: str, severity: str) -> str:
        """The text in the colour of a severity."""
        return self.paint(text, fg=_COLORS[severity], bold=True)

    def severity(self, severity: str, rule: str, page: str | None = None) -> str:
        """`warning[even-kernel]`, in the severity's colour, the rule a link to its page."""
        name = self.paint(f"[{rule}]", bold=True)
        return self.marked(severity, severity) + self.linked(name, page)

    def linked(self, text: str, address: str | None) -> str:
        """The text as a link, where the terminal has them (OSC 8)."""
        if not self.links or address is None:
            return text
        return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"


#: The colour of each severity in a terminal; any of `_CODES`.
_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}
#: Of ECMA-48, "select graphic rendition": what terminals have understood for forty years.
_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}
