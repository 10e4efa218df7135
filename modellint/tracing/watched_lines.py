"""Watches which lines of a model's file run in a forward, and what tensors each leaves behind.

Python's trace function tells when a line is done: what a `print` behind it would see is then read,
by the identity of the tensors, which asks nothing of them. It is off while the tracer works, which
would take twice as long otherwise; up to Python 3.11, since from then on every change of the trace
function has all code prepared anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import FrameType, FunctionType, TracebackType
from typing import Any

import torch
from torch import nn

from modellint.graph import Node, Site, Tensor
from modellint.graph.line_values import LineValue, LineValues, NamedTensor
from modellint.modules.members import Members
from modellint.source.classes import source_of
from modellint.source.file import SourceFile
from modellint.source.statements import Statement, Unit, units
from modellint.tracing.dtypes import dtype_name
from modellint.tracing.frame_values import NOTHING, held, items
from modellint.tracing.held_tensors import Value
from modellint.tracing.tape import Record
from modellint.tracing.tracer import Tracer

#: Frames that begin again where they have stopped.
_RESUMED = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
#: Code within a statement, which in Python 3.12 has no frame of its own any more.
_INSIDE = frozenset(["<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<module>"])
#: Past what a class of the user's may have under the name.
_DTYPE: Any = vars(torch._C.TensorBase)["dtype"]
_TOGGLED = sys.version_info < (3, 12)
#: How many tensors are looked for in what one line leaves, and how deep.
_MOST = 256
_DEEPEST = 4
#: What has no forward of its own: whoever holds it calls its parts, or torch does.
_CONTAINERS = (nn.Sequential.forward, nn.Module.forward)

#: A tensor of the run by the record that made it; a parameter that no operation took by itself.
Left = tuple[tuple[str, Record | Tensor], ...]


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """A file whose lines are watched."""

    source: SourceFile

    @property
    def units(self) -> Mapping[int, Unit]:
        """Its simple statements by their lines."""
        return units(self.source.tree)


#: The files of a model, by the names that their code has.
Watched = Mapping[str, WatchedFile]


def files_to_watch(source: SourceFile | None, model: nn.Module, modules: Members) -> Watched | None:
    """The files of a model's class and its bases, and `source`, where it comes from.

    Those of its `modules` for a model that is of no file, as one that is put together of layers.
    `None` where something else has Python's trace function, such as a debugger, whose breakpoints
    would be passed over.
    """
    if sys.gettrace() is not None:
        return None
    found = {} if source is None else {source.path: WatchedFile(source)}
    for cls in type(model).__mro__:
        _add_file(found, cls, source)
    alone = not found
    for part in {type(module): None for _, module in modules}:
        # The parts of a model that is typed into a kernel are in cells of their own.
        _add_file(found, part, source, only_typed=not alone)
    return found


def _add_file(
    found: dict[str, WatchedFile], cls: Any, source: SourceFile | None, only_typed: bool = False
) -> None:
    """Add the file of a class, by the names that the code of its functions has."""
    own = source_of(cls, source)
    if own is None or (only_typed and os.path.exists(own.path)):  # noqa: PTH110
        return
    file = found.setdefault(own.path, WatchedFile(own))
    for function in vars(cls).values():
        if isinstance(function, FunctionType):
            name = function.__code__.co_filename
            # What was imported by a relative path says so.
            if name not in found and os.path.abspath(name) == own.path:  # noqa: PTH100
                found[name] = file


class Seen:
    """What one statement left, as often as it ran."""

    def __init__(self, path: str, line: int, end_line: int, first: Left) -> None:
        self.path, self.line, self.end_line = path, line, end_line
        self.first = self.last = first
        self.count, self.changes = 0, 0
        self._known = _sizes(first)

    def add(self, left: Left) -> None:
        """Count another run."""
        self.count += 1
        sizes = _sizes(left)
        if sizes != self._known:
            self._known = sizes
            self.changes += 1
        self.last = left


def _sizes(left: Left) -> tuple[Any, ...]:
    """What tells sizes apart within a run, where equal shapes are one object."""
    return tuple(
        (name, id(made.shapes[0]), made.dtypes[0]) if isinstance(made, Record) else (name, made)
        for name, made in left
    )


class Watch:
    """What has been seen of a model's files in one run."""

    def __init__(self, files: Watched, tracer: WatchedTracer, members: Members) -> None:
        self.files = files
        self.tracer: WatchedTracer | None = tracer
        self.records = tracer.tape.records
        self.reached: dict[str, set[int]] = {file.source.path: set() for file in files.values()}
        self.stopped: tuple[str, int] | None = None
        self.seen: dict[int, Seen] = {}
        #: What parts of containers put out, by the part's `id`, in order.
        self.parts: list[tuple[int, Left]] = []
        self.called_by_name: set[int] = set()
        self._parts = frozenset(_parts_of_containers(members))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch what runs in the block, on this thread."""
        assert self.tracer is not None
        if _TOGGLED:
            self.tracer.watch = self.called
        sys.settrace(self.called)
        try:
            yield
        except Exception as error:
            self.stopped = self._place_of(error.__traceback__)
            raise
        finally:
            sys.settrace(None)
            self.tracer.watch = None
            self.tracer = None  # It holds all tensors of the run.

    def called(self, frame: FrameType, event: str, arg: Any) -> Any:
        """What Python is to tell of a frame that begins; nothing of those in other files."""
        code = frame.f_code
        file = self.files.get(code.co_filename)
        if file is None or code.co_flags & _RESUMED or code.co_name in _INSIDE:
            return None
        return _Frame(self, file).event

    def returned(self, module: nn.Module, output: Any) -> None:
        """Note what a module's forward gave, where the module is part of a container."""
        if id(module) not in self._parts:
            self.called_by_name.add(id(module))
        else:
            left = tuple(self.tensors_in("", output))
            if left:
                self.parts.append((id(module), left))

    def left(self, statement: Statement, frame: FrameType, returned: Any) -> Left:
        """The tensors that a statement has left in a frame, or returned."""
        if statement.returns:
            return () if returned is NOTHING else tuple(self.tensors_in("", returned))
        found: list[tuple[str, Record | Tensor]] = []
        for place in statement.places:
            value = held(place.node, frame)
            if value is not NOTHING:
                found += self.tensors_in(place.name, value)
        return tuple(found)

    def tensors_in(
        self, name: str, value: Any, depth: int = 0
    ) -> Iterator[tuple[str, Record | Tensor]]:
        """The tensors of a value by their names in it, those in containers too.

        Nothing is asked of a value that its class could answer in a way of its own.
        """
        known: Value | None = self.tracer.values.get(id(value)) if self.tracer else None
        if known is not None:
            yield name, known.record
            return
        kind = type(value)
        if issubclass(kind, torch.Tensor):
            with torch._C.DisableTorchFunction():
                sizes, dtype = torch.Tensor.size(value), _DTYPE.__get__(value)
            yield name, Tensor(tuple(sizes), dtype_name(dtype))
            return
        if depth == _DEEPEST:
            return
        count = 0
        for inner, item in items(value, kind, name):
            for found in self.tensors_in(inner, item, depth + 1):
                if count == _MOST:
                    return
                count += 1
                yield found

    def note(self, path: str, statement: Statement, left: Left) -> None:
        """Add what a statement left to what it did before."""
        seen = self.seen.get(id(statement))
        if seen is None:
            seen = Seen(path, statement.line, statement.end_line, left)
            self.seen[id(statement)] = seen
        seen.add(left)

    def _place_of(self, at: TracebackType | None) -> tuple[str, int] | None:
        """The innermost line of the files that an exception came through."""
        place = None
        while at is not None:
            file = self.files.get(at.tb_frame.f_code.co_filename)
            if file is not None:
                place = (file.source.path, at.tb_lineno)
            at = at.tb_next
        return place

    def values(
        self, nodes: Mapping[Record, Node], sites: Mapping[int, tuple[Site | None, Site | None]]
    ) -> LineValues:
        """What was seen, with sizes in the form that the graph of the run has."""
        built: dict[Site, Seen] = {}
        # What a line builds for calls by name as well is told of where it is called.
        named = {self._built_at(module, sites) for module in self.called_by_name}
        for module, left in self.parts:
            at = self._built_at(module, sites)
            if at is not None and at not in named:
                seen = built.get(at)
                if seen is None:
                    path = self.files[at.path].source.path
                    seen = built[at] = Seen(path, at.line, max(at.line, at.end_line), left)
                seen.add(left)
        made = [
            *(_value(seen, nodes, built=True) for seen in built.values()),
            *(_value(seen, nodes, built=False) for seen in self.seen.values()),
        ]
        values = tuple(one for one in made if one is not None)
        sources = {file.source.path: file.source for file in self.files.values()}
        lines: dict[str, set[int]] = {path: set() for path in sources}
        for at in (*named, *built):
            if at is not None:
                lines[self.files[at.path].source.path].add(at.line)
        return LineValues(
            tuple(sources.values()),
            {path: sorted(reached) for path, reached in self.reached.items()},
            {path: sorted(some) for path, some in lines.items()},
            values,
            self.stopped,
        )

    def _built_at(
        self, module: int, sites: Mapping[int, tuple[Site | None, Site | None]]
    ) -> Site | None:
        """Where a module was constructed, if in one of the files."""
        site, inside = sites.get(module, (None, None))
        # What a library calls to have a block built is in its own file, the block is not.
        return next((one for one in (inside, site) if one and one.path in self.files), None)


class WatchedTracer(Tracer):
    """A tracer during whose work no line is watched."""

    watch: Any = None

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        watch = self.watch
        if watch is None:
            return super().__torch_function__(func, types, args, kwargs)
        sys.settrace(None)
        try:
            return super().__torch_function__(func, types, args, kwargs)
        finally:
            sys.settrace(watch)

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record one operation and answer with its result on meta."""
        watch = self.watch
        if watch is None:
            return super().call(func, args, kwargs)
        sys.settrace(None)
        try:
            return super().call(func, args, kwargs)
        finally:
            sys.settrace(watch)


class _Frame:
    """What runs in one frame of the file: the unit of statements that is not done yet."""

    __slots__ = ("began", "failed", "file", "reached", "unit", "watch")

    def __init__(self, watch: Watch, file: WatchedFile) -> None:
        self.watch = watch
        self.file = file
        self.reached = watch.reached[file.source.path]
        self.unit: Unit | None = None
        self.began = 0
        self.failed = False

    def event(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Take what Python tells of the frame; the next event comes here as well."""
        if event == "line":
            self.failed = False
            line = frame.f_lineno
            self.reached.add(line)
            unit = self.file.units.get(line)
            if unit is not self.unit or (unit is not None and unit.single):
                self._done(frame, NOTHING)
                self.unit = unit
                self.began = len(self.watch.records)
        elif event == "exception":
            # What was begun is not done, whether or not somebody catches it.
            self.unit = None
            self.failed = True
        elif event == "return" and not self.failed:
            self._done(frame, arg)
        return self.event

    def _done(self, frame: FrameType, returned: Any) -> None:
        unit = self.unit
        if unit is None:
            return
        for statement in unit.statements:
            left = self.watch.left(statement, frame, returned)
            if left and not (unit.shared and self._stale(statement, left)):
                self.watch.note(self.file.source.path, statement, left)

    def _stale(self, statement: Statement, left: Left) -> bool:
        """Whether what stands at the place was there before: the statement did not run."""
        if statement.returns:
            return False
        return not any(isinstance(one, Record) and one.index >= self.began for _, one in left)


def _value(seen: Seen, nodes: Mapping[Record, Node], built: bool) -> LineValue | None:
    first, last = _tensors(seen.first, nodes), _tensors(seen.last, nodes)
    if not (first and last):
        return None
    between = seen.changes > (first != last)
    return LineValue(seen.path, seen.line, seen.end_line, seen.count, first, last, between, built)


def _tensors(left: Left, nodes: Mapping[Record, Node]) -> tuple[NamedTensor, ...]:
    found = []
    for name, made in left:
        if isinstance(made, Tensor):
            found.append(NamedTensor(name, made))
        elif made in nodes:
            found.append(NamedTensor(name, nodes[made].output))
    return tuple(found)


def _parts_of_containers(members: Members) -> Iterator[int]:
    """The modules that nobody's own code calls by a name, by `id`."""
    by_path = dict(members)
    for path, module in by_path.items():
        holder: Any = by_path.get(path.rpartition(".")[0]) if path else None
        if path.endswith("]") or (holder is not None and type(holder).forward in _CONTAINERS):
            yield id(module)
