"""What a reader asked to see of a report, besides the findings."""

from __future__ import annotations

from dataclasses import dataclass

from modellint.results.annotated import SizeStyle


@dataclass(frozen=True, slots=True)
class View:
    """Which parts of a report are shown, and whether in colour.

    `unsafe` counts fixes that change what a model computes among those that `--fix` makes. `sizes`
    is how those of the `annotated` source are written.
    """

    color: bool = False
    layers: bool = False
    contract: bool = False
    statistics: bool = False
    quiet: bool = False
    unsafe: bool = False
    annotated: bool = False
    sizes: SizeStyle = "both"

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

    def severity(self, severity: str, rule: str) -> str:
        """`warning[even-kernel]`, in the severity's colour."""
        return self.marked(severity, severity) + self.paint(f"[{rule}]", bold=True)


#: The colour of each severity in a terminal; any of `_CODES`.
_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}
#: Of ECMA-48, "select graphic rendition": what terminals have understood for forty years.
_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}
