"""The whole file of an example, written around what differs from one example to the next."""

from __future__ import annotations

import re
from textwrap import dedent, indent

from modellint.errors import PluginError

_MORE = re.compile(r"^(?:import|from|class)\b", re.M)
_METHOD = re.compile(r"^(?:def|async def|@)", re.M)
_LAYER = re.compile(r"^self\.(\w+) = ", re.M)
_FUNCTIONAL = re.compile(r"\bF\.")


def example_file(model: str, arguments: str) -> str:
    """A file with a class `Net` of this body, which calls it on these arguments.

    What stands before the first `def` is what `__init__` does, unless the body has its own
    `__init__`. Without a `forward` the layers run one after the other, in the order in which
    `self` gets them. Raises `PluginError` for what is no body of a class, or has nothing to run.
    """
    body = dedent(model).strip("\n").rstrip()
    if _MORE.search(body):
        raise PluginError(
            "an example's `model` is the body of one class; imports and further classes need a "
            "whole file"
        )
    functional = "import torch.nn.functional as F\n" if _FUNCTIONAL.search(body) else ""
    return (
        f"import torch\n{functional}from torch import nn\n\n\n"
        f"class Net(nn.Module):\n{indent(_methods(body), '    ')}\n\n\n"
        f'if __name__ == "__main__":\n    Net()({arguments})\n'
    )


def _methods(body: str) -> str:
    """The methods of the class, `__init__` and `forward` among them."""
    first = _METHOD.search(body)
    start = first.start() if first else len(body)
    built, methods = body[:start].strip("\n"), body[start:]
    layers = _LAYER.findall(built)
    if built and not _defines(methods, "__init__"):
        built = f"def __init__(self):\n    super().__init__()\n{indent(built, '    ')}"
    parts = [part for part in (built, methods) if part]
    if not _defines(methods, "forward"):
        parts.append(f"def forward(self, x):\n    return {_chain(layers)}")
    return "\n\n".join(parts)


def _defines(methods: str, name: str) -> bool:
    return re.search(rf"^def {name}\b", methods, re.M) is not None


def _chain(layers: list[str]) -> str:
    """The call of layers one after the other: `self.second(self.first(x))`."""
    if not layers:
        raise PluginError(
            "an example's `model` has no `forward`, and no line `self.name = ...` to make one of"
        )
    called = "x"
    for layer in layers:
        called = f"self.{layer}({called})"
    return called
