"""Builds the models of transformers by their configuration where `from_pretrained` would load them.

A configuration is given, lies in a folder, or was downloaded earlier; without one the class does
not say what it builds, and the download is tried and refused as any other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any


def configured_models() -> Iterator[tuple[Any, str, Any]]:
    """The `from_pretrained`s of transformers, where it is imported, and what stands for each."""
    models = getattr(sys.modules.get("transformers.modeling_utils"), "PreTrainedModel", None)
    if models is not None and hasattr(models, "_from_config"):
        yield models, "from_pretrained", _standing_in(models, "_from_config", _class_of)
    named = sys.modules.get("transformers.models.auto.auto_factory")
    automatic = getattr(named, "_BaseAutoModelClass", None)
    if hasattr(automatic, "from_config"):
        yield automatic, "from_pretrained", _standing_in(automatic, "from_config", _any_class)


def _class_of(model: Any) -> Any:
    return model.config_class


def _any_class(model: Any) -> Any:
    return sys.modules["transformers"].AutoConfig


def _standing_in(owner: Any, build: str, configuration_of: Callable[[Any], Any]) -> Any:
    """A class method that builds by a configuration, if there is one."""
    original = vars(owner)["from_pretrained"].__func__

    def from_pretrained(cls: Any, name: Any = None, *args: Any, **kwargs: Any) -> Any:
        given = kwargs.get("config")
        configuration = given if hasattr(given, "to_dict") else None
        if configuration is None:
            try:
                configuration = configuration_of(cls).from_pretrained(name, local_files_only=True)
            except Exception:  # Each release says in its own way that there is none.
                return original(cls, name, *args, **kwargs)
        for key, value in kwargs.items():
            if key != "config" and hasattr(configuration, key):
                setattr(configuration, key, value)
        return getattr(cls, build)(configuration)

    return classmethod(from_pretrained)
