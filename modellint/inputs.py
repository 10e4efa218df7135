"""Finds inputs for a model and traces it with them: given, shown in the file, or solved.

Nothing is asked of the user. Where no shape is known, the first layer tells the axes and the
channels, a run at a common size records what the layers demand, and the sizes that satisfy it are
tried next: LeNet's `Linear(16*5*5, 120)` leads to 32×32. A size counts only if the output keeps
the batch. This module imports torch only when something is traced.
"""

from __future__ import annotations

import ast
import inspect
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modellint import expressions as ex
from modellint.confirming import holds_at
from modellint.dims import Constraint, Dim, free
from modellint.equalities import pinned
from modellint.errors import FileError, NotAnalysed, UsageError
from modellint.failures import describe, line_in, without_forward
from modellint.graph import Graph
from modellint.misnaming import meant_forward, returning_nothing
from modellint.objections import Objected, unmet
from modellint.solutions import solutions
from modellint.source import SourceFile
from modellint.specs import InputSpec, parse_input

if TYPE_CHECKING:
    from torch import nn

    from modellint.holding import Members
    from modellint.recording import Tape
    from modellint.roles import First
    from modellint.tracing import Traced

#: How many runs a search for sizes may take.
ATTEMPTS = 12
#: How many modules may be nested before a recursion is put down to that.
_DEEP = 100


@dataclass(frozen=True)
class Feed:
    """One way to feed a model: its inputs' symbols and sizes, and where they came from."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int | str, ...], ...]
    dtypes: tuple[str, ...]
    sources: tuple[str, ...]
    keywords: tuple[bool, ...]
    example: Mapping[str, int]
    searched: frozenset[str]
    batches: tuple[str, ...] = ()
    typed: frozenset[int] = frozenset()
    solved: frozenset[str] = frozenset()


def trace_with_inputs(
    model: nn.Module,
    *,
    given: Sequence[InputSpec] = (),
    hints: Sequence[Any] = (),
    sites: Mapping[int, Any] | None = None,
    name: str = "",
    path: str | None = None,
    source: SourceFile | None = None,
    modules: Members | None = None,
) -> Graph:
    """Trace a model on meta tensors and return its graph.

    `given` are shapes the user stated; `hints` those that the file shows, best first (objects with
    `tensors` of name, shape and dtype, `source`, and `images`). `sites` tells where modules were
    built, by `id`. `path` is the user's file, to place errors in, `source` what it says; `modules`
    are those of the model, which then is no wrapper of another. Sizes that do not fit end in
    `graph.mismatch`. Raises `FileError` (`trace-error`) where the forward itself raises,
    `NotAnalysed` where it needs values or inputs that nobody gave, `UsageError` for given names
    that the forward has not.
    """
    from modellint.backend import has_lazy, lazy_copy, unwrapped
    from modellint.holding import members
    from modellint.roles import first_layer, wanted_inputs

    if modules is None:
        model = unwrapped(model)
        modules = members(model)
    if has_lazy(modules):
        # The first forward gives a lazy module its parameters: that one is not the user's.
        model = lazy_copy(model, modules)
        modules = members(model)
    called = name or type(model).__name__
    first = first_layer(modules)
    wanted = wanted_inputs(model)
    search = _Search(model, modules, called, first, wanted, sites or {}, path, source)
    if given:
        return search.best([search.stated(list(given))])
    shown = [search.hinted(hint) for hint in hints if not hint.images or search.reads(hint)]
    if shown:
        return search.best(shown)
    return search.best(search.guesses())


class _Search:
    """The ways to feed one model, tried in order."""

    def __init__(
        self,
        model: nn.Module,
        modules: Members,
        name: str,
        first: First,
        wanted: tuple[str, ...],
        sites: Mapping[int, Any],
        path: str | None,
        source: SourceFile | None,
    ) -> None:
        self.source = source
        self.model = model
        self.modules = modules
        self.name = name
        self.first = first
        self.wanted = wanted
        self.sites = sites
        self.path = path

    # -- ways to feed ---------------------------------------------------------------------------

    def stated(self, specs: list[InputSpec]) -> Feed:
        """The feed of stated shapes; parameters that none is stated for are fed like the first."""
        parameters = self._parameters()
        rest = [name for name in self.wanted if name not in {spec.name for spec in specs}]
        named: list[tuple[str, InputSpec, bool]] = []
        for spec in specs:
            if spec.name is not None:
                if parameters is not None and spec.name not in parameters:
                    known = ", ".join(parameters) or "none"
                    raise UsageError(
                        f"{self.name}.forward has no parameter {spec.name!r}; it has {known}"
                    )
                named.append((spec.name, spec, True))
            else:
                name = rest.pop(0) if rest else f"input{len(named)}"
                named.append((name, spec, False))
        for name in rest:
            dims = self._like(name, named[0][1].dims) if named else ()
            named.append((name, InputSpec(name, dims, None, "assumed"), True))
        return self._feed(named)

    def hinted(self, hint: Any) -> Feed:
        """The feed that the file shows."""
        specs = [
            InputSpec(tensor.name, tuple(tensor.shape), tensor.dtype, hint.source)
            for tensor in hint.tensors
        ]
        return self.stated(specs)

    def reads(self, hint: Any) -> bool:
        """Whether the model reads images with as many channels as those that the file loads."""
        channels = hint.tensors[0].shape[1]
        images = self.first.kind == "Conv" and self.first.space == 2
        return images and self.first.channels == channels and len(self.wanted) == 1

    def guesses(self) -> list[Feed]:
        """Feeds by the first layer, the likeliest number of axes first."""
        if not self.wanted:
            return [self._feed([])]
        made = []
        for rank in self.first.ranks:
            dims: tuple[str | None, ...] = (None,) * rank
            others = [None] if len(self.wanted) == 1 else [None, 2, 3, 1]
            for other in others:
                specs = []
                for at, name in enumerate(self.wanted):
                    shape = dims if at == 0 else self._like(name, dims)
                    if at and other is not None and len(shape) > 1:
                        shape = (None,) * other
                    specs.append((name, InputSpec(None, shape, source="assumed"), at > 0))
                made.append(self._feed(specs))
        return made

    def _like(self, name: str, dims: Sequence[Any]) -> tuple[Any, ...]:
        """The axes of a further input: one a sample for times and labels, else as the first."""
        words = name.lower()
        if words in ("t", "y", "c") or any(w in words for w in ("time", "step", "label", "sigma")):
            return (None,)
        return (None,) * len(dims)

    def _parameters(self) -> list[str] | None:
        try:
            signature = inspect.signature(self.model.forward)
        except (TypeError, ValueError):
            return None
        if any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
            return None
        return list(signature.parameters)

    def _feed(self, named: list[tuple[str, InputSpec, bool]]) -> Feed:
        example: dict[str, int] = {}
        shapes: list[tuple[int | str, ...]] = []
        searched: set[str] = set()
        batches: list[str] = []
        for at, (_, spec, _) in enumerate(named):
            roles = self.first.roles(len(spec.dims))
            sizes = self.first.sizes(roles)
            shape: list[int | str] = []
            for role, stated in zip(roles, spec.dims, strict=True):
                symbol = stated if isinstance(stated, str) else self._symbol(role, at, example)
                shape.append(symbol)
                if role == "N" and symbol not in batches:
                    batches.append(symbol)
                if isinstance(stated, int):
                    example.setdefault(symbol, stated)
                elif symbol not in example:
                    example[symbol] = sizes[role]
                    if role != "N":
                        searched.add(symbol)
            shapes.append(tuple(shape))
        return Feed(
            names=tuple(name for name, _, _ in named),
            shapes=tuple(shapes),
            dtypes=tuple(self._dtype(spec, at) for at, (_, spec, _) in enumerate(named)),
            sources=tuple(spec.source for _, spec, _ in named),
            keywords=tuple(keyword for _, _, keyword in named),
            example=example,
            searched=frozenset(searched),
            batches=tuple(batches),
            typed=frozenset(at for at, (_, spec, _) in enumerate(named) if spec.dtype),
        )

    def _symbol(self, role: str, at: int, known: Mapping[str, int]) -> str:
        """A symbol of its own for each axis; those that turn out equal become one."""
        if at == 0 and role not in known:
            return role
        number = 2
        while f"{role}{number}" in known:
            number += 1
        return f"{role}{number}"

    def _dtype(self, spec: InputSpec, at: int) -> str:
        if spec.dtype is not None:
            return spec.dtype
        # A map of four axes is no list of tokens, although an embedding of labels comes first.
        tokens = self.first.kind == "Embedding" and at == 0 and len(spec.dims) < 3
        return "int64" if tokens else "float32"

    # -- runs -----------------------------------------------------------------------------------

    def best(self, feeds: Sequence[Feed]) -> Graph:
        """The graph of the first feed that fits; of the first at all where none does."""
        failed: Graph | None = None
        error: FileError | NotAnalysed | None = None
        for feed in feeds:
            try:
                graph = self._fit(feed)
            except (FileError, NotAnalysed) as raised:
                if isinstance(raised, Objected) and raised.of_code:
                    raise
                error = error or raised
                continue
            if graph.mismatch is None:
                return graph
            failed = failed or graph
        if failed is not None and not self._sure(feeds[0], failed):
            raise NotAnalysed(
                f"no input shapes are known for {self.name}.forward({', '.join(self.wanted)}), and "
                "none that were tried fit: call it in the file, or give --input"
            )
        if failed is not None and not (isinstance(error, Objected) and error.came_as_far(failed)):
            return failed
        assert error is not None
        if isinstance(error, Objected) and "assumed" in feeds[0].sources and len(self.wanted) > 1:
            raise NotAnalysed(
                f"no input shapes are known for {self.name}.forward({', '.join(self.wanted)}), and "
                f"with those that were tried it raises {error.raised}: call it in the file, or "
                "give --input",
                error.line,
            )
        raise error

    def _sure(self, feed: Feed, failed: Graph) -> bool:
        """Whether a refusal is the model's fault, not that of an input that was only assumed."""
        if "assumed" not in feed.sources:
            return True
        if len(feed.names) != 1:
            return False
        if self.first.kind == "Embedding":
            # Tokens that an embedding took are what it is for, whatever is refused behind it.
            tokens = failed.inputs[0].node
            return any(node.outputs and tokens in node.inputs for node in failed.calls("embedding"))
        return self.first.kind in ("Conv", "Linear", "Recurrent")

    def _fit(self, feed: Feed) -> Graph:
        """Run a feed, and again with sizes that satisfy what the run demanded."""
        furthest: tuple[Feed, Traced] | None = None
        objection: Objected | None = None
        tried = {tuple(sorted(feed.example.items()))}
        demands: dict[tuple[Any, str], Constraint] = {}
        for _ in range(ATTEMPTS):
            try:
                traced = self._run(feed)
            except Objected as raised:
                objection = objection or raised
                wanted = raised.wanted
                if wanted is None:
                    break
                demands[wanted.expr, wanted.relation] = wanted
                following = self._next(feed, list(demands.values()), tried)
                if following is None:
                    break
                feed = following
                continue
            if furthest is None or _goes_further(traced, furthest[1]):
                furthest = (feed, traced)
            for constraint in traced.tape.constraints.values():
                demands[constraint.expr, constraint.relation] = constraint
            if traced.refused is None:
                folded = self._folded(feed, traced)
                if folded is None or not feed.searched:
                    self._check_output(traced)
                    square = self._square_one_off(feed, furthest)
                    if square is not None:
                        return square
                    graph = self._freeze(feed, traced, self._general(feed, traced))
                    return self._tried_elsewhere(feed, graph)
                demands[folded.expr, "=="] = folded
            if traced.refused is not None and traced.refused[1].integers:
                indexed = self._indexed(feed, traced)
                if indexed is not None:
                    feed = indexed
                    continue
            if traced.refused is not None and traced.refused[1].always:
                break  # At some sizes, as where one is 1 and broadcasts, it runs by chance.
            following = self._next(feed, list(demands.values()), tried)
            if following is None:
                break
            feed = following
        if furthest is None:
            assert objection is not None
            raise objection
        return self._freeze(*furthest)

    def _check_output(self, traced: Traced) -> None:
        """Raise `FileError` for a forward that computes and has forgotten to return it."""
        if traced.outputs or traced.kept or self.source is None or len(traced.tape.records) < 2:
            return
        name = type(self.model).__name__
        line = returning_nothing(self.source.tree, name)
        if line is not None:
            message = f"{name}.forward returns nothing: what it computes is lost"
            raise FileError("trace-error", self.source.path, line, message)

    def _square_one_off(self, feed: Feed, refused: tuple[Feed, Traced]) -> Graph | None:
        """What a square image is refused for, where only oblong ones fit and only by chance."""
        from modellint.one_short import square_one_off, with_positions_named

        if not {"H", "W"} <= feed.searched or feed.example["H"] == feed.example["W"]:
            return None
        side = square_one_off(refused[1])
        if side is None:
            return None
        example = {**feed.example, "H": side, "W": side}
        square = replace(feed, example=example, solved=feed.solved - {"H", "W"})
        traced = self._run(square)
        return (
            None if traced.refused is None else self._freeze(square, with_positions_named(traced))
        )

    def _indexed(self, feed: Feed, traced: Traced) -> Feed | None:
        """The feed with integers for the input that reaches an embedding, if its dtype is free."""
        assert traced.refused is not None
        record = traced.refused[0]
        while record.op != "input":
            above = [source for source in record.inputs if source.varying]
            if not above:
                return None
            record = above[0]
        at = traced.inputs.index(record)
        if feed.dtypes[at] == "int64" or at in feed.typed:
            return None
        dtypes = [*feed.dtypes[:at], "int64", *feed.dtypes[at + 1 :]]
        return replace(feed, dtypes=tuple(dtypes))

    def _general(self, feed: Feed, traced: Traced) -> Traced | None:
        """A run whose branches hold for more sizes, where the model compared sizes in this one.

        At 224 a window of 7 needs no padding, so the code that pads does not run and the sizes
        say nothing of 225. The path that pads is right for both.
        """
        compared = [c for c in traced.tape.constraints.values() if c.origin == "branch"]
        pins = traced.tape.pins
        open_ones = any(
            s.name in feed.example and s not in pins for c in compared for s in c.expr.symbols
        )
        # A demand for exactly 224 is seldom met by 225 as well; by 256 it may be.
        for step in (1, 32) if open_ones else (32,):
            sizes = dict(feed.example)
            for constraint in compared:
                for symbol in constraint.expr.symbols:
                    if symbol.name in sizes and symbol.name not in feed.batches:
                        sizes[symbol.name] = feed.example[symbol.name] + step
            if all(c.holds(sizes) for c in compared if _about(c, sizes)):
                continue
            try:
                # A batch that fits here fits there: what is refused is refused for its sizes.
                other = self._run(replace(feed, example=sizes), again=False)
            except (FileError, NotAnalysed):
                continue
            if other.refused is None and other.partial is None:
                return other
        return None

    def _tried_elsewhere(self, feed: Feed, graph: Graph) -> Graph:
        """The graph; `partial` where a size got lost and a run at other sizes shows it.

        `0.5 * x.shape[2]` is computed by the float, which never asks the size. Where a forward
        holds a float and looks at a shape, one more run tells whether that happened.
        """
        from modellint.backend import mixes_floats_and_shapes

        free = [name for name in graph.symbols if name not in feed.batches]
        if graph.partial or not free or not mixes_floats_and_shapes(self.modules):
            return graph
        elsewhere = (
            {**graph.symbols, **{name: graph.symbols[name] + step for name in free}}
            for step in (32, 64, 16, 1, 2, -1)
        )
        sizes = next((s for s in elsewhere if all(c.holds(s) for c in graph.constraints)), None)
        if sizes is None or holds_at(graph, sizes) is not False:
            return graph
        reason = "a size was lost in floating point: sizes hold for the example only"
        return replace(graph, partial=reason)

    def _folded(self, feed: Feed, traced: Traced) -> Constraint | None:
        """The demand that the first output keeps the batch, where it does not."""
        if not feed.batches or not traced.outputs or not traced.outputs[0].shapes[0]:
            return None
        first = feed.batches[0]
        size = traced.outputs[0].shapes[0][0]
        if not isinstance(size, Dim) or ex.symbol(first) not in size.expr.symbols:
            return None
        expr = ex.subtract(size.expr, ex.atom(ex.symbol(first)))
        value = size.value - feed.example[first]
        return Constraint(expr, "==", "the output keeps the batch") if value else None

    def _next(
        self, feed: Feed, demands: list[Constraint], tried: set[tuple[tuple[str, int], ...]]
    ) -> Feed | None:
        """The feed with the first sizes that satisfy the demands and were not tried."""
        hard = [c for c in demands if c.origin == "operation"]
        example = dict(feed.example)
        solved = set(feed.solved)
        pins = pinned(hard)
        for symbol, value in pins.items():
            if symbol.name in feed.searched and value.constant is not None and value.constant > 0:
                example[symbol.name] = value.constant
                solved.add(symbol.name)
        for symbol, value in pins.items():
            if symbol.name in feed.searched and value.constant is None:
                example[symbol.name] = max(1, value.evaluate(example))
        rest = [name for name in feed.example if name in feed.searched and name not in solved]
        if all(c.holds(example) for c in hard if _about(c, example)):
            key = tuple(sorted(example.items()))
            if key not in tried:
                tried.add(key)
                return replace(feed, example=example, solved=frozenset(solved))
        exact = {
            s.name for c in hard if c.relation == "==" for s in c.expr.symbols if s.name in rest
        }
        for values in solutions(hard, example, rest):
            key = tuple(sorted(values.items()))
            if key not in tried:
                tried.add(key)
                return replace(feed, example=values, solved=frozenset(solved | exact))
        return None

    def _run(
        self,
        feed: Feed,
        exact: bool = False,
        real: bool = False,
        training: bool = False,
        again: bool = True,
    ) -> Traced:
        """One run; where that fails with two samples, `again` as the example has it, with one."""
        from modellint.recording import NeedsValues, Tape
        from modellint.shapes import NotTensor, Tensor
        from modellint.tracing import run

        sizes = dict(feed.example)
        for batch in feed.batches:
            if sizes[batch] == 1 and not exact:
                # With one sample a batch would be mistaken for the constant 1.
                sizes[batch] = 2
        args, kwargs = [], {}
        for name, shape, dtype, keyword in zip(
            feed.names, feed.shapes, feed.dtypes, feed.keywords, strict=True
        ):
            dims = tuple(s if isinstance(s, int) else free(s, sizes[s]) for s in shape)
            if keyword:
                kwargs[name] = Tensor(dims, dtype)
            else:
                args.append(Tensor(dims, dtype))
        tape = Tape()
        try:
            traced = run(
                self.model,
                args,
                kwargs,
                tape,
                real=real,
                training=training,
                modules=self.modules,
            )
        except NotTensor as error:
            raise NotAnalysed(
                f"{self.name}.forward takes something else than tensors: {error}"
            ) from error
        except NeedsValues as error:
            if not real:
                return self._run(feed, exact, real=True, training=training)
            line = self._line(error)
            where = f" (line {line})" if line else ""
            raise NotAnalysed(
                f"the forward needs {error}{where}; it cannot be followed without data", line
            ) from error
        except RecursionError as error:
            raise self._recursed(error) from error
        except Exception as error:
            if _is_ours(error):
                raise
            if again and sizes != feed.example:
                return self._run(feed, exact=True, real=real, training=training)
            raise self._failed(error, tape) from error
        if again and traced.refused is not None and sizes != feed.example:
            return self._run(feed, exact=True, real=real, training=training)
        return traced

    def _rerun(self, feed: Feed) -> Graph | None:
        """The graph at other sizes, or `None` where the model does not accept them."""
        try:
            traced = self._run(feed, exact=True)
        except (FileError, NotAnalysed):
            return None
        return None if traced.refused is not None else self._freeze(feed, traced)

    def _failed(self, error: Exception, tape: Tape) -> FileError:
        lacking = without_forward(error)
        if lacking is not None and self.source is not None:
            return self._lacks_forward(lacking)
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if self.path is None or frame.filename == self.path]
        from modellint.backend import is_users_file

        users = [frame for frame in own if is_users_file(frame.filename)]
        place = users[-1] if users else None
        message = f"{self.name}.forward raises {type(error).__name__}: {_short(error)}"
        path = self.path or (place.filename if place else "<model>")
        raising = frames[-1]
        wanted = unmet(tape.constraints.values(), error, raising.filename, raising.lineno or 0)
        line = place.lineno if place else None
        if "NoneType" in message:
            message += "".join(self._forgetful())
        return Objected(path, line, message, error, len(tape.records), wanted)

    def _forgetful(self) -> Iterator[str]:
        """The parts of the model whose forward returns nothing, where that may be the cause."""
        from modellint.holding import walk

        if self.source is None:
            return
        for name in dict.fromkeys(type(module).__name__ for _, module in walk(self.model)):
            line = returning_nothing(self.source.tree, name)
            if line is not None:
                yield f"; {name}.forward (line {line}) returns nothing"

    def _lacks_forward(self, lacking: str) -> FileError:
        """The error of a class without a forward, at what was meant to be one."""
        assert self.source is not None
        own = lacking == type(self.model).__name__
        message = f"{'' if own else f'{self.name} cannot run: '}{lacking} has no forward"
        line = None
        for node in self.source.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == lacking:
                meant = meant_forward(node, self.source.tree.body)
                line = meant.line if meant else node.lineno
                message += f"; {meant.told}" if meant else ""
        return FileError("trace-error", self.source.path, line, message)

    def _recursed(self, error: RecursionError) -> FileError | NotAnalysed:
        """Endless recursion, unless so many modules are nested that Python gives up on them."""
        from modellint.holding import nesting

        depth = nesting(self.model)
        if depth > _DEEP:
            return NotAnalysed(f"{depth:,} modules nested in each other exceed Python's recursion")
        path = self.path or "<model>"
        message = f"{self.name}.forward raises {describe(error)}"
        return FileError("trace-error", path, line_in(error, path), message)

    def _line(self, error: Exception) -> int | None:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename == self.path:
                return frame.lineno
        return None

    def _freeze(self, feed: Feed, traced: Traced, general: Traced | None = None) -> Graph:
        from modellint.freezing import freeze

        pins = traced.tape.pins
        sources = []
        for shape, source in zip(feed.shapes, feed.sources, strict=True):
            open_symbols = {
                s
                for s in shape
                if isinstance(s, str) and s in feed.searched and s not in feed.batches
            }
            loose = {s for s in open_symbols if ex.symbol(s) not in pins and s not in feed.solved}
            if source != "assumed":
                guessed = bool(loose & set("HWD")) and source == "assumed"
            else:
                guessed = bool(loose)
                source = "assumed" if loose else "solved from the model's own sizes"
            sources.append((source, guessed))

        def rerun(sizes: Mapping[str, int]) -> Graph | None:
            chosen = {**feed.example, **sizes}
            for symbol, value in pins.items():
                # What the first run tied to another size follows it.
                if symbol.name in chosen and _about(Constraint(value, "=="), chosen):
                    chosen[symbol.name] = value.evaluate(chosen)
            return self._rerun(replace(feed, example=chosen))

        def frozen(of: Traced, wider: Graph | None = None) -> Graph:
            return freeze(
                of,
                name=self.name,
                names=feed.names,
                sources=sources,
                example={**feed.example, **of.tape.unknowns},
                sites=self.sites,
                rerun=rerun,
                train=lambda: self._freeze(feed, self._run(feed, training=True)),
                source=self.source,
                general=wider,
            )

        wider = None
        if general is not None:
            wider = frozen(general)
            held = {**feed.example, **general.tape.unknowns}
            kept = [c for c in wider.constraints if c.origin != "branch" or c.holds(held)]
            wider = replace(wider, constraints=tuple(kept))
        graph = frozen(traced, wider)
        single = any(feed.example[name] == 1 for name in feed.batches)
        if single and traced.tape.unknowns:
            # Unknown sizes are those of the run, so the run must be the example.
            return frozen(self._run(feed, exact=True))
        return graph


def _goes_further(traced: Traced, other: Traced) -> bool:
    """Whether a refused run came further than another: its sizes fit more of the model."""
    if traced.refused is None or other.refused is None:
        return False
    return len(traced.tape.records) > len(other.tape.records)


def _is_ours(error: Exception) -> bool:
    """Whether an exception comes from a fault of modellint, not from the user's code or torch."""
    from modellint.backend import is_our_file

    last = traceback.extract_tb(error.__traceback__)[-1]
    # These hand over to torch or to the user's code, whose exceptions may show them as the last.
    handing_over = ("perform", "direct", "observed", "answer")
    return is_our_file(last.filename) and last.name not in handing_over


def _about(constraint: Constraint, example: Mapping[str, int]) -> bool:
    return all(symbol.name in example for symbol in constraint.expr.symbols)


def _short(error: Exception) -> str:
    try:
        text = str(error)
    except Exception:  # An exception whose __str__ raises is the user's; its type must do.
        return "<unprintable>"
    return text.strip().splitlines()[0][:300] if text.strip() else "no message"


__all__ = ["InputSpec", "parse_input", "trace_with_inputs"]
