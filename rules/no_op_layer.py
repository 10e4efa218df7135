"""The rule no-op-layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.leaving_out import without
from modellint.facts.source_facts import called_name, constructor, literal_arguments
from modellint.facts.wording import named
from modellint.graph.operations import DROPOUTS


@rule("efficiency")
def no_op_layer(graph: Graph) -> Iterator[Finding | Skip]:
    """A layer changes nothing, by the literal arguments that it is constructed with.

    `nn.Dropout(0)`, a pool with kernel 1 and stride 1, a pad of 0, an upsampling by 1, a shuffle of
    one group. All arguments must be written out at the layer's own construction in a file of the
    user's: what is passed on as a variable is a setting, and 0 may be one of its values.

    **Why it matters.** A pool, a pad and an upsampling copy the whole map for nothing; and whoever
    reads `nn.Dropout(0.0)` or `nn.MaxPool2d(1)` asks which number was meant.

    **When it is fine** (silent): `nn.Identity`, which says so; adaptive pools, whose size depends
    on the input; arguments from variables; layers that a library builds. There are no options.
    """
    for call in graph.calls(*_NOTHING, *DROPOUTS):
        if call.type == call.op or call.index not in graph.varying or not call.outputs:
            continue
        why = _NOTHING.get(call.op, _no_dropout)(call)
        if why is None:
            continue
        written = constructor(graph, call)
        if written is None or called_name(written) != call.type or not literal_arguments(written):
            continue
        yield Finding(
            call,
            f"{named(call)} changes nothing: {why}",
            help="leave it out; nn.Identity() keeps its place in a Sequential",
            fix=without(call, same=True),
        )


def _no_dropout(call: Node) -> str | None:
    return "it drops no value (p=0)" if call.arguments.get("p") == 0 else None


def _no_pool(call: Node) -> str | None:
    padded = any(map(any, call.padding))
    if call.kernel is None or padded or any(size != 1 for size in (*call.kernel, *call.stride)):
        return None
    return "a window of one value with stride 1 gives that value"


def _no_pad(call: Node) -> str | None:
    return None if any(call.arguments.get("pad", (1,))) else "it adds 0 values on every side"


def _no_upsampling(call: Node) -> str | None:
    factor = call.arguments.get("scale_factor")
    factors = factor if isinstance(factor, (tuple, list)) else (factor,)
    return "a scale_factor of 1 keeps the map" if all(one == 1 for one in factors) else None


def _no_shuffle(call: Node) -> str | None:
    names = ("upscale_factor", "downscale_factor", "groups")
    given = next((name for name in names if call.arguments.get(name) == 1), None)
    return f"{given}=1 moves no value" if given else None


_NOTHING: Mapping[str, Callable[[Node], str | None]] = {
    **dict.fromkeys(
        ("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d"),
        _no_pool,
    ),
    "pad": _no_pad,
    "interpolate": _no_upsampling,
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle", "channel_shuffle"), _no_shuffle),
}


no_op_layer.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(1)
        self.drop = nn.Dropout(p=0.0)

        def forward(self, x):
            return self.drop(self.pool(self.conv(x).relu()))
    """,
    input="1,3,32,32",
    layers=["pool", "drop"],
    severity="warning",
)
no_op_layer.flags(
    model="""
        self.layers = nn.Sequential(
            nn.ZeroPad2d(0),
            nn.Conv2d(3, 8, 3, padding=1),
            nn.Upsample(scale_factor=1, mode="nearest"),
            nn.AvgPool2d((1, 1), stride=1),
            nn.PixelShuffle(1),
        )
    """,
    input="1,3,32,32",
    layers=["layers.0", "layers.2", "layers.3", "layers.4"],
)
# Settings, layers that say what they are, and a pool of one value that skips the others.
no_op_layer.allows(
    model="""
        def __init__(self, drop=0.0, scale=1):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.drop = nn.Dropout(drop)
            self.up = nn.Upsample(scale_factor=scale)
            self.identity = nn.Identity()
            self.skip = nn.MaxPool2d(1, stride=2)
            self.pool = nn.AdaptiveAvgPool2d(16)

        def forward(self, x):
            return self.pool(self.skip(self.identity(self.up(self.drop(self.conv(x))))))
    """,
    input="1,3,32,32",
)
