"""A call that a model is to do without, as a change of its file."""

from __future__ import annotations

from modellint.facts.wording import named
from modellint.fixes import Fix, Instead, Without, is_numbered
from modellint.graph import Node


def without(call: Node, *, same: bool = False) -> Fix:
    """The model without a call; where its layer cannot go, an identity takes its place.

    `same` tells that the call changes nothing: it is safe to leave out then, unless the layers
    behind it have other names in a state without it.
    """
    identity = Fix(
        "nn.Identity()",
        [Instead(call, None, "nn.Identity()")],
        safe=same,
        help=f"nn.Identity() in the place of {named(call)}",
    )
    message = f"without {named(call)}"
    return Fix(message, [Without(call)], safe=same and not is_numbered(call), instead=identity)
