"""The rule dropped-result."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import prod

from modellint import Finding, Graph, Node, Site, Skip, rule
from modellint.facts.source_facts import call_statement, called_name, calls_tensor
from modellint.facts.usage import unused_modules
from modellint.facts.wording import named
from modellint.fixes import Assign, Fix, Without

#: What writes into a tensor that others may hold.
_WRITES = frozenset(["copy", "update", "index_put", "set"])
#: What a module holds.
_LEAVES = frozenset(["parameter", "buffer", "constant"])
#: Longer calls are not written out.
_LONGEST = 60
#: What is said where no change of the line alone keeps it.
_ASSIGN = "assign what it gives to what the next line reads"
_LEAVE = f"{_ASSIGN}, or leave it out"


@rule("suspicious")
def dropped_result(graph: Graph) -> Iterator[Finding | Skip]:
    """A statement of the forward computes a tensor and drops it.

    `F.relu(x)` or `x.permute(0, 2, 1)` as a whole line changes nothing: both give a new tensor, and
    `x` stays as it was. Reported is such a line where no other operation reads what it computes, no
    output is it, and it writes into no tensor that is there already.

    **Why it matters.** The model runs without the step that its author wrote: without the
    activation two linear layers are one, without the permutation the next layer mixes the wrong
    axis. Most methods of a tensor return a new one; those that change it end in an underscore
    ("In-place operations", documentation of `torch.Tensor`).

    **When it is fine** (silent): operations in place (`x.relu_()`, `inplace=True`, `out=`), what
    only asks for a shape or a value, prints, assertions, logging, a call that a `try` waits to see
    fail, what a module keeps in a buffer. A layer with parameters whose result is dropped is told
    of by `unused-module`. There are no options.
    """
    for site in _unread(graph):
        statement = call_statement(graph, site)
        if statement is None or _in_place(statement):
            continue
        group = [node for node in graph.nodes if node.call == site]
        if (
            not _is_run_by(graph, site, statement, group)
            or _seen(graph, group)
            or _unused(graph, group)
        ):
            continue
        layers = [node for node in group if node.type != node.op and node.is_layer]
        parts = [node for node in group if node.op != "unpack"]
        yield _finding((layers or parts)[-1], statement)


def _unread(graph: Graph) -> list[Site]:
    """The places of the forward that compute what nothing reads and no result is."""
    kept = {node.index for node in (*graph.outputs, *graph.kept)}
    found: dict[Site, None] = {}
    for node in graph.computed:
        if node.call is None or graph.readers(node) or not node.outputs:
            continue
        if node.index in graph.varying and node.index not in kept:
            found[node.call] = None
    return list(found)


def _in_place(statement: ast.Call) -> bool:
    """Whether the call says itself that it changes what it is given."""
    return called_name(statement).endswith("_") or any(
        word.arg == "out" for word in statement.keywords
    )


def _is_run_by(graph: Graph, site: Site, statement: ast.Call, group: Sequence[Node]) -> bool:
    """Whether the call is an operation or a layer, not one that prints or logs what it is given."""
    if any(node.type != node.op for node in group):
        return True
    func = statement.func
    name = func.attr if isinstance(func, ast.Attribute) else called_name(statement)
    return any(
        calls_tensor(graph, site, statement, node.input.op in _LEAVES)
        for node in group
        if node.op == name
    )


def _seen(graph: Graph, group: Sequence[Node]) -> bool:
    """Whether what a line does is seen elsewhere: read, kept, or written into what was there."""
    own = {node.index for node in group}
    kept = {node.index for node in (*graph.outputs, *graph.kept)}
    for node in group:
        if node.index in kept or node.op in _WRITES:
            return True
        if any(reader.index not in own for reader in graph.readers(node)):
            return True
        if node.arguments.get("inplace") and node.input.index not in own:
            return True
    return False


def _unused(graph: Graph, group: Sequence[Node]) -> bool:
    """Whether a module that no result depends on is what the line runs."""
    paths = [unused.module.path for unused in unused_modules(graph) if unused.called]
    return any(f"{node.module}.".startswith(f"{path}.") for path in paths for node in group)


def _finding(call: Node, statement: ast.Call) -> Finding:
    written = ast.unparse(statement)
    target = _target(statement)
    if target is None or len(written) > _LONGEST:
        change = _ASSIGN
    elif call.input.output.symbolic == call.output.symbolic:
        change = f"{target} = {written} keeps it"
    else:
        change = f"{target} = {written} keeps it; what follows then reads {call.output}"
    return Finding(
        call,
        f"{named(call)} computes {call.output}, here {prod(call.output.example):,} values, and "
        "nothing reads them: the line keeps no result and changes none",
        help=change,
        fix=_fix(call, target),
    )


def _fix(call: Node, target: str | None) -> Fix:
    """The result is kept; where that does not run, the line goes, which changes nothing."""
    without = Fix(f"without {named(call)}", [Without(call)], otherwise=_ASSIGN, help=_LEAVE)
    if target is None:
        return without
    return Fix(f"{target} = …", [Assign(call)], otherwise=_ASSIGN, instead=without)


def _target(statement: ast.Call) -> str | None:
    """The variable that the call is given: of a method its tensor, else its first argument."""
    receiver = statement.func.value if isinstance(statement.func, ast.Attribute) else None
    given = statement.args[0] if statement.args else None
    for one in (given, receiver):
        if isinstance(one, ast.Name) and one.id not in ("self", "F", "torch", "nn"):
            return one.id
    return None


dropped_result.flags(
    model="""
        self.fc1 = nn.Linear(16, 32)
        self.fc2 = nn.Linear(32, 10)

        def forward(self, x):
            x = self.fc1(x)
            F.relu(x)
            return self.fc2(x)
    """,
    input="2,16",
    layers=["relu@14"],
    severity="warning",
)
dropped_result.flags(
    model="""
        self.act = nn.ReLU()
        self.conv = nn.Conv1d(16, 32, 3, padding=1)

        def forward(self, x):
            x = x + 1
            x.transpose(1, 2)
            self.act(x)
            (x + 1).tanh()
            torch.exp(x).clamp(max=1)
            return self.conv(x)
    """,
    input="2,16,16",
    layers=["act", "clamp@16", "tanh@15", "transpose@13"],
)
# What a line does in place, asks, prints or keeps.
# Printing reads values, by operations of its own.
dropped_result.allows(
    """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)

        def forward(self, x):
            x = self.conv(x)
            print(x)
            return x.relu()


    if __name__ == "__main__":
        Net()(torch.rand(2, 3, 8, 8))
    """
)
dropped_result.allows(
    model="""
        self.fc = nn.Linear(16, 10)
        self.act = nn.ReLU(inplace=True)
        self.register_buffer("seen", torch.zeros(10))
        self.features = []

        def forward(self, x):
            x = self.fc(x)
            self.act(x)
            F.relu(x, inplace=True)
            x.add_(1)
            x[:, 0].zero_()
            torch.exp(x, out=x)
            x.transpose(0, 1).size()
            print(x.relu().shape)
            self.features.append(x.sigmoid())
            self.seen.copy_(x.mean(0))
            try:
                x.view(-1, 16)
            except RuntimeError:
                pass
            return x
    """,
    input="2,16",
)
# What is called as an operation is, and keeps what it is given.
dropped_result.allows(
    """
    import torch
    from torch import nn


    class Meter:
        def __init__(self):
            self.total = 0

        def add(self, value):
            self.total = self.total.add(value) if torch.is_tensor(self.total) else value


    meter = Meter()


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 10)
            self.meter = Meter()

        def forward(self, x):
            x = self.fc(x)
            meter.add(x)
            self.meter.add(x)
            self.meter.add(x)
            return x.relu()


    if __name__ == "__main__":
        Net()(torch.rand(2, 16))
    """
)
# Results that are given a name; a layer with parameters, of which another rule tells.
dropped_result.allows(
    model="""
        self.fc = nn.Linear(16, 16)
        self.other = nn.Linear(16, 16)

        def forward(self, x):
            high, where = x.max(1)
            unused = self.fc(x).tanh()
            self.other(x)
            return self.fc(x) + high[:, None]
    """,
    input="2,16",
)
