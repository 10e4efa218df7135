"""Builds a candidate into an `nn.Module` without its values: on the meta device where possible.

The ladder: under `torch.device("meta")`; where the constructor needs values, on the CPU with each
parameter moved to meta as it is registered; plainly, where it reads parameters' values too.
"""

from __future__ import annotations

import ast
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import CodeType

import torch
from torch import nn

from modellint.building.arguments_in_doubt import doubted
from modellint.building.devices import redirected
from modellint.building.failures import (
    UNREAD,
    describe,
    innermost_name,
    line_in,
    ran_out_of_memory,
    what_is_missing,
)
from modellint.building.loader import LoadedModule
from modellint.building.pretrained import holds_unread, walks, weights_unread
from modellint.building.project_values import project_makers
from modellint.building.stated_arguments import nested
from modellint.building.without_weights import without_weights
from modellint.discovery.arguments import ConstructorCall, how_to_give
from modellint.discovery.candidates import Candidate
from modellint.errors import FileError, ModellintError, NotAnalysed
from modellint.modules.construction_sites import (
    SYNTHETIC,
    Origin,
    Sites,
    first_party,
    observe_construction,
)
from modellint.modules.members import walk
from modellint.protocol.limits import lift_memory
from modellint.source.classes import module_of

_DATA_PARALLEL = frozenset(
    {"DataParallel", "DistributedDataParallel", "FullyShardedDataParallel", "OptimizedModule"}
)
#: Stand-ins for operators among torch's quantized modules, which compute with floats.
_FLOAT_FUNCTIONALS = frozenset({"FloatFunctional", "FXFloatFunctional"})
_BEFORE_INIT = ("before Module.__init__() call", "super().__init__() call", "'_modules'")


@dataclass(frozen=True)
class BuiltModel:
    """A model, how it was built, and where each of its modules was made, by `id(module)`.

    `call` built it, if it is known, here or when the file was loaded. `walked` tells that its
    constructor walked through weights that are not there, and may have built something else.
    """

    model: nn.Module
    candidate: Candidate
    how: str
    construction: Mapping[int, Origin]
    call: ConstructorCall | None = None
    walked: bool = False

    def origin(self, module: nn.Module) -> Origin | None:
        """Where one of the model's modules was made, if that was observed."""
        return self.construction.get(id(module))


@dataclass(frozen=True, slots=True)
class _Rung:
    name: str
    device: str
    parameters_to_meta: bool


_LADDER = (
    _Rung("on meta", "meta", False),
    _Rung("with parameters on meta", "cpu", True),
    _Rung("on the CPU", "cpu", False),
)


def build(loaded: LoadedModule, candidate: Candidate) -> BuiltModel:
    """Build a candidate from its loaded file.

    Raises `FileError` (`import-error`, `build-error`) where the file is at fault, `NotAnalysed`
    where arguments, a package, a file, a device or the network are missing.
    """
    existing = _existing(loaded, candidate)
    if existing is not None:
        how = f"module-level instance at {loaded.source.words(candidate.line)}"
        model = _unwrapped(existing, candidate)
        call = next(iter(candidate.calls), None)
        return BuiltModel(model, candidate, how, loaded.sites.within(model), call)
    if not candidate.calls:
        raise NotAnalysed(
            candidate.missing or f"{candidate.name} could not be built",
            _constructor_line(candidate),
        )
    first: ModellintError | None = None
    for call in candidate.calls:
        # Arguments of modellint's, defaults among them, do not stand in for a call that fails.
        if isinstance(first, FileError) and call.node is None:
            break
        try:
            return _build_by(loaded, candidate, call)
        except (FileError, NotAnalysed) as error:
            bare = _build_bare(loaded, candidate, call, error)
            if bare is not None:
                return bare
            first = first or error
    assert first is not None
    raise first


def _existing(loaded: LoadedModule, candidate: Candidate) -> nn.Module | None:
    if candidate.kind != "instance":
        return None
    found = loaded.namespace.get(candidate.name)
    return found if isinstance(found, nn.Module) else None


def _build_bare(
    loaded: LoadedModule, candidate: Candidate, call: ConstructorCall, error: ModellintError
) -> BuiltModel | None:
    """The model without the pretrained weights that it failed for, if it can be had without."""
    lacking = isinstance(error, NotAnalysed) and error.elsewhere
    other = without_weights(call, loaded.namespace) if lacking else None
    if other is None:
        return None
    try:
        return replace(_build_by(loaded, candidate, other), call=call)
    except (FileError, NotAnalysed):
        return None


def _build_by(loaded: LoadedModule, candidate: Candidate, call: ConstructorCall) -> BuiltModel:
    callee = call.callee.partition(".")[0]
    if callee not in loaded.namespace:
        raise loaded.obstacle(callee) or NotAnalysed(
            f"{callee} is not defined when the file is imported", candidate.line
        )
    code, made_with = _compiled(loaded, candidate, call)
    previous: tuple[str, int | None] | None = None
    error: BaseException | None = None
    for rung in _LADDER:
        sites, before = Sites(), walks()
        try:
            with (
                _quiet(),
                _seeded(),
                _observed(loaded, sites),
                redirected(rung.device, parameters_to_meta=rung.parameters_to_meta),
                weights_unread(),
            ):
                made = eval(code, loaded.namespace, made_with)
        except BaseException as caught:  # the user's SystemExit and KeyboardInterrupt included
            if isinstance(caught, MemoryError):
                lift_memory()
            error = caught
            same = (describe(caught), line_in(caught, loaded.source.path))
            # The same error on two devices is the code's own, unless both are about meta tensors.
            if _is_final(caught) or (same == previous and "meta" not in same[0].lower()):
                break
            previous = same
            continue
        model = _unwrapped(made, candidate)
        if "_modules" not in vars(model):
            raise FileError(
                "build-error",
                loaded.source.path,
                _constructor_line(candidate),
                f"{type(model).__name__}.__init__ does not call super().__init__(); call it first",
            )
        kept = holds_unread(model)
        if kept is not None:
            raise NotAnalysed(
                f"needs weights which are not there: {kept} is one of them",
                _constructor_line(candidate),
                elsewhere=True,
            )
        how = call.origin if rung is _LADDER[0] else f"{call.origin}, {rung.name}"
        known = {**loaded.sites.within(model), **sites.within(model)}
        return BuiltModel(model, candidate, how, known, call, walks() > before)
    assert error is not None
    explained = _explained(error, loaded, candidate)
    if walks() > before and isinstance(explained, FileError):
        raise NotAnalysed(f"{UNREAD}: {explained.message}", explained.line, elsewhere=True)
    doubt = doubted(call, loaded.namespace[callee], error, explained)
    raise (doubt or explained) from error


def _compiled(
    loaded: LoadedModule, candidate: Candidate, call: ConstructorCall
) -> tuple[CodeType, dict[str, object]]:
    """The code of a call, and the names that it needs besides those of the file."""
    path = loaded.source.path
    if call.node is not None:
        tree = ast.fix_missing_locations(ast.Expression(call.node))
        repeated: CodeType = compile(tree, path, "eval", loaded.flags, dont_inherit=True)
        return repeated, {}
    try:
        tree = ast.parse(str(call), mode="eval")
    except SyntaxError as error:
        raise NotAnalysed(f"arguments are not Python: {call}", candidate.line) from error
    names: dict[str, object] = {}
    if call.elsewhere:
        names.update(project_makers(loaded))
    if call.folder is not None:
        tree.body, makers = nested(tree.body, call.folder)
        names.update(makers)
        ast.fix_missing_locations(tree)
    ast.increment_lineno(tree, candidate.line - 1)
    code: CodeType = compile(tree, path, "eval", loaded.flags, dont_inherit=True)
    return code.replace(co_name=SYNTHETIC), names


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _seeded() -> Iterator[None]:
    """Fixed seeds, so that a constructor that draws builds the same model each time."""
    numpy = sys.modules.get("numpy")
    state = random.getstate()
    arrays = numpy.random.get_state() if numpy is not None else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        random.seed(0)
        if numpy is not None:
            numpy.random.seed(0)
        try:
            yield
        finally:
            random.setstate(state)
            if numpy is not None:
                numpy.random.set_state(arrays)


@contextmanager
def _observed(loaded: LoadedModule, sites: Sites) -> Iterator[None]:
    with observe_construction(sites, first_party(loaded.source.path, *loaded.roots)):
        yield


def _is_final(error: BaseException) -> bool:
    """Whether another device would not help, since the error is none of tensors."""
    return isinstance(
        error, SystemExit | KeyboardInterrupt | MemoryError | RecursionError | NameError
    )


def _explained(error: BaseException, loaded: LoadedModule, candidate: Candidate) -> ModellintError:
    """The error of a constructor as a fault of the file or as something that is missing."""
    path = loaded.source.path
    line = line_in(error, path) or candidate.line
    if isinstance(error, NotAnalysed):
        return error
    if isinstance(error, NameError) and error.name is not None:
        obstacle = loaded.obstacle(error.name)
        if obstacle is not None:
            return obstacle
    if isinstance(error, TypeError) and _is_refused_call(error, path):
        called = candidate.name if candidate.kind == "factory" else candidate.class_name
        stated = [call.origin for call in candidate.calls if call.origin.endswith(".toml")]
        how = f"its args are those of {stated[0]}" if stated else how_to_give(called)
        reason = f"{describe(error).partition(': ')[2]} ({how})"
        return NotAnalysed(reason, _constructor_line(candidate))
    missing = what_is_missing(error)
    if missing is not None:
        return NotAnalysed(missing, line, elsewhere=True)
    message = describe(error)
    if isinstance(error, AttributeError) and any(sign in message for sign in _BEFORE_INIT):
        message += "; call super().__init__() first in __init__"
    kind = "memory-limit" if ran_out_of_memory(error) else "build-error"
    return FileError(kind, path, line, message)


def _is_refused_call(error: BaseException, path: str) -> bool:
    """Whether the call itself was refused, before any line of the constructor ran."""
    return innermost_name(error) in (SYNTHETIC, "<module>") and line_in(error, path) is not None


def _is_quantized(module: nn.Module) -> bool:
    """Whether a module of torch's holds quantized values; what only observes floats does not."""
    cls = type(module)
    inside = module_of(cls).startswith("torch.") and ".quantized" in module_of(cls)
    return inside and cls.__name__ not in _FLOAT_FUNCTIONALS


def _is_scripted(cls: type) -> bool:
    """Whether the forward is one of `torch.jit.script_method`, which only torch can call."""
    forward = next((vars(base)["forward"] for base in cls.__mro__ if "forward" in vars(base)), None)
    return type(forward).__name__ == "ScriptMethodStub"


def _constructor_line(candidate: Candidate) -> int:
    return candidate.constructor_line or candidate.line


def _unwrapped(made: object, candidate: Candidate) -> nn.Module:
    """The model inside compiled and data-parallel wrappers; `NotAnalysed` for what is no module."""
    while isinstance(made, nn.Module) and type(made).__name__ in _DATA_PARALLEL:
        children = vars(made).get("_modules", {})
        inner = children.get("_orig_mod") or children.get("module")
        if inner is None:
            break
        made = inner
    if not isinstance(made, nn.Module):
        raise NotAnalysed(
            f"{candidate.name} gives a {type(made).__name__}, not an nn.Module", candidate.line
        )
    if any(_is_quantized(module) for _, module in walk(made)):
        raise NotAnalysed(
            f"{candidate.name} is quantized, which has no shapes on meta: lint the model before "
            "it is converted",
            candidate.line,
        )
    if isinstance(made, torch.jit.ScriptModule) or _is_scripted(type(made)):
        raise NotAnalysed(
            f"{candidate.name} is a ScriptModule, whose Python code is gone: lint its source class",
            candidate.line,
        )
    return made
