"""What a running forward leaves behind: one record an operation, before the graph is made of it.

Recording must be cheap, so arguments stay as they came (tensors as `Handle`s) and are translated
once, when the graph or its fx module is made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from linecache import getline
from types import CodeType, MappingProxyType
from typing import Any

from modellint.graph import Site
from modellint.modules.user_files import users_files
from modellint.shapes import Tensor as Sized
from modellint.source.file import column_in
from modellint.symbolic.constraints import Constraint, DemandedBy, Relation
from modellint.symbolic.dims import Dim, Ratio
from modellint.symbolic.equalities import pinned
from modellint.symbolic.expressions import Expr, Symbol
from modellint.tracing.asking import Asking, Handings


class Handle(Sized):
    """A tensor argument: its sizes and dtype as the table sees them, and where it came from."""

    __slots__ = ("record",)

    def __init__(self, shape: tuple[int, ...], dtype: Any, record: Record) -> None:
        self.shape = shape
        self.dtype = dtype
        self.record = record


class Record:
    """One operation as it ran: its function, and its arguments with tensors as handles.

    `arguments` are the same by name, as the table's entry binds them; `None` until they are asked
    for (`binding.arguments_of`). `leaf` is the tensor of a parameter, buffer or constant; `path`
    its name, an input's, or the way to an element of a result. `like` is the index of the first
    record of the same function with equal arguments and sizes, its own where it is that.
    """

    __slots__ = (
        "args",
        "arguments",
        "call",
        "dtypes",
        "func",
        "index",
        "inputs",
        "kwargs",
        "leaf",
        "like",
        "module",
        "op",
        "path",
        "shapes",
        "varying",
    )

    def __init__(
        self,
        index: int,
        op: str,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        arguments: dict[str, Any] | None,
        inputs: tuple[Record, ...],
        module: Any,
        call: Site | None,
    ) -> None:
        self.index = self.like = index
        self.op = op
        self.func = func
        self.args = args
        self.kwargs = kwargs
        self.arguments = arguments
        self.inputs = inputs
        self.module = module
        self.call = call
        self.leaf: Any = None
        self.path: tuple[Any, ...] = ()
        self.shapes: tuple[tuple[int, ...], ...] = ()
        self.dtypes: tuple[str, ...] = ()
        self.varying = op == "input"
        for record in inputs:
            if record.varying:
                self.varying = True
                break


class Leaf(Record):
    """A parameter, buffer or constant: a tensor that no operation of the forward made.

    Nearly half of all records are such, hence the attributes of the class for what they lack.
    `owned` tells that a module or a container has the tensor, `number` is the size, the ratio or
    the row of sizes that it was made of.
    """

    __slots__ = ("number", "owned")
    func = None
    args = ()
    kwargs: Mapping[str, Any] = MappingProxyType({})  # type: ignore[assignment]
    arguments: Mapping[str, Any] = MappingProxyType({})  # type: ignore[assignment]
    inputs = ()
    call = None

    def __init__(
        self,
        index: int,
        op: str,
        leaf: Any,
        path: tuple[str, ...],
        module: Any,
        shape: tuple[int, ...],
        dtypes: tuple[str, ...],
    ) -> None:
        self.index = index
        self.op = op
        self.leaf = leaf
        self.path = path
        self.module = module
        self.shapes = (shape,)
        self.dtypes = dtypes
        self.varying = False
        self.owned = True
        self.number: Any = None


def _of_the_run(size: Dim) -> int:
    return size.value


def translated(
    argument: Any, tensor: Callable[[Record], Any], size: Callable[[Dim], int] = _of_the_run
) -> Any:
    """An argument with `tensor(record)` for each tensor and plain ints for sizes."""
    kind = type(argument)
    if kind in ATOMS:
        return argument
    if kind is Handle:
        return tensor(argument.record)
    if kind is Record:
        return tensor(argument)
    if kind is Dim:
        return size(argument)
    if kind is dict:
        return {key: translated(item, tensor, size) for key, item in argument.items()}
    if kind is slice:
        bounds = (argument.start, argument.stop, argument.step)
        return slice(*(translated(bound, tensor, size) for bound in bounds))
    if isinstance(argument, (tuple, list)):
        return (list if isinstance(argument, list) else tuple)(
            translated(item, tensor, size) for item in argument
        )
    return argument


class NeedsValues(Exception):
    """The forward asks for the value of a tensor that depends on the input."""


def dims_in(arg: Any) -> Iterator[Dim]:
    """The sizes in an argument, inside of containers too; not those of tensors."""
    if type(arg) in ATOMS or type(arg) is Handle:
        return
    if isinstance(arg, Dim):
        yield arg
    elif isinstance(arg, Ratio):
        if not arg.constant:
            yield arg.sizes
    elif isinstance(arg, (tuple, list)):
        for item in arg:
            yield from dims_in(item)
    elif isinstance(arg, dict):
        yield from dims_in(tuple(arg.values()))
    elif isinstance(arg, slice):
        yield from dims_in((arg.start, arg.stop, arg.step))


def dims_behind(record: Record) -> Iterator[Dim]:
    """The sizes among the arguments of everything that led to a record's value."""
    seen: set[int] = set()
    pending = [record]
    while pending:
        current = pending.pop()
        if current.index in seen:
            continue
        seen.add(current.index)
        yield from dims_in((current.args, current.kwargs))
        if isinstance(current, Leaf):
            yield from dims_in(current.number)
        pending.extend(current.inputs)


def _symbols(shape: tuple[int, ...]) -> Iterator[tuple[Expr, int]]:
    return ((size.expr, size.value) for size in shape if isinstance(size, Dim))


def _beyond(constraint: Constraint, sizes: Mapping[str, int]) -> bool:
    """Whether a constraint is about more than these sizes, such as an unknown one."""
    return any(symbol.name not in sizes for symbol in constraint.expr.symbols)


#: What an argument may be without holding a tensor or a size.
ATOMS = frozenset([int, float, bool, str, type(None)])


class Tape:
    """The records and constraints of one forward, in order."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.constraints: dict[tuple[Expr, Relation], Constraint] = {}
        #: How many records there were when the code first compared sizes so.
        self.compared: dict[tuple[Expr, Relation], int] = {}
        self.unknowns: dict[str, int] = {}
        #: The code that asked for sizes, by its identity.
        self.asking: dict[int, Asking] = {}
        #: Which arguments of forwards were sizes, or may have held some.
        self.handings: Handings = {}
        self.describe: Callable[[], str] = str

    @cached_property
    def pins(self) -> dict[Symbol, Expr]:
        """The symbols that the finished run left no choice.

        What it refused its sizes for fixes none: the run did not have that size.
        """
        sizes = self.sizes
        return pinned(
            c
            for c in self.constraints.values()
            if (c.origin != "branch" and c.relation == ">=")
            or (c.relation == "==" and (_beyond(c, sizes) or c.holds(sizes)))
        )

    @property
    def sizes(self) -> dict[str, int]:
        """The symbols of the inputs, and the sizes that the run gave them."""
        return {
            str(size): plain
            for record in self.records
            if record.op == "input"
            for size, plain in _symbols(record.shapes[0])
        }

    def demand(self, expr: Expr, relation: Relation, origin: DemandedBy) -> None:
        """Keep one constraint; the first place that demands it gives the reason.

        What an operation demands stands over what a branch only happened to compare.
        """
        key = (expr, relation)
        known = self.constraints.get(key)
        if known is None or (known.origin == "branch" and origin == "operation"):
            self.constraints[key] = Constraint(expr, relation, self.describe(), origin)
        if known is None and origin == "branch":
            self.compared[key] = len(self.records)


#: By the code's identity, since a code object hashes all that it holds; it is kept alive beside.
_sites: dict[tuple[int, int], tuple[Site, CodeType]] = {}


def site(code: CodeType, instruction: int) -> Site:
    """The place of an instruction, with columns in code points, from 1."""
    key = (id(code), instruction)
    found = _sites.get(key)
    if found is None:
        line, end, column, last = list(code.co_positions())[instruction // 2]
        line = line or code.co_firstlineno
        end, path = end or line, code.co_filename
        first, behind = (
            column_in(getline(path, at), offset or 0)
            for at, offset in ((line, column), (end, last))
        )
        found = _sites[key] = (Site(path, line, first, end, behind), code)
    return found[0]


def running_site() -> Site | None:
    """The innermost line of user code that runs, seen from what a torch call led to."""
    frame: Any = sys._getframe(2)
    users = users_files
    while frame is not None:
        code = frame.f_code
        if users[code.co_filename]:
            return site(code, frame.f_lasti)
        frame = frame.f_back
    return None
