"""What a kernel gives the code of a notebook: names that are there, and an `await` at the top."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable, Mapping
from inspect import CO_COROUTINE
from types import CodeType
from typing import Any

#: The compiler's flag by which a statement of a notebook may await.
AWAITS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Shell:
    """IPython's shell as far as it matters while a model is loaded: whatever it does is nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


def _shell() -> Shell:
    return _SHELL


_SHELL = Shell()
#: The names that every kernel defines and no cell does.
NAMES: Mapping[str, Any] = {"display": _nothing, "get_ipython": _shell}


def run(code: CodeType, names: dict[str, Any]) -> None:
    """Run a statement in the names of its module; one that awaits is run to its end."""
    if code.co_flags & CO_COROUTINE:
        asyncio.run(eval(code, names))
    else:
        exec(code, names)
