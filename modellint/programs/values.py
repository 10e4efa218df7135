"""What names stand for while a project's files are read: plain values, objects, tensors, unknowns.

Plain values are Python's own: numbers, texts, `None`, and lists, tuples and dictionaries of values,
which are changed in place as the code changes them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modellint.programs.modules import Module

#: What a name may stand for; a class for each kind is below.
Value = Any
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Unknown:
    """What reading does not tell, such as the size of a data set."""


UNKNOWN = Unknown()


@dataclass(frozen=True, eq=False, slots=True)
class Either:
    """One of several values, by a condition that is not known."""

    options: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """A name of a library: `torch.nn.ReLU`."""

    dotted: str


@dataclass(frozen=True, eq=False, slots=True)
class Made:
    """What a call of a library gives, as it is written: `nn.ReLU(True)`."""

    dotted: str
    given: tuple[Value, ...]
    named: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor or an array; `None` is a size that is not known, `of` the model that gives it."""

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    of: Instance | None = None


@dataclass(eq=False, slots=True)
class Scope:
    """Names where code runs: a function's, those around it, and at last the module's.

    `owner` and `this` are the class and the object that a method is of.
    """

    module: Module
    names: dict[str, Value]
    outer: Scope | None = None
    owner: ClassValue | None = None
    this: Value = None
    shared: set[str] = field(default_factory=set)
    #: Whether it is the body of a class, whose names its methods do not see.
    is_body: bool = False

    def lookup(self, name: str) -> Value | None:
        """What a name stands for here; `None` for one that is bound nowhere."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return Bound(scope.names[name])
            scope = scope.outer
        if name in self.module.names:
            return Bound(self.module.names[name])
        return None


@dataclass(frozen=True, eq=False, slots=True)
class Bound:
    """A value that a lookup found, `None` among them."""

    value: Value


@dataclass(eq=False, slots=True)
class FunctionValue:
    """A function of the project, with the scope that it was defined in.

    `marks` are the last names of its decorators, `given` what those say of its parameters.
    """

    node: Function
    scope: Scope
    defaults: Mapping[str, Value]
    owner: ClassValue | None = None
    marks: frozenset[str] = frozenset()
    given: dict[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called; empty for a lambda."""
        return getattr(self.node, "name", "")


@dataclass(frozen=True, eq=False, slots=True)
class Method:
    """A function of the project that is bound to an object or a class."""

    function: FunctionValue
    this: Value


@dataclass(eq=False, slots=True)
class ClassValue:
    """A class of the project: `fields` are those of a dataclass and its kin, with their defaults.

    A default is an expression, or `None` where there is none.
    """

    name: str
    node: ast.ClassDef
    module: Module
    bases: tuple[Value, ...]
    names: dict[str, Value]
    fields: dict[str, ast.expr | None] | None = None

    def lineage(self) -> Iterator[ClassValue]:
        """The class and those of the project that it derives from, nearest first."""
        seen: list[ClassValue] = []
        pending: list[ClassValue] = [self]
        while pending:
            one = pending.pop(0)
            if all(one is not other for other in seen):
                seen.append(one)
                yield one
                pending += [base for base in one.bases if isinstance(base, ClassValue)]

    def libraries(self) -> Iterator[str]:
        """The classes of libraries that it derives from, those of its bases included."""
        for one in self.lineage():
            for base in one.bases:
                for option in base.options if isinstance(base, Either) else (base,):
                    if isinstance(option, Library):
                        yield option.dotted

    def find(self, name: str, after: ClassValue | None = None) -> Bound | None:
        """What a name of the class or of its bases stands for; of those `after` one, if it says."""
        past = after is None
        for one in self.lineage():
            if past and name in one.names:
                return Bound(one.names[name])
            past = past or one is after
        return None

    @property
    def is_model(self) -> bool:
        """Whether its objects are modules of torch's."""
        foreign = [*self.libraries()]
        if any(one.startswith("torch.nn.") or one.endswith("LightningModule") for one in foreign):
            return not any(one.endswith("Loss") for one in foreign)
        unknown = any(isinstance(base, Unknown) for one in self.lineage() for base in one.bases)
        return unknown and self.find("forward") is not None

    @property
    def is_mapping(self) -> bool:
        """Whether its objects are dictionaries."""
        return any(one.rpartition(".")[2] in _MAPPINGS for one in self.libraries())


_MAPPINGS = frozenset("dict OrderedDict UserDict defaultdict".split())


@dataclass(eq=False, slots=True)
class Instance:
    """An object of a class of the project.

    `held` are the entries of one that is a dictionary; `given` and `named` what it was made with.
    """

    cls: ClassValue
    attributes: dict[str, Value]
    given: tuple[Value, ...] = ()
    named: Mapping[str, Value] = field(default_factory=dict)
    held: dict[Any, Value] | None = None
    #: Whether a name that is not known was set.
    open: bool = False


@dataclass(eq=False, slots=True)
class Record:
    """Settings that are read by attribute, and by key as well where they are a `table`."""

    values: dict[str, Value]
    table: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class ModuleValue:
    """A module of the project."""

    module: Module


@dataclass(eq=False, slots=True)
class Lazy:
    """What an import binds, until somebody asks: a module, or a `name` of one."""

    dotted: str
    name: str | None
    importer: Module
    value: Value = None
    known: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """Arguments of which not even the number is known."""


@dataclass(frozen=True, eq=False, slots=True)
class Native:
    """Something that can be called and whose answer is known here."""

    call: Callable[[Sequence[Value], Mapping[str, Value]], Value]


@dataclass(frozen=True, eq=False, slots=True)
class Partial:
    """A function with some of its arguments."""

    function: Value
    given: tuple[Value, ...]
    named: Mapping[str, Value]


@dataclass(frozen=True, eq=False, slots=True)
class Super:
    """What `super()` gives: the bases of a class, for an object."""

    owner: ClassValue
    this: Value


@dataclass(frozen=True, eq=False, slots=True)
class Stream:
    """What is looped over and whose length is not known, by the items that stand for all."""

    items: tuple[Value, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Data:
    """A loader of batches, or a data set: one item stands for all."""

    item: Value


@dataclass(frozen=True, slots=True)
class FilePath:
    """A path, an open file at one, or the text in it."""

    path: str


PLAIN = (int, float, str, bool, bytes, type(None))


def is_plain(value: Value) -> bool:
    """Whether a value is a number, a text, or `None`."""
    return isinstance(value, PLAIN)


def either(values: Sequence[Value]) -> Value:
    """One value where all are the same, else the choice of them; what is unknown adds nothing."""
    options: list[Value] = []
    for value in values:
        for one in value.options if isinstance(value, Either) else (value,):
            if not isinstance(one, Unknown) and not any(same(one, other) for other in options):
                options.append(one)
    if not options:
        return UNKNOWN
    unknown = any(isinstance(one, Unknown) for one in values)
    if len(options) == 1 and not unknown:
        return options[0]
    return Either(tuple(options[:MOST_OPTIONS]))


#: How many options a choice has at most.
MOST_OPTIONS = 8


def same(one: Value, other: Value) -> bool:
    """Whether two values are equal, for all that is known."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return isinstance(one, (*PLAIN, Library, Tensor, FilePath)) and bool(one == other)


def truth(value: Value) -> bool | None:
    """Whether a value counts as true; `None` where that is not known."""
    if isinstance(value, (*PLAIN, list, tuple, dict, set)):
        return bool(value)
    if isinstance(value, Either):
        answers = {truth(one) for one in value.options}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(value, Instance):
        return None if value.cls.find("__bool__") or value.cls.find("__len__") else True
    return None if isinstance(value, Unknown | Tensor | Made | Data | Stream) else True


def copied(value: Value) -> Value:
    """Another object with the same parts, as a deep copy gives; models and what is plain stay."""
    if isinstance(value, list):
        return [copied(one) for one in value]
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}
    if isinstance(value, Record):
        return Record(copied(value.values), value.table)
    if isinstance(value, Instance) and not value.cls.is_model:
        attributes = copied(value.attributes)
        return Instance(value.cls, attributes, value.given, value.named, value.held, value.open)
    return value
