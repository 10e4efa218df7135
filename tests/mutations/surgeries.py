"""Faults of live models as the file of a user who exchanges layers of a library's model.

`self.model = torchvision.models.resnet18()` and `self.model.fc = nn.Linear(512, 10)`: what a
planted fault does to a model, in the words in which people do it.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from modellint.symbolic.specs import parse_input
from tests.zoo.models import Exhibit

from . import surgery
from .faults import Plan, Subject

#: The class in each file that holds the model.
HOLDER = "Changed"


class Unwritten(Exception):
    """A fault that nobody writes so; the message says why."""


def source_of(exhibit: Exhibit, subject: Subject, plan: Plan) -> str:
    """A file with a class that builds a model and exchanges its layers as a plan does.

    Raises `Unwritten` where a layer that is put there is none of `torch.nn` or of `surgery`.
    """
    mutant = copy.deepcopy(subject.model)
    writer = _Writer(mutant)
    plan.plant(mutant)
    changes = [*writer.changes(mutant)]
    imported, built = _constructed(exhibit)
    classes = [inspect.getsource(one) for one in writer.classes]
    lines = [imported, "from typing import Any", "from torch import Tensor, nn"]
    for one in classes:
        lines += ["", "", one.rstrip()]
    names = [spec.name for spec in map(parse_input, subject.specs)]
    given = [name or f"x{at}" for at, name in enumerate(names)]
    handed = [f"{name}={name}" if names[at] else name for at, name in enumerate(given)]
    lines += [
        "",
        "",
        f"class {HOLDER}(nn.Module):",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        f"        self.model = {built}",
        *(f"        {change}" for change in changes),
        "",
        f"    def forward(self, {', '.join(given)}):",
        f"        return self.model({', '.join(handed)})",
        "",
    ]
    return "\n".join(lines)


class _Writer:
    """Writes the layers that a model has after a change and had not before."""

    def __init__(self, model: nn.Module) -> None:
        named = [*model.named_modules(remove_duplicate=False)]
        self._model = model
        self._paths: dict[int, str] = {}
        for path, module in named:
            self._paths.setdefault(id(module), path)
        self._held = dict(named)
        self._shown = {path: repr(module) for path, module in named if not [*module.children()]}
        self.classes: list[type[nn.Module]] = []

    def changes(self, model: nn.Module) -> Iterator[str]:
        """The statements after which a model is what this one has become."""
        yield from self._listed(model)
        for path, module in model.named_modules(remove_duplicate=False):
            if self._is_within_new(path):
                continue
            target = self._place(path)
            if path not in self._held or self._held[path] is not module:
                yield f"{target} = {self._written(module)}"
            elif path in self._shown and self._shown[path] != repr(module):
                yield f"{target} = {_constructor(module)}"

    def _is_within_new(self, path: str) -> bool:
        """Whether a module around this one is new: it is written there."""
        while "." in path:
            path = path.rpartition(".")[0]
            old = self._held.get(path)
            if old is None or old is not self._model.get_submodule(path):
                return True
        return False

    def _listed(self, model: nn.Module) -> Iterator[str]:
        """Of an attribute that was a list of modules and now is none: that it becomes a list."""
        for path, module in self._held.items():
            parent, _, name = path.rpartition(".")
            if path and isinstance(self._held[parent].__dict__.get(name), list):
                assert isinstance(module, nn.ModuleList)
                target = self._place(path)
                yield f"{name} = [*{target}]"
                yield f"del {target}"
                yield f"{target} = {name}"

    def _written(self, module: nn.Module) -> str:
        """The expression that gives a module."""
        if id(module) in self._paths:
            return self._place(self._paths[id(module)])
        if type(module) is nn.Sequential:
            return f"nn.Sequential({', '.join(map(self._written, module))})"
        if type(module).__module__ == surgery.__name__:
            return self._of_surgery(module)
        return _constructor(module)

    def _of_surgery(self, module: nn.Module) -> str:
        cls = type(module)
        if cls not in self.classes:
            self.classes.append(cls)
        given: Sequence[str] = ()
        if isinstance(module, surgery.Folded):
            given = [*map(str, module.tail)]
        elif isinstance(module, surgery.Listed):
            given = [self._written(module.layers[0])]
        elif isinstance(module, (surgery.Dropped, surgery.Levels)):
            given = [self._written(module.layer)]
        return f"{cls.__name__}({', '.join(given)})"

    def _place(self, path: str) -> str:
        """How a module of the model is written."""
        written, at = "self.model", ""
        for part in path.split(".") if path else ():
            holder = self._held[at]
            if part.isidentifier():
                written += f".{part}"
            elif isinstance(holder, (nn.Sequential, nn.ModuleList)):
                written += f"[{[*holder._modules].index(part)}]"
            elif isinstance(holder, nn.ModuleDict):
                written += f"[{part!r}]"
            else:
                raise Unwritten(f"{part} is no attribute")
            at = f"{at}.{part}" if at else part
        return written


def _constructor(layer: nn.Module) -> str:
    """The call that makes a layer of `torch.nn`, as its representation has it."""
    if type(layer).__module__.rpartition(".")[0] != "torch.nn.modules" or [*layer.children()]:
        raise Unwritten(f"{type(layer).__name__} is no layer of torch.nn")
    # torch shows a padding that has a name without its quotes, and numbers an axis.
    text = f"nn.{layer!r}".replace("=same", "='same'")
    return re.sub(r"\((\d+), \1(?:, \1)?\)", r"\1", text)


def _constructed(exhibit: Exhibit) -> tuple[str, str]:
    """What the file imports to build a model of the zoo, and the expression that builds it."""
    make: Any = exhibit.make
    given = ", ".join([
        *map(repr, make.args[1:]),
        *(f"{name}={value!r}" for name, value in make.keywords.items()),
    ])  # fmt: skip
    name = make.args[0] if make.args else None
    if exhibit.family == "torchvision":
        return "import torchvision", f"torchvision.models.get_model({name!r}, {given})"
    if exhibit.family == "timm":
        return "import timm", f"timm.create_model({name!r}, {given})"
    if exhibit.family == "pytorchcv":
        imported = "from pytorchcv.model_provider import get_model"
        return imported, f"get_model({name!r}, {given})"
    if exhibit.family == "smp":
        cls = make.func.__name__
        return "import segmentation_models_pytorch as smp", f"smp.{cls}({given})"
    if exhibit.family == "transformers":
        name, config, overrides = make.args
        values = ", ".join(f"{key}={value!r}" for key, value in overrides.items())
        return f"from transformers import {config}, {name}", f"{name}({config}({values}))"
    path, cls = make.args
    return path.read_text("utf-8"), f"{cls}()"
