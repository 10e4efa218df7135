"""Loads the slice of a file that its models need, statement by statement.

This runs user code. A statement that fails is skipped and remembered; whoever then misses one of
its names is told why.
"""

from __future__ import annotations
import __future__ as future_features

import ast
import builtins
import copy
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from modellint.building.cells import AWAITS, NAMES, run
from modellint.building.devices import redirected
from modellint.building.failures import describe, line_in, ran_out_of_memory, what_is_missing
from modellint.building.imports import Place, make_importable, place_of
from modellint.building.pretrained import weights_unread
from modellint.discovery.candidates import Candidate
from modellint.discovery.slicing import bound_names, free_names, slice_module
from modellint.errors import FileError, ModellintError, NotAnalysed
from modellint.modules.construction_sites import Sites, first_party, observe_construction
from modellint.protocol.limits import lift_memory
from modellint.source.file import SourceFile
from modellint.source.paths import is_notebook

#: Annotations stay text under this flag of the compiler.
_UNREAD_ANNOTATIONS = future_features.annotations.compiler_flag


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing about a file that is no error."""

    path: str
    line: int
    message: str


class Failure(NamedTuple):
    """Why a statement failed; `reason` says what to provide if the file is not at fault.

    `error` is what it raised, but for one that may hold all the memory there was.
    """

    line: int
    message: str
    reason: str | None = None
    kind: str = "import-error"
    error: BaseException | None = None


@dataclass(frozen=True)
class LoadedModule:
    """A file's slice after it ran, and what did not."""

    source: SourceFile
    module: ModuleType
    notes: tuple[Note, ...]
    failures: Mapping[str, Failure]
    sites: Sites
    roots: tuple[str, ...]
    flags: int
    root: str
    #: What was loaded of other files of the project, by their paths.
    others: dict[str, dict[str, object]] = field(default_factory=dict, compare=False)

    @property
    def namespace(self) -> dict[str, object]:
        """The module's globals, read without its `__getattr__`."""
        return vars(self.module)

    def obstacle(self, name: str) -> ModellintError | None:
        """The error to report for a name that the slice failed to define, or None."""
        failure = self.failures.get(name)
        if failure is None:
            return None
        if failure.reason is not None:
            reason = f"{self.source.words(failure.line)} {failure.reason}"
            return NotAnalysed(reason, failure.line, elsewhere=True)
        path, line = self.source.path, failure.line
        return FileError(failure.kind, path, line, failure.message, origin=failure.error)

    def is_first_party(self, path: str) -> bool:
        """Whether a file belongs to the user's project."""
        return first_party(self.source.path, *self.roots)(path)


def load(source: SourceFile, candidates: Iterable[Candidate], *, root: str) -> LoadedModule:
    """Run what `candidates` need of a file; `root` is the project's folder.

    Never raises for what user code does: failures are part of the result.
    """
    place = place_of(source, root)
    part = slice_module(source, _wanted(candidates))
    module = _new_module(source.path, place)
    sites = Sites()
    flags = _future_flags(source.tree) | (0 if source.cells is None else AWAITS)
    runner = _Runner(source, module, part.needed, flags, place)
    for left in part.left_out:
        for name in left.names:
            missing = left.reason if left.unknown else None
            message = f"{left.reason}: {source.words(left.line)}"
            runner.failures[name] = Failure(left.line, message, missing)
    make_importable(place, source.tree)
    sys.argv = [source.path]
    with (
        warnings.catch_warnings(),
        observe_construction(sites, first_party(source.path, *place.folders)),
        redirected("cpu", parameters_to_meta=True),
    ):
        warnings.simplefilter("ignore")
        for statement in part.statements:
            with weights_unread():
                runner.run(statement)
    return LoadedModule(
        source=source,
        module=module,
        notes=tuple(runner.notes),
        failures=runner.failures,
        sites=sites,
        roots=place.folders,
        flags=runner.flags,
        root=root,
    )


def _wanted(candidates: Iterable[Candidate]) -> frozenset[str]:
    """The names that building the candidates reads."""
    names: set[str] = set()
    for candidate in candidates:
        names |= {candidate.name, candidate.class_name}
        for call in candidate.calls:
            tree = call.node if call.node is not None else _parsed(str(call))
            names |= free_names(tree)
    return frozenset(names)


def _parsed(text: str) -> ast.AST:
    try:
        return ast.parse(text, mode="eval")
    except SyntaxError:
        # Arguments that the file does not show need not be Python; building reports them.
        return ast.Module([], [])


def _new_module(path: str, place: Place) -> ModuleType:
    """An empty module for a file, registered under a name that no import can ask for."""
    stem = re.sub(r"\W", "_", Path(path).stem)
    # The file's real dotted name stays free: `from . import net` elsewhere must load it normally.
    name = f"_modellint_{stem}"
    if place.package:
        name = f"{place.package}.{name}"
    module = ModuleType(name)
    module.__file__ = str(Path(path).absolute())
    module.__package__ = place.package
    module.__dict__["__builtins__"] = builtins
    if is_notebook(path):
        module.__dict__.update(NAMES)
    # Dataclasses, pickling and inspect look modules up by name.
    sys.modules[name] = module
    return module


def _future_flags(tree: ast.Module) -> int:
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                feature = getattr(future_features, alias.name, None)
                flags |= feature.compiler_flag if feature is not None else 0
    return flags


class _Runner:
    """Executes statements one by one in a module and remembers what fails."""

    def __init__(
        self,
        source: SourceFile,
        module: ModuleType,
        needed: frozenset[str],
        flags: int,
        place: Place,
    ) -> None:
        self.source = source
        self.module = module
        self.needed = needed
        self.flags = flags
        self.place = place
        self.notes: list[Note] = []
        self.failures: dict[str, Failure] = {}

    def run(self, statement: ast.stmt) -> None:
        """Execute a statement; on failure try it in smaller pieces, then remember why it failed."""
        error = self._attempt(statement)
        if isinstance(error, NameError) and error.name in self.failures:
            # What only annotations name is not needed to build a model.
            error = self._attempt(statement, _UNREAD_ANNOTATIONS)
        if error is None:
            for name in bound_names(statement):
                self.failures.pop(name, None)
            return
        pieces = _pieces(statement)
        if len(pieces) > 1:
            for piece in pieces:
                self.run(piece)
            return
        if self._works_undecorated(statement, error):
            self._note(statement.lineno, f"decorator skipped: {describe(error)}")
            return
        self._remember(statement, error)

    def _attempt(self, statement: ast.stmt, flags: int = 0) -> BaseException | None:
        tree = ast.Module([statement], [])
        try:
            code = compile(tree, self.source.path, "exec", self.flags | flags, dont_inherit=True)
            run(code, vars(self.module))
        except BaseException as error:  # the user's SystemExit and KeyboardInterrupt included
            if isinstance(error, MemoryError):
                lift_memory()
            return error
        return None

    def _works_undecorated(self, statement: ast.stmt, error: BaseException) -> bool:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            return False
        if not statement.decorator_list or isinstance(error, NameError | SystemExit):
            return False
        return self._attempt(_bare(statement)) is None

    def _remember(self, statement: ast.stmt, error: BaseException) -> None:
        line = line_in(error, self.source.path) or statement.lineno
        cause = self.failures.get(error.name or "") if isinstance(error, NameError) else None
        kind = "memory-limit" if ran_out_of_memory(error) else "import-error"
        raised = error if kind == "import-error" else None
        failure = cause or Failure(line, *self._explain(error), kind, raised)
        names = bound_names(statement)
        for name in names:
            if name not in vars(self.module):
                self.failures[name] = failure
        used = bool(names & self.needed)
        # What follows from an earlier failure is told once; and a definition that no model uses
        # may read a name that was left out on purpose.
        if cause is not None or (isinstance(error, NameError) and not used):
            return
        suffix = "" if used else "; no model uses it"
        self._note(line, f"statement skipped: {_text(error)}{suffix}")

    def _explain(self, error: BaseException) -> tuple[str, str | None]:
        """The message for an error entry, and the reason if something is only missing here."""
        message = describe(error)
        if isinstance(error, ImportError) and self._is_own_import(error):
            tried = ", ".join(self.place.folders)
            return f"{message} (looked in {tried})", None
        return message, what_is_missing(error)

    def _is_own_import(self, error: ImportError) -> bool:
        """Whether a failed import is of the user's own project: then its code is at fault."""
        if not isinstance(error, ModuleNotFoundError) or not error.name:
            return False
        return self.place.has(error.name.partition(".")[0])

    def _note(self, line: int, message: str) -> None:
        self.notes.append(Note(self.source.path, line, message))


def _text(error: BaseException) -> str:
    """The exception's own words; a missing module needs no class name before it."""
    text = describe(error)
    return text.partition(": ")[2] if isinstance(error, ImportError) else text


def _pieces(statement: ast.stmt) -> list[ast.stmt]:
    """An import of several names as one import each: one missing name must not cost the others."""
    if isinstance(statement, ast.Import):
        return [ast.copy_location(ast.Import([one]), statement) for one in statement.names]
    if isinstance(statement, ast.ImportFrom):
        return [
            ast.copy_location(ast.ImportFrom(statement.module, [one], statement.level), statement)
            for one in statement.names
        ]
    return [statement]


def _bare(statement: ast.FunctionDef | ast.ClassDef) -> ast.stmt:
    """The definition without its decorators: a registry may refuse a name it has already."""
    bare = copy.copy(statement)
    bare.decorator_list = []
    return bare
