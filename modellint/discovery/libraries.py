"""Calls of libraries that give a model: wrappers of one, and torchvision's and timm's own."""

from __future__ import annotations

MODEL_WRAPPERS = frozenset(
    """torch.compile torch.nn.DataParallel torch.nn.parallel.DataParallel torch.jit.script
    torch.nn.parallel.DistributedDataParallel""".split()
)


def is_library_model(dotted: str) -> bool:
    """Whether a dotted name builds a whole model: `torch.nn.Sequential`, torchvision's, timm's."""
    head, _, last = dotted.rpartition(".")
    if dotted == "torch.nn.Sequential" or dotted in (
        "timm.create_model",
        "timm.models.create_model",
    ):
        return True
    return head.startswith("torchvision.models") and not last.endswith(("Weights", "Builder"))
