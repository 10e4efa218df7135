"""From what a caller in Python gives as a model to the module whose forward is analysed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import torch
from torch import nn

from modellint.building.failures import line_in
from modellint.errors import FileError, UsageError, in_words, shown
from modellint.modules.live_sites import model_site
from modellint.modules.members import Members, is_module, members
from modellint.tracing.unprinted import unprinted
from modellint.tracing.wrappers import unwrapped


def live_model(given: Any) -> tuple[nn.Module, Members]:
    """The module that a caller means, an instance without what makes it faster, and its modules.

    A class is built if it needs no arguments. `DataParallel`, `torch.compile` and their kin are
    taken off. Raises `UsageError` for what is no module, or only a compiled one, and `FileError`
    (`build-error`) where a constructor raises.
    """
    if isinstance(given, type) and issubclass(given, nn.Module):
        given = _built(given)
    elif not issubclass(type(given), nn.Module):
        raise UsageError(f"model: {_told(given)}")
    if not is_module(given) and not _is_compiled(given):
        name = type(given).__name__
        site = model_site(given)
        raise FileError(
            "build-error",
            site.path,
            site.line,
            f"{name}.__init__ does not call super().__init__(), so that it is no module yet",
        )
    model = _inner(given)
    if _is_compiled(model):
        raise _no_python(f"this {_original(model)}")
    modules = members(model)
    compiled = {kind for kind in {type(one) for _, one in modules} if _compiles(kind)}
    for path, module in modules if compiled else ():
        if type(module) in compiled:
            raise _no_python(f"its part {path}")
    return model, modules


def class_of(given: Any) -> type[Any]:
    """The class of the module that a caller means, or of what is given in place of one."""
    if isinstance(given, type):
        return given
    return type(_inner(given)) if is_module(given) else type(given)


def _inner(given: nn.Module) -> nn.Module:
    # What torch.jit makes has no tables of modules to look into.
    return given if _is_compiled(given) else unwrapped(given)


def _is_compiled(module: nn.Module) -> bool:
    return _compiles(type(module))


def _compiles(kind: Any) -> bool:
    return issubclass(kind, torch.jit.ScriptModule)


def _no_python(where: str) -> UsageError:
    return UsageError(
        f"model: {where} was compiled by torch.jit, which keeps no Python of it: "
        "give the module as it was before torch.jit.script or torch.jit.trace"
    )


def _original(module: Any) -> str:
    return str(getattr(module, "original_name", type(module).__name__))


def _built(given: type[nn.Module]) -> nn.Module:
    """An instance of a class that needs no arguments, made without a draw of random numbers."""
    name = given.__name__
    if issubclass(given, torch.jit.ScriptModule) or inspect.isabstract(given):
        raise UsageError(f"model: {name} is a class; give an instance of it")
    names = _needed(given)
    if names:
        arguments = ", ".join(f"{one}=..." for one in names)
        raise UsageError(
            f"model: {name} is a class that needs {', '.join(names)}; give an instance, "
            f"{name}({arguments})"
        )
    try:
        with torch.random.fork_rng(devices=[]), unprinted():
            return given()
    except Exception as error:  # A constructor may raise anything.
        site = model_site(given)
        line = line_in(error, site.path) or site.line
        told = f"{name}() raises {type(error).__name__}: {error}"
        raise FileError("build-error", site.path, line, told) from error


def _needed(given: type[nn.Module]) -> list[str]:
    """The parameters of a constructor that have no default."""
    try:
        parameters = inspect.signature(given).parameters.values()
    except (TypeError, ValueError):  # Of a class in C, say: calling it tells.
        return []
    filled = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.default is one.empty and one.kind not in filled]


def _told(given: Any) -> str:
    """Why a value is no model, and what to give in its place."""
    kind = in_words(given)
    if isinstance(given, str | bytes | PurePath):
        text = shown(given if isinstance(given, bytes) else str(given))
        return f"{text} is a text, no module; for files there is modellint.lint_paths([{text}])"
    if isinstance(given, type):
        return f"{given.__name__} is a class, but no nn.Module; give an instance of an nn.Module"
    if isinstance(given, torch.export.ExportedProgram):
        return "an ExportedProgram is no module; give its .module()"
    if isinstance(given, list | tuple):
        return f"{kind} is no module; give one of them, or nn.Sequential(*layers)"
    if isinstance(given, Mapping):
        return (
            f"{kind} is no module; weights are loaded into one: model.load_state_dict(...), "
            "then give model"
        )
    if isinstance(given, torch.jit.ScriptFunction):
        return "a function that torch.jit compiled is no module; give an nn.Module that calls it"
    if inspect.ismethod(given) and issubclass(type(given.__self__), nn.Module):
        name = type(given.__self__).__name__
        return f"{given.__name__} is a method of a {name}; give the {name} itself"
    if inspect.isroutine(given):
        name = given.__name__
        if not name.isidentifier():
            return "a lambda is no module; give an instance of an nn.Module"
        return f"{name} is a function; give the nn.Module that it returns, as in {name}(...)"
    return f"{kind} is no module; give an instance of an nn.Module"
