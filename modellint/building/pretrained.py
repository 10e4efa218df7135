"""Builds libraries' models without the weights that they would download: values change no shape.

`models.resnet18(weights="IMAGENET1K_V1")` is a resnet18. What torchvision and timm load into a
model that they have built is left out while user code builds models.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

from torch import nn

from modellint.building.failures import NetworkAccess
from modellint.modules.replacing import replaced


class _Unread(dict[str, Any]):
    """Stands for a file of weights: it can be loaded into a model, and not be looked into."""

    def _refuse(self, *_: Any) -> NoReturn:
        raise NetworkAccess("reads weights that are not there")

    __getitem__ = __delitem__ = __contains__ = __iter__ = __len__ = _refuse
    keys = values = items = get = pop = copy = _refuse


@contextmanager
def weights_unread() -> Iterator[None]:
    """No weights of torchvision's or timm's are fetched inside the block; else all is as it was.

    Of these libraries only what is imported when the block is entered.
    """
    found = [*_fetchers()]
    if not found:
        yield
        return
    load = nn.Module.load_state_dict

    def loaded(self: nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(state_dict, _Unread):
            return None
        return load(self, state_dict, *args, **kwargs)

    with ExitStack() as stack:
        for owner, name, value in (*found, (nn.Module, "load_state_dict", loaded)):
            stack.enter_context(replaced(owner, name, value))
        yield


def _fetchers() -> Iterator[tuple[Any, str, Any]]:
    """What fetches weights in the libraries that are imported, and what stands for it."""
    torchvision = getattr(sys.modules.get("torchvision.models._api"), "WeightsEnum", None)
    if torchvision is not None:
        yield torchvision, "get_state_dict", lambda *args, **kwargs: _Unread()
    timm = sys.modules.get("timm.models._builder")
    if hasattr(timm, "load_pretrained"):
        yield timm, "load_pretrained", lambda *args, **kwargs: None
