"""The rule unread-pixels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import describe, spatial, symbolic, times, together
from modellint.fixes import Fix, one_or_each, set_arguments
from modellint.geometry import (
    Unread,
    Window,
    always_loses,
    loses,
    nearest_sizes,
    padding_before,
    ranges,
    unfollowed_reader,
    unread_after,
    windows,
)

#: What a position along each axis is called, by how many axes there are.
_LINES = {1: ("position",), 2: ("row", "column"), 3: ("slice", "row", "column")}


@rule("suspicious", supersedes=["uneven-padding"])
def unread_pixels(graph: Graph) -> Iterator[Finding | Skip]:
    """A convolution or pool leaves rows or columns of its map that no output depends on.

    A strided window that does not fit its map a whole number of times leaves
    `r = (n + 2p - e) mod s` positions at the end, of which the padding makes up for `p`; a window
    narrower than its stride leaves some between. That is no loss where another layer reads them:
    reported is what nothing reads, found by going backward from all outputs of the model with the
    set of positions that count, an axis at a time. Positions that an explicit pad made do not
    count, and a map is followed to where it was made. Slices drop positions on purpose: they are
    not looked at.

    **Why it matters.** Part of the image, or of a map that was computed, goes unseen: objects at
    the right and bottom edge lose pixels, and which ones depends on the input's size. The rest of
    the map lies off centre (Alsallakh et al., ICLR 2021, arXiv 2010.02178).

    A 1×1 convolution with stride 2 throws three of four pixels away: reading them is worth half a
    percent of accuracy to a ResNet-50 (He et al., CVPR 2019, arXiv 1812.01187, ResNet-B).

    **When it is fine** (silent): a strided shortcut beside a branch that reads everything, as in
    ResNets with the stride in their 3×3. The end of a sequence (one axis) is only a remark, since
    its length is not always the same. Ignore it where the lost pixels do not matter. There are no
    options.
    """
    said: set[tuple[int, int]] = set()
    for call in graph.calls(
        "conv1d", "conv2d", "conv3d", "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d",
        "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    ):  # fmt: skip
        axes = windows(graph.first_like(call))
        if axes is None:
            if call.outputs:
                yield Skip(call, "its kernel size is not known")
            continue
        if not any(axis.unread for axis in axes):
            continue
        left = unread_after(graph, call)
        new = [part for part in left if (part.map.index, part.axis) not in said]
        if new:
            said.update((part.map.index, part.axis) for part in new)
            yield _finding(graph, call, new)
        elif not left:
            reader = unfollowed_reader(graph, call)
            if reader is not None:
                yield Skip(call, f"what {reader.key} reads of its map is not known")


def _finding(graph: Graph, call: Node, left: list[Unread]) -> Finding:
    lines = " and ".join(_lines(part, call.rank) for part in left)
    size = times(spatial(call, left[0].map.output))
    told, fix = _help(graph, call, left)
    whose = "the input" if left[0].map.op == "input" else "its map"
    return Finding(
        call,
        f"{describe(call)} does not read {lines} of {whose} ({size}), nor does anything else that "
        f"an output depends on{_when(graph, call, left)}",
        help=told,
        assumes_size=True,
        fix=fix,
        # How long a sequence is changes from one to the next; what ends a picture does not.
        severity="info" if call.rank == 1 and not _between(call, left) else None,
    )


def _between(call: Node, left: list[Unread]) -> bool:
    """Whether windows lie further apart than they are wide."""
    axes = windows(call) or ()
    return any(axes[part.axis].s > axes[part.axis].span for part in left)


def _lines(part: Unread, rank: int) -> str:
    name = _LINES[rank][part.axis]
    runs = list(islice(ranges(part.mask), 2))
    if len(runs) > 1:
        return f"{part.mask.bit_count()} of {part.size} {name}s"
    ((first, last),) = runs
    return f"{name} {first}" if first == last else f"{name}s {first} to {last}"


def _window(graph: Graph, call: Node, part: Unread) -> Window | None:
    """The window on the map itself: zeros padded between count as its padding."""
    sides = padding_before(graph, call).sides
    axes = windows(call, sides)
    if axes is None or axes[part.axis].n != part.size or min(sides[part.axis]) < 0:
        return None
    return axes[part.axis]


def _size(call: Node, part: Unread) -> int:
    return part.map.output.shape[len(call.output.shape) - call.rank + part.axis]


#: A longer list of remainders tells nobody more.
_MOST_REMAINDERS = 256


def _when(graph: Graph, call: Node, left: list[Unread]) -> str:
    """For which sizes of the map that is so: the remainders by the stride that leave something."""
    told: dict[str, list[str]] = {}
    for part in left:
        window = _window(graph, call, part)
        size = symbolic(_size(call, part))
        if window is None or isinstance(size, int) or window.s > _MOST_REMAINDERS:
            continue
        base = window.s * (window.span + window.padding + 1)
        ceil = bool(call.arguments.get("ceil_mode"))
        losing = [rest for rest in range(window.s) if loses(window, base + rest, ceil)]
        if len(losing) == window.s:
            continue
        shown = size if size.isidentifier() else f"({size})"
        if window.s == 2:
            told.setdefault("odd" if losing == [1] else "even", []).append(shown)
        else:
            few = len(losing) <= window.s // 2
            rests = losing if few else [rest for rest in range(window.s) if rest not in losing]
            words = f"{'' if few else 'not '}{' or '.join(map(str, rests))}"
            told.setdefault(words, []).append(f"{shown} % {window.s}")
    found = [f"{' or '.join(shown)} is {words}" for words, shown in told.items()]
    return f"; so whenever {', or '.join(found)}" if found else ""


_FIT = "a kernel and stride that fit the map leave nothing"


def _help(graph: Graph, call: Node, left: list[Unread]) -> tuple[str, Fix | None]:
    """What reads the rest, in words and, where an argument does it, as a change."""
    axes = windows(call) or ()
    ways = []
    fix = None
    if _between(call, left):
        needed = [axis.s if axis.s > axis.span else axis.k for axis in axes]
        ways.append(f"a {times(needed)} kernel reads them; so does an average pool before it")
        fix = set_arguments(call, kernel_size=one_or_each(needed))
        if "ceil_mode" in call.arguments:
            # As many windows as those of one pixel.
            wider = set_arguments(call, kernel_size=one_or_each(needed), ceil_mode=True)
            told = f"{wider.message} reads them"
            fix = fix._replace(instead=wider._replace(otherwise=_FIT, help=told))
    elif "ceil_mode" in call.arguments and not any(loses(axis, axis.n, True) for axis in axes):
        after = [axis.at(axis.n, ceil=True).o for axis in axes]
        ways.append(f"ceil_mode=True reads them and gives {times(after)}")
        fix = set_arguments(call, ceil_mode=True)
    else:
        padding = _padding(axes)
        if padding is not None:
            after = [
                (axis.n + 2 * p - axis.span) // axis.s + 1
                for axis, p in zip(axes, padding, strict=True)
            ]
            ways.append(f"padding={together(padding)} reads them and gives {times(after)}")
            fix = set_arguments(call, padding=one_or_each(padding))
    fitting = [text for part in left if (text := _fitting(graph, call, part))]
    if fitting:
        ways.append(f"with {', '.join(fitting)} nothing is left here")
    if fix is not None:
        fix = fix._replace(otherwise=_FIT)
    return "; ".join(ways) or _FIT, fix


def _fitting(graph: Graph, call: Node, part: Unread) -> str:
    """The sizes of the input nearest to the example's with which nothing is left."""
    window = _window(graph, call, part)
    ceil = bool(call.arguments.get("ceil_mode"))
    if window is None or always_loses(window, part.size, ceil):
        return ""
    found = nearest_sizes(graph, _size(call, part), lambda size: not loses(window, size, ceil))
    values = " or ".join(str(at.value) for at in found)
    return f"{found[0].symbol} = {values}" if found else ""


def _padding(axes: tuple[Window, ...]) -> list[int] | None:
    """The least padding an axis, the same on both sides, with which the windows reach the end."""
    chosen = []
    for axis in axes:
        for p in range(axis.begin, axis.span):
            if (axis.n + 2 * p - axis.span) % axis.s <= p:
                chosen.append(p)
                break
        else:
            return None
    return chosen


unread_pixels.flags(
    model="""
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)

        def forward(self, x):
            return self.pool(self.conv(x).relu())
    """,
    input="1,1,27,28",
    layers=["pool"],
    severity="warning",
)
# SqueezeNet's first layer at 224: row and column 223.
unread_pixels.flags(
    model="""
        self.stem = nn.Conv2d(3, 96, 7, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)

        def forward(self, x):
            return self.pool(self.stem(x).relu())
    """,
    input="1,3,224,224",
    layers=["stem"],
)
# Three of four pixels, and nothing else reads them.
unread_pixels.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.shrink = nn.Conv2d(8, 16, 1, stride=2)

        def forward(self, x):
            return self.shrink(self.conv(x).relu())
    """,
    input="1,3,32,32",
    layers=["shrink"],
)
# The pad makes up for one of the two rows that the windows leave.
unread_pixels.flags(
    model="""
        self.conv = nn.Conv1d(4, 8, 3, stride=3)

        def forward(self, x):
            return self.conv(F.pad(x, (0, 1)))
    """,
    input="1,4,31",
    layers=["conv"],
    severity="info",
)
# A shortcut that reads every second pixel, beside a branch that reads them all.
unread_pixels.allows(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.shortcut = nn.Conv2d(3, 8, 1, stride=2)

        def forward(self, x):
            return self.shortcut(x) + self.conv2(self.conv1(x).relu())
    """,
    input="1,3,33,32",
)
# Of what the shortcut leaves, the block reads all that the last layer needs: it is that one's.
unread_pixels.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.shortcut = nn.Conv2d(3, 8, 1, stride=2)
        self.shrink = nn.Conv2d(8, 16, 1, stride=2)

        def forward(self, x):
            return self.shrink(self.conv(x) + self.shortcut(x))
    """,
    input="1,3,32,32",
    layers=["shrink"],
)
# The windows stop short of a row of padding, and of none of the map.
unread_pixels.allows(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.stem = nn.Conv2d(8, 8, 3, stride=2)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)

        def forward(self, x):
            x = self.stem(F.pad(self.conv(x).relu(), (1, 1, 1, 1)))
            return self.pool(x)
    """,
    input="1,3,224,100",
)
# Two halves of a map's pixels, as in NASNet; and keys that are pooled, beside their queries.
unread_pixels.allows(
    model="""
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.even = nn.Conv2d(8, 8, 1, stride=2)
        self.odd = nn.Conv2d(8, 8, 1, stride=2)
        self.qkv = nn.Conv2d(16, 24, 1)
        self.pool = nn.MaxPool2d(3, stride=4, padding=1)

        def forward(self, x):
            x = self.stem(x).relu()
            shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
            x = torch.cat([self.even(x), self.odd(shifted)], 1)
            q, k, v = self.qkv(x).chunk(3, 1)
            k, v = self.pool(k).flatten(2), self.pool(v).flatten(2)
            attention = (q.flatten(2).transpose(1, 2) @ k).softmax(-1)
            return attention @ v.transpose(1, 2)
    """,
    input="1,3,32,32",
)
# What is cut off on purpose.
unread_pixels.allows(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

        def forward(self, x):
            return self.conv(x)[:, :, :-1, :-1]
    """,
    input="1,3,32,32",
)
