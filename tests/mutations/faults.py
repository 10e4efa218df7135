"""What a planted fault is: a program that finds its places in a model and says what must be found.

A fault is a generator over a `Subject`, decorated with the rule that it is for. Each `Plan` that it
yields is one place: how a copy of the model is changed there, and which finding that must give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import nn

from modellint.graph import Graph, Node
from modellint.linting.plugins import load_rules
from modellint.rules import Severity

RULES = load_rules()


@dataclass(frozen=True)
class Plan:
    """One fault at one place of a model, not yet planted.

    `change` says what is done at `at`. `layer` is where the rule must then speak, without the
    number of a repeated call; of several changed layers, at one. `severity` is that of the rule's
    category unless the rule itself says otherwise. `implied` are other rules that rightly speak as
    well, each with the reason. `stops` tells that the model no longer runs: that is the fault.
    `options` are of the rules, for the clean model as well.
    """

    at: str
    change: str
    layer: str | tuple[str, ...]
    plant: Callable[[nn.Module], None] = field(repr=False)
    severity: Severity | None = None
    implied: Mapping[str, str] = field(default_factory=dict)
    stops: bool = False
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers at one of which the rule must speak."""
        return (self.layer,) if isinstance(self.layer, str) else self.layer


@dataclass(frozen=True)
class Subject:
    """A clean model with its graph and the shapes that it is fed."""

    model: nn.Module
    specs: tuple[str, ...]
    graph: Graph

    @cached_property
    def modules(self) -> Mapping[str, nn.Module]:
        """All modules by path; those that stand under several paths are left out."""
        named = list(self.model.named_modules(remove_duplicate=False))
        times: dict[int, int] = {}
        for _, module in named:
            times[id(module)] = times.get(id(module), 0) + 1
        return {path: module for path, module in named if times[id(module)] == 1}

    @cached_property
    def _counts(self) -> Mapping[str, int]:
        counts: dict[str, int] = {}
        for node in self.graph.calls():
            counts[node.module] = counts.get(node.module, 0) + 1
        return counts

    def layers(self, *kinds: type[nn.Module]) -> Iterator[tuple[str, Any, Node]]:
        """The layers of exactly these classes that are called once: path, module, operation.

        Those with weights that another layer shares or a parametrization makes are left out.
        """
        varying = self.graph.varying
        for node in self.graph.nodes:
            module = self.modules.get(node.module)
            if module is None or type(module) not in kinds or node.index not in varying:
                continue
            if node.key != node.module or not node.outputs or self._counts.get(node.module, 1) > 1:
                continue
            weight = node.arguments.get("weight")
            parameter = weight.parameter if isinstance(weight, Node) else None
            if isinstance(weight, Node) and (parameter is None or len(parameter.names) > 1):
                continue
            yield node.module, module, node

    @cached_property
    def owners(self) -> Sequence[tuple[str, nn.Module]]:
        """The modules with a forward of their own and with parameters, the model among them."""
        plain = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
        return [
            (path, module)
            for path, module in self.modules.items()
            if not isinstance(module, plain)
            and next(module.parameters(), None) is not None
            and not type(module).__module__.startswith("torch.nn.")
            and (not path or self.graph.modules[path].called)
        ]


Finder = Callable[[Subject], Iterator[Plan]]


@dataclass(frozen=True)
class Fault:
    """A kind of fault: its name, the rule that must find it, and the program that plants it."""

    name: str
    rule: str
    places: Finder = field(repr=False)


FAULTS: list[Fault] = []


def fault(rule: str) -> Callable[[Finder], Fault]:
    """Make a fault of a generator, which is named as its function is, in words."""

    def decorate(places: Finder) -> Fault:
        made = Fault(places.__name__.replace("_", " ").strip(), rule, places)
        FAULTS.append(made)
        return made

    return decorate
