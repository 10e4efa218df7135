"""The modules that a model holds without registering them: in plain lists, tuples and dicts.

`model.modules()` does not know them, so they do not train, move or save with the model; their
forward may run all the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, TypeVar

from torch import nn

from modellint.source.classes import module_of

T = TypeVar("T")

_PLAIN = frozenset([list, tuple, dict, OrderedDict])
#: A longer container holds data, such as a vocabulary, and is not looked through.
LARGEST = 20_000
#: How many containers of a model are looked through: more of them are data as well, such as the
#: nodes of a graph.
MOST = 100_000
#: Where a module keeps what it registers.
_TABLES = frozenset(["_modules", "_parameters", "_buffers", "_forward_hooks"])


def is_module(value: object) -> bool:
    """Whether a value is a module by its own type, which `nn.Module.__init__` has prepared.

    Not `isinstance`, which asks the value: a mock says that it is one, and has none of its tables.
    """
    return issubclass(type(value), nn.Module) and "_parameters" in vars(value)


def walk(model: nn.Module, paths: dict[int, str] | None = None) -> list[tuple[str, nn.Module]]:
    """Every registered module once, under its first path, parents before children.

    By identity and without recursion: `Module.modules` keeps them in a set, and user classes may
    define `__eq__` or `__hash__` that raise, and nest ten thousand deep. `paths` gets the paths by
    `id`; modules that are in it already are left out.
    """
    found: list[tuple[str, nn.Module]] = []
    if paths is None:
        paths = {}
    pending = [("", model)]
    while pending:
        path, module = pending.pop()
        key = id(module)
        if key in paths:
            continue
        paths[key] = path
        found.append((path, module))
        # Not `module._modules`: a constructor that forgot super().__init__() made none.
        children = vars(module).get("_modules")
        if children:
            prefix = f"{path}." if path else ""
            pending += [
                (prefix + name, child)
                for name, child in reversed(children.items())
                if is_module(child)
            ]
    return found


#: What a tensor of a model is, `parameter` or `buffer`, and its name, as `Record.path` has it.
Named = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Members:
    """The modules of a model before a forward runs, found once for all its runs.

    `registered` and `held` are by path; `paths` has both by `id`. `tensors` tells what a parameter
    or buffer is and its name, by `id` as well.
    """

    registered: Sequence[tuple[str, nn.Module]]
    held: Sequence[tuple[str, nn.Module]]
    paths: Mapping[int, str]
    tensors: Mapping[int, Named]

    def __iter__(self) -> Iterator[tuple[str, nn.Module]]:
        return chain(self.registered, self.held)

    @cached_property
    def own(self) -> Sequence[nn.Module]:
        """The modules of other classes than torch's own layers: few of a model's are."""
        return [module for _, module in self if not is_stock(type(module))]


def members(model: nn.Module) -> Members:
    """The modules of a model and the names of their tensors, a shared one's first."""
    paths: dict[int, str] = {}
    registered = walk(model, paths)
    others = held(registered)
    paths.update((id(module), path) for path, module in others)
    tensors: dict[int, Named] = {}
    for path, module in chain(registered, others):
        own = vars(module)
        if own.get("_parameters") or own.get("_buffers"):  # Most modules have neither.
            name_tensors(path, module, tensors)
    return Members(registered, others, paths, tensors)


def name_tensors(path: str, module: nn.Module, known: dict[int, Named]) -> None:
    """Add the names of a module's own parameters and buffers to those that are known."""
    own = vars(module)
    for kind, table in (("parameter", own["_parameters"]), ("buffer", own["_buffers"])):
        if table:
            prefix = f"{path}." if path else ""
            for name, tensor in table.items():
                key = id(tensor)
                if tensor is not None and key not in known:
                    known[key] = (kind, (prefix + name,))


def moved(known: Mapping[int, T], originals: Members, copies: Members) -> dict[int, T]:
    """What is known of modules by `id`, for those of a copy of their model."""
    paths = {path: known[id(module)] for path, module in originals if id(module) in known}
    return {id(module): paths[path] for path, module in copies if path in paths}


def _is_stock(of: type) -> bool:
    """Whether a class is one of torch's own layers, not derived from one."""
    return module_of(of).startswith("torch.nn.modules.")


#: Typed as plain, since mypy takes the class of a Module for unhashable.
is_stock: Callable[[type], bool] = lru_cache(maxsize=4096)(_is_stock)


def nesting(model: nn.Module) -> int:
    """How many modules lie in each other, at most, the model itself included."""
    return 1 + max(path.count(".") + 1 if path else 0 for path, _ in walk(model))


def held(registered: Sequence[tuple[str, nn.Module]]) -> list[tuple[str, nn.Module]]:
    """The modules in plain containers of registered ones, and theirs, with paths as `layers[0]`."""
    found: list[tuple[str, nn.Module]] = []
    seen = {id(module) for _, module in registered}
    looked: set[int] = set()
    for path, module in registered:
        if is_stock(type(module)):
            continue  # Torch's own layers hold only numbers in tuples, and are most modules.
        for name, value in vars(module).items():
            if type(value) not in _PLAIN or not value or name in _TABLES:
                continue
            attribute = f"{path}.{name}" if path else name
            for where, item in _modules_in(value, attribute, looked):
                if id(item) in seen:
                    continue
                for inner, part in walk(item):
                    if id(part) not in seen:
                        seen.add(id(part))
                        found.append((f"{where}.{inner}" if inner else where, part))
    return found


def _modules_in(container: Any, where: str, seen: set[int]) -> Iterator[tuple[str, nn.Module]]:
    """The modules in a container and those inside of it, with paths; `seen` ones are passed over.

    What holds itself, or is held at many places, is so looked through once.
    """
    # A way is that of the holder with a key: as texts, those of a long chain would fill memory.
    pending: list[tuple[Any, Any]] = [((None, where), container)]
    while pending:
        way, value = pending.pop()
        if is_module(value):
            yield _path(way), value
        elif type(value) in _PLAIN and id(value) not in seen and len(seen) < MOST:
            seen.add(id(value))
            if len(value) > LARGEST:
                continue
            pairs: Any = value.items() if isinstance(value, Mapping) else enumerate(value)
            inside = [
                ((way, key), item) for key, item in pairs if type(item) in _PLAIN or is_module(item)
            ]
            pending += reversed(inside)


def _path(way: tuple[Any, Any]) -> str:
    keys: list[str] = []
    while way[0] is not None:
        way, key = way
        keys.append(f"[{key!r}]")
    return f"{way[1]}{''.join(reversed(keys))}"


def is_owned(tensor: Any, registered: Sequence[tuple[str, nn.Module]], frame: Any) -> bool:
    """Whether a parameter that no registered module has is a module's, or held in a container.

    A module that a forward makes anew is seen at work, on the stack that ends in `frame`.
    """
    while frame is not None:
        module = frame.f_locals.get("self")
        if is_module(module):
            own = vars(module)
            if any(one is tensor for one in (*own.get("_parameters", {}).values(), *own.values())):
                return True
        frame = frame.f_back
    return any(
        item is tensor
        for _, module in registered
        for value in vars(module).values()
        if type(value) in _PLAIN and len(value) <= LARGEST
        for item in (value.values() if isinstance(value, Mapping) else value)
    )
