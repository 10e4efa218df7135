"""Where and why the forward of a model fails, in its user's terms."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modellint.building.failures import describe, line_in, without_forward
from modellint.discovery.later_methods import later_methods
from modellint.discovery.misnamed_forward import (
    functions_of_nothing,
    meant_forward,
    returning_nothing,
)
from modellint.errors import FileError, NotAnalysed
from modellint.graph import LAYERS
from modellint.inputs.objections import Objected, unmet
from modellint.source.file import SourceFile
from modellint.symbolic import dims

if TYPE_CHECKING:
    from torch import nn

    from modellint.tracing.forward_run import Traced
    from modellint.tracing.tape import Tape

#: How many modules may be nested before a recursion is put down to that.
_DEEP = 100


@dataclass(frozen=True, eq=False)
class ForwardErrors:
    """Says what was wrong with runs of one model, which `path` and `source` define."""

    model: nn.Module
    name: str
    path: str | None
    source: SourceFile | None

    def check_output(self, traced: Traced) -> None:
        """Raise `FileError` for a forward that computes and has forgotten to return it."""
        if traced.outputs or traced.kept or self.source is None or len(traced.tape.records) < 2:
            return
        name = type(self.model).__name__
        line = returning_nothing(self.source.tree, name)
        if line is not None:
            message = f"{name}.forward returns nothing: what it computes is lost"
            raise FileError("trace-error", self.source.path, line, message)

    def raised(
        self, error: Exception, tape: Tape, sizes: Mapping[str, int]
    ) -> FileError | NotAnalysed:
        """The error of a forward that raised at these sizes after what the tape has recorded.

        `NotAnalysed` where it is that of a base class, which leaves a method to those below it.
        """
        abstract = self._abstract(error)
        if abstract is not None:
            return abstract
        lacking = without_forward(error)
        if lacking is not None and self.source is not None:
            return self._lacks_forward(lacking)
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if self.path is None or frame.filename == self.path]
        from modellint.modules.user_files import is_users_file

        users = [frame for frame in own if is_users_file(frame.filename)]
        place = users[-1] if users else None
        inside = self._inside(error)
        message = f"{self.name}.forward raises {type(error).__name__}{inside}: {_short(error)}"
        path = self.path or (place.filename if place else "<model>")
        raising = frames[-1]
        wanted = unmet(tape.constraints.values(), error, raising.filename, raising.lineno or 0)
        line = place.lineno if place else None
        if "NoneType" in message:
            message += "".join(self._forgetful(place))
        if isinstance(error, TypeError) and "not tuple" in message:
            message += "".join(self._several(tape))
        took = any(record.op in LAYERS and record.varying for record in tape.records)
        return Objected(path, line, message, error, len(tape.records), wanted, sizes, took)

    def _abstract(self, error: Exception) -> NotAnalysed | None:
        """What to lint in place of a class of which the file has others that fill it in."""
        if not isinstance(error, NotImplementedError) or self.source is None:
            return None
        *_, last = traceback.extract_tb(error.__traceback__)
        if last.filename != self.path:
            return None
        classes = [one for one in self.source.tree.body if isinstance(one, ast.ClassDef)]
        for holder in classes:
            if not holder.lineno <= (last.lineno or 0) <= (holder.end_lineno or 0):
                continue
            below = [one.name for one in classes if holder.name in map(ast.unparse, one.bases)]
            if below:
                return NotAnalysed(
                    f"{self.name} is abstract: {holder.name}.{last.name} "
                    f"({self.source.words(last.lineno or 0)}) is "
                    f"left to {', '.join(below)}",
                    last.lineno,
                )
        return None

    def _inside(self, error: Exception) -> str:
        """The layer that raised, as ` in layers.1 (ReLU)`, where it is not the model itself."""
        from modellint.modules.members import walk
        from modellint.tracing.module_calls import raising_module

        raising = raising_module(error)
        paths = (path for path, module in walk(self.model) if module is raising and path)
        return next((f" in {path} ({type(raising).__name__})" for path in paths), "")

    def _several(self, tape: Tape) -> Iterator[str]:
        """The layer whose several results an operation got in place of one, if it is the last."""
        for record in reversed(tape.records):
            if record.op == "unpack" and record.module is not self.model:
                name = type(record.module).__name__
                yield f"; {name} returns several results in a tuple: take the one that is meant"
                return
            if record.shapes and record.op not in ("parameter", "buffer", "constant"):
                return

    def _forgetful(self, place: traceback.FrameSummary | None) -> Iterator[str]:
        """The parts of the model that return nothing, where that may be the cause."""
        from modellint.modules.members import walk

        if self.source is None:
            return
        for called, at in functions_of_nothing(self.source.tree, place.lineno if place else None):
            yield f"; {called} ({self.source.words(at)}) returns nothing"
        for name in dict.fromkeys(type(module).__name__ for _, module in walk(self.model)):
            line = returning_nothing(self.source.tree, name)
            if line is not None:
                yield f"; {name}.forward ({self.source.words(line)}) returns nothing"

    def _lacks_forward(self, lacking: str) -> FileError | NotAnalysed:
        """The error of a class without a forward, at what was meant to be one.

        `NotAnalysed` where the file gives it one behind its definition, which has not run.
        """
        assert self.source is not None
        if "forward" in later_methods(self.source.tree.body).get(lacking, {}):
            reason = f"{lacking} gets its forward behind its definition, which did not run here"
            return NotAnalysed(reason, elsewhere=True)
        own = lacking == type(self.model).__name__
        message = f"{'' if own else f'{self.name} cannot run: '}{lacking} has no forward"
        line = None
        for node in self.source.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == lacking:
                meant = meant_forward(node, self.source.tree.body)
                line = meant.line if meant else node.lineno
                message += f"; {meant.told}" if meant else ""
        return FileError("trace-error", self.source.path, line, message)

    def recursed(self, error: RecursionError) -> FileError | NotAnalysed:
        """Endless recursion, unless so many modules are nested that Python gives up on them."""
        from modellint.modules.members import nesting

        depth = nesting(self.model)
        if depth > _DEEP:
            return NotAnalysed(f"{depth:,} modules nested in each other exceed Python's recursion")
        path = self.path or "<model>"
        message = f"{self.name}.forward raises {describe(error)}"
        return FileError("trace-error", path, line_in(error, path), message)

    def line(self, error: Exception) -> int | None:
        """The line of the user's file that an exception came through last."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename == self.path:
                return frame.lineno
        return None


def is_ours(error: Exception) -> bool:
    """Whether an exception comes from a fault of modellint, not from the user's code or torch."""
    from modellint.modules.user_files import is_our_file

    last = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, ArithmeticError) and last.filename == dims.__file__:
        return False  # A size was divided by nothing, as any number may be.
    # These hand over to torch, to `math` or to the user's code, whose exceptions may show them as
    # the last.
    handing_over = "perform direct observed answer asked __call__ length of_math".split()
    return is_our_file(last.filename) and last.name not in handing_over


def _short(error: Exception) -> str:
    try:
        text = str(error)
    except Exception:  # An exception whose __str__ raises is the user's; its type must do.
        return "<unprintable>"
    first = text.strip().splitlines()[0] if text.strip() else "no message"
    return first.removesuffix(", but expected one of:")[:300]
