"""What a reader asked to see of a report, besides the findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class View:
    """Which parts of a report are shown, and whether in colour."""

    color: bool = False
    layers: bool = False
    contract: bool = False
    statistics: bool = False
    quiet: bool = False

    def paint(self, text: str, **style: Any) -> str:
        """The text in a style of `click.style` where colour is wanted, else as it is."""
        return click.style(text, **style) if self.color else text

    def severity(self, severity: str, rule: str) -> str:
        """`warning[even-kernel]`, in the severity's colour."""
        return self.paint(severity, fg=_COLORS[severity], bold=True) + self.paint(
            f"[{rule}]", bold=True
        )


_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}
