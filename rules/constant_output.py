"""The rule constant-output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.usage import results, training
from modellint.facts.wording import named, times
from modellint.fixes import Fix, Instead, Without, set_arguments
from modellint.graph.operations import DROPOUTS, descends, varying_inputs

_SOFTMAXES = ("softmax", "log_softmax", "softmin")
#: Sums of products: of nothing, where an axis that they add up along is empty.
_PRODUCTS = (
    "linear", "bilinear", "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum",
    "conv1d", "conv2d", "conv3d",
)  # fmt: skip


@rule("correctness")
def constant_output(graph: Graph) -> Iterator[Finding | Skip]:
    """A value of the forward is the same for every input, by its form.

    Looked at are a softmax or log-softmax over an axis of one value (always 1, or 0), a dropout
    with p = 1 (always 0 in training), a product along an empty axis, as `channels // 16` makes it
    of 8 channels (the bias alone), and a layer or group norm over a single value, from which it
    subtracts that value. An error where an output of the model depends on the input by nothing
    else; a warning where the constant goes into an output among other things.

    **Why it matters.** Nothing fails: the loss is a number, and never changes. No gradient passes a
    constant, so that whatever computes its input stays as it was initialised. A classifier with one
    logit and a softmax predicts its class with probability 1.

    **When it is fine** (silent): sizes that are 1 for some inputs only, such as the batch or the
    length of a sequence. Ignore it where a setting is 1 on purpose, as one expert or one head of a
    family of models. There are no options.
    """
    complete = [call for call in graph.calls(*DROPOUTS) if _drops_all(graph, call)]
    found = dict(_constants(graph, complete))
    if graph.counted:
        for call in found:
            yield Skip(call, f"this run fixed {', '.join(sorted(graph.counted))}")
        return
    fixed = _following(graph, found)
    for call, effect in found.items():
        if call.index in results(graph):
            yield _finding(graph, call, effect, fixed)
    dropped = [call for call in complete if call not in found and call.index in results(graph)]
    if not dropped:
        return
    trained = training(graph)
    if isinstance(trained, str):
        for call in dropped:
            yield Skip(call, f"what it does in training is not traced: {trained}")
        return
    complete = [call for call in trained.calls(*DROPOUTS) if _drops_all(trained, call)]
    there = {call.key: (call, effect) for call, effect in _constants(trained, complete)}
    fixed = _following(trained, [call for call, _ in there.values()])
    for call in dropped:
        if call.key in there and there[call.key][0].index in results(trained):
            yield _finding(trained, *there[call.key], fixed, call)


def _constants(graph: Graph, dropouts: list[Node]) -> Iterator[tuple[Node, str]]:
    """The calls that give the same for every input, each with what it does, in words.

    `dropouts` are those with p = 1, of which some do nothing in evaluation mode.
    """
    # An axis is empty where a layer was built with no features.
    empty = any(0 in parameter.shape for parameter in graph.parameters)
    ops = (*_SOFTMAXES, "layer_norm", "group_norm", *(_PRODUCTS if empty else ()))
    for call in (*graph.calls(*ops), *dropouts):
        if call.index not in graph.varying or not call.outputs or not call.inputs:
            continue
        effect = _effect(call)
        if effect is not None and call.output.known and call.input.output.known:
            yield call, effect


def _effect(call: Node) -> str | None:
    """What a call does that makes its result a constant; `None` where it is none."""
    source = call.input.output
    if call.op in _SOFTMAXES:
        # Arguments are read only where they may matter, here and below.
        axis = _axis(call) if 1 in source.shape else None
        if axis is None or source.symbolic[axis] != 1:
            return None
        value = 0 if call.op == "log_softmax" else 1
        return f"runs over axis {axis} of {source}, which holds one value, and gives {value}"
    if call.op in DROPOUTS:
        trained = call.arguments.get("training")
        return f"drops all of {source} with p=1, and gives 0" if trained else None
    if call.op in _PRODUCTS:
        return _empty_sum(call)
    if call.op == "layer_norm":
        if source.shape[-1] != 1:
            return None
        shape = call.arguments.get("normalized_shape")
        if not isinstance(shape, (tuple, list)) or any(size != 1 for size in shape):
            return None
        counted = source.symbolic[-len(shape) :] if shape else ()
    else:
        if any(size != 1 for size in source.shape[2:]):
            return None
        if len(source.shape) < 2 or source.shape[1] != call.arguments.get("num_groups"):
            return None
        counted = (1, *source.symbolic[2:])
    if not counted or any(size != 1 for size in counted):
        return None
    gives = "its bias" if isinstance(call.arguments.get("bias"), Node) else "0"
    return f"normalises single values of {source}, each by itself, and gives {gives}"


def _empty_sum(call: Node) -> str | None:
    for node in call.inputs[:2]:
        if node.outputs and 0 in node.output.shape and 0 in node.output.symbolic:
            if 0 in call.output.symbolic:
                return None
            what = "its bias" if isinstance(call.arguments.get("bias"), Node) else "0"
            return f"adds up products along an empty axis of {node.output}, and gives {what}"
    return None


def _axis(call: Node) -> int | None:
    rank = len(call.input.output.shape)
    given = call.arguments.get("dim")
    if not rank:
        return None
    if isinstance(given, int):
        return given % rank
    return 0 if rank in (1, 3) else 1


def _drops_all(graph: Graph, call: Node) -> bool:
    p = call.arguments.get("p")
    return isinstance(p, (int, float)) and p >= 1 and call.index in graph.varying


def _following(graph: Graph, constants: Mapping[Node, str] | list[Node]) -> frozenset[int]:
    """The indices of the nodes that depend on the input through constants alone."""
    if not constants:
        return frozenset()
    fixed = {call.index for call in constants}
    for node in graph.computed:
        sources = varying_inputs(graph, node)
        if sources and all(source.index in fixed for source in sources):
            fixed.add(node.index)
    return frozenset(fixed)


def _finding(
    graph: Graph, call: Node, effect: str, fixed: frozenset[int], at: Node | None = None
) -> Finding:
    whole = [
        output
        for output in graph.outputs
        if output.outputs and output.index in fixed and descends(graph, output, call)
    ]
    when = "in training " if at is not None else ""
    if whole:
        rest = f"{when}the model's output {whole[0].output} is the same for every input"
    else:
        rest = f"{when}it is the same for every input, and passes no gradient"
    told, fix = _help(at or call)
    return Finding(
        at or call,
        f"{named(call)} {effect}: {rest}",
        help=told,
        fix=fix,
        severity=None if whole else "warning",
    )


def _help(call: Node) -> tuple[str, Fix | None]:
    """What was meant, in words and, where an argument does it, as a change."""
    words, dim = _words(call)
    if dim is not None:
        return words, set_arguments(call, dim=dim)
    if call.op in _SOFTMAXES:
        layer, step = ("LogSigmoid", "logsigmoid") if call.op == "log_softmax" else (
            "Sigmoid", "sigmoid"
        )  # fmt: skip
        change = Instead(call, f"nn.functional.{step}({{}})", f"nn.{layer}()")
        return words, Fix(f"nn.{layer}()", [change], otherwise=words)
    if call.op in _PRODUCTS:
        return words, None
    return words, Fix(f"without {named(call)}", [Without(call)], otherwise=words)


def _words(call: Node) -> tuple[str, int | None]:
    """What was meant, and the axis that a softmax takes then."""
    source = call.input.output
    if call.op in _SOFTMAXES:
        axis = _axis(call)
        others = [at for at, size in enumerate(source.symbolic) if at and size != 1 and at != axis]
        # Axis 1 of a map holds its classes; the last axis of a sequence may have been taken for it.
        if others and axis != 1:
            size = source.symbolic[others[0]]
            told = f"dim={others[0]} makes the {size} values of axis {others[0]} add up to 1"
            return told, others[0]
        kind = "logsigmoid" if call.op == "log_softmax" else "sigmoid"
        return f"{kind} makes a probability of one logit; a softmax wants one logit a class", None
    if call.op in DROPOUTS:
        return "p is the part that is dropped: to keep everything, leave it out", None
    if call.op in _PRODUCTS:
        return "at least one feature between the layers, as max(1, channels // ratio) gives", None
    size = times(source.example[1:])
    if prod(source.example[1:]) == 1:
        return "leave it out: there is nothing else to normalise the value by", None
    return f"leave it out, or normalise more than one of a sample's {size} values at a time", None


constant_output.flags(
    model="""
        self.fc = nn.Linear(16, 1)
        self.softmax = nn.Softmax(dim=1)
    """,
    input="2,16",
    layers=["softmax"],
    severity="error",
)
# A segmentation of one class.
constant_output.flags(
    model="""
        self.conv = nn.Conv2d(3, 1, 3, padding=1)

        def forward(self, x):
            return F.log_softmax(self.conv(x), dim=1)
    """,
    input="2,3,32,32",
    layers=["log_softmax@12"],
    severity="error",
)
# The scores of an attention: each position has weight 1, so nothing is attended to.
constant_output.flags(
    model="""
        self.score = nn.Linear(16, 1)
        self.fc = nn.Linear(16, 10)

        def forward(self, x):
            weights = F.softmax(self.score(x), dim=-1)
            return self.fc((weights * x).sum(1))
    """,
    input="2,7,16",
    layers=["softmax@13"],
    severity="warning",
)
# A probability of keeping, as other frameworks want it.
constant_output.flags(
    model="""
        self.fc1 = nn.Linear(16, 32)
        self.drop = nn.Dropout(1.0)
        self.fc2 = nn.Linear(32, 10)
    """,
    input="2,16",
    layers=["drop"],
    severity="error",
)
# 8 // 16 channels, and norms of single values.
constant_output.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.down = nn.Linear(8, 8 // 16)
        self.up = nn.Linear(8 // 16, 8)

        def forward(self, x):
            x = self.conv(x)
            gate = self.up(self.down(x.mean((2, 3)))).sigmoid()
            return x * gate[:, :, None, None]
    """,
    input="2,3,32,32",
    layers=["up"],
    severity="warning",
)
constant_output.flags(
    model="""
        self.fc = nn.Linear(16, 1)
        self.norm = nn.LayerNorm(1)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.group = nn.GroupNorm(8, 8, affine=False)

        def forward(self, x, y):
            return self.norm(self.fc(x)), self.group(self.pool(self.conv(y)))
    """,
    input=["2,16", "2,3,32,32"],
    layers=["norm", "group"],
    severity="error",
)
# Axes that hold one value for some inputs, several classes, groups of several values.
constant_output.allows(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.group = nn.GroupNorm(4, 8)
        self.drop = nn.Dropout(0.9)
        self.fc = nn.Linear(8, 2)

        def forward(self, x):
            x = self.conv(x)
            spread = x.softmax(2) + x.softmax(0)
            pooled = self.group(self.pool(x)).flatten(1)
            return self.fc(self.drop(pooled)).softmax(1), spread
    """,
    input="1,3,1,32",
)
# What no output depends on; what is dropped in no mode.
constant_output.allows(
    model="""
        self.fc = nn.Linear(16, 1)

        def forward(self, x):
            x = self.fc(x)
            if x.softmax(1).shape[1] == 1:
                return F.dropout(x, 1.0, training=False).sigmoid()
            return x
    """,
    input="2,16",
)
