"""What attributes and keys of values give, and what storing into them changes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modellint.discovery.inlining import FLUENT
from modellint.discovery.plain_functions import NotConstant, method
from modellint.programs import tensors
from modellint.programs.imports import Imports
from modellint.programs.option_parsers import OptionParser
from modellint.programs.reading import is_key, mapping_of
from modellint.programs.values import (
    UNKNOWN,
    Bound,
    ClassValue,
    Data,
    Either,
    FilePath,
    FunctionValue,
    Instance,
    Library,
    Made,
    Method,
    ModuleValue,
    Native,
    Partial,
    Record,
    Spread,
    Stream,
    Super,
    Tensor,
    Value,
    copied,
    either,
    is_plain,
    same,
)

#: What yacs gives its settings: all but a copy change nothing that is read.
_OF_SETTINGS = frozenset(
    "clone freeze defrost merge_from_file merge_from_list merge_from_other_cfg".split()
)
_FUNCTIONS = (ClassValue, FunctionValue, Method, ModuleValue, Partial, Native)


class Objects(Imports):
    """Reads and changes objects, modules and containers."""

    # Attributes -------------------------------------------------------------------------------

    def attribute(self, owner: Value, name: str) -> Value:
        """What an attribute gives; unknown where that is not told."""
        kinds: Mapping[type, Callable[[Any, str], Value]] = {
            Library: self._of_library,
            ModuleValue: self._of_module_value,
            ClassValue: self._of_class,
            Instance: self.of_instance,
            Record: self._of_record,
            Super: self._of_super,
            Either: lambda one, name: either([self.attribute(x, name) for x in one.options]),
            Tensor: _of_tensor,
            Made: _of_made,
            FilePath: _of_path,
            OptionParser: lambda one, name: one.method(name, self),
            FunctionValue: lambda one, name: one.name if name == "__name__" else UNKNOWN,
            Data: lambda one, name: UNKNOWN,
        }
        if type(owner) in kinds:
            return kinds[type(owner)](owner, name)
        if isinstance(owner, dict | list | tuple | set | str):
            return Native(lambda given, named: self.method(owner, name, given, named))
        return UNKNOWN

    def _of_library(self, owner: Library, name: str) -> Value:
        if owner.dotted == "math" and name in ("pi", "e", "tau", "inf"):
            return getattr(math, name)
        if owner.dotted == "sys" and name == "argv":
            return ["script.py"]
        if owner.dotted == "torch.nn.modules":
            return Library(f"torch.nn.{name}")
        return Library(f"{owner.dotted}.{name}")

    def _of_module_value(self, owner: ModuleValue, name: str) -> Value:
        if name == "__dict__":
            self.ready(owner.module)
            return {key: self.resolved(one) for key, one in owner.module.names.items()}
        return self.of_module(owner.module, name)

    def _of_class(self, owner: ClassValue, name: str) -> Value:
        if name == "__name__":
            return owner.name
        found = owner.find(name)
        if found is None:
            return UNKNOWN
        value = self.resolved(found.value)
        if isinstance(value, FunctionValue) and "classmethod" in value.marks:
            return Method(value, owner)
        return value

    def of_instance(self, owner: Instance, name: str) -> Value:
        """What an attribute of an object gives."""
        if name in owner.attributes:
            return owner.attributes[name]
        if name == "__dict__":
            return owner.attributes
        if name == "__class__":
            return owner.cls
        found = owner.cls.find(name)
        if found is not None:
            return self.bound(found.value, owner)
        if name in _OF_SETTINGS and any(one.endswith("CfgNode") for one in owner.cls.libraries()):
            return Native(lambda given, named: copied(owner) if name == "clone" else None)
        if owner.held is not None:
            held = owner.held
            return Native(lambda given, named: self.method(held, name, given, named))
        if owner.cls.is_model:
            if name in FLUENT or name in ("double", "requires_grad_"):
                return Native(lambda given, named: owner)
            if name in ("save_hyperparameters", "register_buffer", "add_module"):
                return Native(lambda given, named: self._registered(owner, name, given))
        missing = owner.cls.find("__getattr__")
        if missing is not None and isinstance(missing.value, FunctionValue):
            return self.invoke(missing.value, owner, [name], {})
        return UNKNOWN

    def _registered(self, owner: Instance, name: str, given: Sequence[Value]) -> Value:
        if name != "save_hyperparameters" and len(given) == 2 and isinstance(given[0], str):
            owner.attributes[given[0]] = given[1]
        return None

    def bound(self, value: Value, owner: Instance) -> Value:
        """What a name of a class stands for, read of an object: methods are bound to it."""
        value = self.resolved(value)
        if not isinstance(value, FunctionValue) or value.marks & {"staticmethod"}:
            return value
        if "classmethod" in value.marks:
            return Method(value, owner.cls)
        if value.marks & {"property", "cached_property"}:
            return self.invoke(value, owner, [], {})
        return Method(value, owner)

    def _of_record(self, owner: Record, name: str) -> Value:
        if name in owner.values:
            return owner.values[name]
        if name == "__dict__":
            return owner.values
        if name in _OF_SETTINGS:
            return Native(lambda given, named: copied(owner) if name == "clone" else None)
        return Native(lambda given, named: self.method(owner.values, name, given, named))

    def _of_super(self, owner: Super, name: str) -> Value:
        cls = owner.this.cls if isinstance(owner.this, Instance) else owner.this
        if not isinstance(cls, ClassValue):
            return UNKNOWN
        found = cls.find(name, after=owner.owner)
        if found is not None:
            if isinstance(owner.this, Instance):
                return self.bound(found.value, owner.this)
            value = self.resolved(found.value)
            return Method(value, cls) if isinstance(value, FunctionValue) else value
        if isinstance(owner.this, Instance) and owner.this.held is not None:
            held = owner.this.held
            name = "update" if name == "__init__" else name
            return Native(lambda given, named: self.method(held, name, given, named))
        return Native(lambda given, named: None) if name == "__init__" else UNKNOWN

    # Items ------------------------------------------------------------------------------------

    def item(self, owner: Value, index: Value) -> Value:
        """What an index or a key gives; unknown where that is not told."""
        if isinstance(owner, Either):
            return either([self.item(one, index) for one in owner.options])
        if isinstance(owner, Tensor):
            return tensors.indexed(owner, index)
        known = mapping_of(owner)
        own = isinstance(owner, Instance) and owner.cls.find("__getitem__") is not None
        if known is not None and not own:
            return self._entry(known, index)
        if isinstance(owner, list | tuple | str):
            try:
                return owner[index]
            except (IndexError, TypeError, ValueError):
                return UNKNOWN
        if isinstance(owner, Instance):
            found = owner.cls.find("__getitem__")
            if found is not None and isinstance(found.value, FunctionValue):
                return self.invoke(found.value, owner, [index], {})
        if isinstance(owner, Data):
            return owner.item
        if isinstance(owner, Record) and isinstance(index, str):
            return owner.values.get(index, UNKNOWN)
        if isinstance(owner, Library | ClassValue):
            return owner  # `Generic[T]`, `list[int]`
        return UNKNOWN

    def _entry(self, known: Mapping[Any, Value], key: Value) -> Value:
        if isinstance(key, Either):
            return either([self._entry(known, one) for one in key.options])
        values = [self.resolved(one) for one in known.values()]
        buildable = bool(values) and all(isinstance(one, _FUNCTIONS) for one in values)
        if buildable and (self.exploring or not is_plain(key)):
            return either(values)
        if not is_key(key):
            return UNKNOWN
        if key not in known and not self.import_rest():
            return UNKNOWN
        return self.resolved(known.get(key, UNKNOWN))

    def method(
        self, owner: Any, name: str, given: Sequence[Value], named: Mapping[str, Value]
    ) -> Value:
        """What a method of a container or a text gives, which may change the container."""
        if isinstance(owner, dict):
            return self._of_dict(owner, name, given, named)
        if isinstance(owner, list) and name in _LIST_CHANGES:
            return self._of_list(owner, name, given)
        if isinstance(owner, set):
            if name in ("add", "update", "discard", "remove"):
                owner.clear()
            return UNKNOWN
        if isinstance(owner, list) and name == "copy":
            return list(owner)
        if not all(map(is_plain, given)) and not (name == "join" and self.listed(given[0])):
            return UNKNOWN
        try:
            return method(owner, name, list(given), dict(named))
        except (NotConstant, TypeError, ValueError, LookupError, AttributeError):
            return UNKNOWN

    def _of_dict(
        self, owner: dict[Any, Value], name: str, given: Sequence[Value], named: Mapping[str, Value]
    ) -> Value:
        key = given[0] if given else None
        default = given[1] if len(given) > 1 else None
        if name in ("get", "pop", "setdefault") and given:
            if not is_key(key):
                found = self._entry(owner, key)
                if name == "setdefault":
                    owner[Spread()] = UNKNOWN
            elif self.exploring and isinstance(key, str) and key in owner:
                found = self._entry(owner, key)
            elif key in owner or (self.import_rest() and key in owner):
                found = self.resolved(owner[key])
            else:
                found = UNKNOWN if Spread() in owner else default
            if name == "pop" and is_key(key):
                owner.pop(key, None)
            elif name == "setdefault" and is_key(key) and key not in owner:
                self.store(owner, key, default)
            return found
        if name == "update":
            added = mapping_of(key) if given else {}
            if added is None:
                pairs = self.listed(key) or [(Spread(), UNKNOWN)]
                added = {
                    one[0]: one[1] for one in pairs if isinstance(one, tuple) and len(one) == 2
                }
            for one, value in {**added, **named}.items():
                self.store(owner, one, value)
            return None
        if name == "__getitem__" and given:
            return self._entry(owner, key)
        if name == "__setitem__" and len(given) == 2 and is_key(key):
            self.store(owner, key, given[1])
            return None
        if name == "__contains__" and is_key(key):
            return key in owner or (UNKNOWN if Spread() in owner else False)
        if name in ("keys", "values", "items"):
            if Spread() in owner:
                return UNKNOWN
            pairs = [(one, self.resolved(value)) for one, value in owner.items()]
            at = {"keys": 0, "values": 1}.get(name)
            return [pair if at is None else pair[at] for pair in pairs]
        return dict(owner) if name in ("copy", "to_dict", "dict", "model_dump") else UNKNOWN

    def _of_list(self, owner: list[Value], name: str, given: Sequence[Value]) -> Value:
        if name == "pop":
            at = given[0] if given else -1
            known = owner and isinstance(at, int) and -len(owner) <= at < len(owner)
            return owner.pop(at) if known else UNKNOWN
        if self.doubt and id(owner) not in self.fresh:
            # Whether it grows is not known, nor how often.
            grown = given if name == "append" else ()
            if not all(any(same(one, other) for other in owner) for one in grown):
                owner.append(Spread())
            return None
        if name == "append" and given:
            owner.append(given[0])
        elif name == "extend" and given:
            added = self.listed(given[0])
            owner += [Spread()] if added is None else added
        elif name == "insert" and len(given) == 2 and isinstance(given[0], int):
            owner.insert(given[0], given[1])
        elif name == "reverse":
            owner.reverse()
        else:
            owner[:] = [Spread()]
        return None

    # Storing ----------------------------------------------------------------------------------

    def store(self, owner: dict[Any, Value], key: Any, value: Value) -> None:
        """Set an entry; where that is not sure to happen, it is one of what was there and this."""
        sure = not self.doubt or id(owner) in self.fresh
        old = owner.get(key, UNKNOWN)
        owner[key] = value if sure or key not in owner else either([old, value, UNKNOWN])

    def set_attribute(self, owner: Value, name: str, value: Value) -> None:
        """Set an attribute of what has some."""
        if isinstance(owner, Either):
            for one in owner.options:
                self.set_attribute(one, name, value)
            return
        held = {
            Instance: lambda: owner.attributes,
            Record: lambda: owner.values,
            ModuleValue: lambda: owner.module.names,
            ClassValue: lambda: owner.names,
        }.get(type(owner))
        if held is None:
            return
        names = held()
        if self.doubt and id(owner) in self.fresh:
            self.fresh[id(names)] = names
        self.store(names, name, value)

    def set_item(self, owner: Value, index: Value, value: Value) -> None:
        """Set an entry of a container."""
        known = mapping_of(owner)
        if known is not None:
            if is_key(index):
                self.store(known, index, value)
            else:
                for key in known:
                    self.store(known, key, UNKNOWN)
                known[Spread()] = UNKNOWN
        elif isinstance(owner, list):
            if isinstance(index, int) and -len(owner) <= index < len(owner) and not self.doubt:
                owner[index] = value
            else:
                owner[:] = [one if isinstance(one, Spread) else UNKNOWN for one in owner]
        elif isinstance(owner, Instance):
            found = owner.cls.find("__setitem__")
            if found is not None and isinstance(found.value, FunctionValue):
                self.invoke(found.value, owner, [index, value], {})

    # What whoever derives from this knows -------------------------------------------------------

    def invoke(
        self,
        function: FunctionValue,
        this: Value,
        given: Sequence[Value],
        named: Mapping[str, Value],
    ) -> Value:
        """What a function of the project gives."""
        raise NotImplementedError


_LIST_CHANGES = frozenset("append extend insert pop remove clear sort reverse".split())


def _of_tensor(owner: Tensor, name: str) -> Value:
    if name == "shape" and owner.of is None:
        return tensors.sizes_read(owner, ())
    if name == "ndim" and owner.of is None:
        return len(owner.shape)
    if name in ("T", "mT") and owner.of is None and len(owner.shape) > 1:
        return Tensor((*owner.shape[:-2], owner.shape[-1], owner.shape[-2]), owner.dtype)
    if name in ("device", "dtype", "grad", "shape", "ndim"):
        return UNKNOWN
    if name in ("data", "real"):
        return owner
    return Native(lambda given, named: tensors.of_method(owner, name, given, named))


def _of_made(owner: Made, name: str) -> Value:
    if name in FLUENT:
        return Native(lambda given, named: owner)
    if "random" in owner.dotted.lower() or owner.dotted.endswith("Generator"):
        return Native(lambda given, named: tensors.drawn(name, given, named) or UNKNOWN)
    if name in owner.named:
        return owner.named[name]
    return UNKNOWN


def _of_path(owner: FilePath, name: str) -> Value:
    path = owner.path
    plain: Mapping[str, Callable[[], Value]] = {
        "parent": lambda: FilePath(os.path.dirname(path) or "."),  # noqa: PTH120
        "name": lambda: os.path.basename(path),  # noqa: PTH119
        "stem": lambda: os.path.splitext(os.path.basename(path))[0],  # noqa: PTH119, PTH122
        "suffix": lambda: os.path.splitext(path)[1],  # noqa: PTH122
    }
    if name in plain:
        return plain[name]()
    if name in ("resolve", "absolute", "open", "expanduser", "read", "read_text"):
        # Its text is read by what understands settings, and by nothing else.
        return Native(lambda given, named: owner)
    if name == "joinpath":
        return Native(lambda given, named: FilePath("/".join([path, *map(str, given)])))
    return UNKNOWN


__all__ = ["Bound", "Objects", "Stream"]
