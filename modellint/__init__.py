"""A linter for the architecture of PyTorch models.

`lint` checks a live module, `lint_paths` files, `trace` gives the graph that rules see, and
`assert_clean` is for tests. Names are loaded when they are first used, so that importing this
package imports neither torch nor anything else.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from modellint._version import __version__

if TYPE_CHECKING:
    from modellint.api import assert_clean, lint, lint_paths, trace
    from modellint.errors import FileError, ModellintError, NotAnalysed, PluginError, UsageError
    from modellint.graph import Graph, Module, Node, Parameter, Site, Tensor
    from modellint.results.findings import Diagnostic
    from modellint.results.models import Layer, ModelReport
    from modellint.results.report import Report
    from modellint.rules import Category, Finding, Rule, Skip, rule

__all__ = [
    "Category",
    "Diagnostic",
    "FileError",
    "Finding",
    "Graph",
    "Layer",
    "ModelReport",
    "ModellintError",
    "Module",
    "Node",
    "NotAnalysed",
    "Parameter",
    "PluginError",
    "Report",
    "Rule",
    "Site",
    "Skip",
    "Tensor",
    "UsageError",
    "__version__",
    "assert_clean",
    "lint",
    "lint_paths",
    "rule",
    "trace",
]

_HOMES = {
    "modellint.api": "assert_clean lint lint_paths trace",
    "modellint.errors": "FileError ModellintError NotAnalysed PluginError UsageError",
    "modellint.graph": "Graph Module Node Parameter Site Tensor",
    "modellint.results.findings": "Diagnostic",
    "modellint.results.models": "Layer ModelReport",
    "modellint.results.report": "Report",
    "modellint.rules": "Category Finding Rule Skip rule",
}
#: What documentation named before the package had rooms is still found under its old name.
__path__.append(os.path.join(__path__[0], "former"))  # noqa: PTH118 - pathlib is slow to import

_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'modellint' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
