"""The rule suspicious-epsilon."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Skip, rule
from modellint.facts.wording import named
from modellint.fixes import set_arguments


@rule("suspicious")
def suspicious_epsilon(graph: Graph, *, least: float = 1e-2) -> Iterator[Finding | Skip]:
    """A normalisation adds a number to the variance that is far from small.

    `eps` keeps the division by the standard deviation from running to infinity and is 1e-5 by
    default. From `least` on it changes what the norm computes. The usual cause is a positional
    argument: `nn.BatchNorm2d(64, 0.8)` sets `eps=0.8`, its author meant the momentum.

    **Why it matters.** A channel of variance v comes out with variance v / (v + eps) instead of 1:
    with eps = 0.8, a channel of variance 0.1 keeps 11 % of it. The norm then hands on the scale
    that it is there to remove (Ioffe and Szegedy, ICML 2015, arXiv 1502.03167).

    **When it is fine.** Small values as in TensorFlow's models (1e-3) are silent. Ignore it where
    weights that were trained with such an eps are loaded.

    **Options.** `least`, the smallest eps that is reported.
    """
    norms = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm")
    for call in graph.calls(*norms):
        eps = graph.first_like(call).arguments.get("eps")
        if not isinstance(eps, (int, float)) or eps < least:
            continue
        momentum = call.op in ("batch_norm", "instance_norm") and eps < 1
        kept = 0.1 / (0.1 + eps)
        yield Finding(
            call,
            f"{named(call)} has eps={eps:g}: a channel of variance 0.1 comes out with "
            f"{kept:.2g} instead of 1",
            help=f"if the momentum is meant, momentum={eps:g} and eps=1e-05"
            if momentum
            else "leave it out: eps is 1e-05 then",
            fix=set_arguments(call, eps=1e-5),
        )


suspicious_epsilon.flags(
    model="""
        self.conv = nn.Conv2d(3, 64, 3, padding=1)
        self.norm = nn.BatchNorm2d(64, 0.8)

        def forward(self, x):
            return self.norm(self.conv(x)).relu()
    """,
    input="2,3,32,32",
    layers=["norm"],
    severity="warning",
)
suspicious_epsilon.flags(
    model="""
        self.fc = nn.Linear(16, 16)
        self.norm = nn.LayerNorm(16, 1e-2)
        self.group = nn.GroupNorm(4, 16, eps=1e-3)
    """,
    input="2,16",
    layers=["group", "norm"],
    least=1e-3,
)
suspicious_epsilon.allows(
    model="""
        self.conv = nn.Conv2d(3, 64, 3, padding=1)
        self.norm = nn.BatchNorm2d(64, eps=1e-3, momentum=0.8)
        self.last = nn.GroupNorm(8, 64, 1e-6)
    """,
    input="2,3,32,32",
)
