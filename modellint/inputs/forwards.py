"""Runs of a model with a feed, and the graphs of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from modellint.errors import FileError, NotAnalysed
from modellint.graph import Graph
from modellint.inputs.containers import called_with
from modellint.inputs.feeds import Feed
from modellint.inputs.forward_errors import ForwardErrors, is_ours
from modellint.inputs.origins import came_from
from modellint.inputs.plain_runs import Judge
from modellint.source.executed import words
from modellint.source.file import SourceFile
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint
from modellint.symbolic.dims import free

if TYPE_CHECKING:
    from torch import nn

    from modellint.modules.members import Members
    from modellint.tracing.forward_run import Traced
    from modellint.tracing.keyed import Outline
    from modellint.tracing.watched_lines import Watched


#: What is lost where nothing is.
NOTHING: Mapping[str, frozenset[tuple[int, int]]] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Forwards:
    """Runs one model, whose `modules` are known, and freezes what was recorded."""

    model: nn.Module
    modules: Members
    name: str
    sites: Mapping[int, Any]
    source: SourceFile | None
    errors: ForwardErrors
    #: The files whose lines are watched.
    files: Watched | None = None

    def run(
        self,
        feed: Feed,
        exact: bool = False,
        real: bool = False,
        training: bool = False,
        again: bool = True,
        distrusted: frozenset[int] = frozenset(),
    ) -> Traced:
        """One run; where that fails with two samples, `again` as the example has it, with one.

        The operations of `distrusted`, by their place on the tape, are left to torch.
        """
        from modellint.shapes import NotTensor
        from modellint.tracing.forward_run import run
        from modellint.tracing.tape import NeedsValues, Tape

        sizes = dict(feed.example)
        for batch in feed.batches:
            if sizes[batch] == 1 and not exact:
                # With one sample a batch would be mistaken for the constant 1.
                sizes[batch] = 2
        args, kwargs = arguments_at(feed, sizes, self.model)
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
                distrusted=distrusted,
                files=self.files,
            )
        except NotTensor as error:
            raise NotAnalysed(
                f"{self.name}.forward takes something else than tensors: {error}"
            ) from error
        except NeedsValues as error:
            if not real:
                return self.run(feed, exact, real=True, training=training)
            line = self.errors.line(error)
            where = f" ({words(self.errors.path or '', line)})" if line else ""
            raise NotAnalysed(
                f"the forward needs {error}{where}; it cannot be followed without data", line
            ) from error
        except RecursionError as error:
            raise self.errors.recursed(error) from error
        except Exception as error:
            if is_ours(error):
                raise
            if again and sizes != feed.example:
                return self.run(feed, exact=True, real=real, training=training)
            raise self.errors.raised(error, tape, sizes) from error
        if again and sizes != feed.example and (traced.refused is not None or fixed(feed, traced)):
            return self.run(feed, exact=True, real=real, training=training)
        return traced

    def rerun(self, feed: Feed, distrusted: frozenset[int] = frozenset()) -> Graph | None:
        """The graph at other sizes, or `None` where the forward raises or a size is none."""
        traced = self._run_if_taken(feed, distrusted)
        return None if traced is None else self.freeze(feed, traced, distrusted=distrusted)

    def run_at(self, feed: Feed, sizes: Mapping[str, int]) -> Traced | None:
        """A run at other sizes of a feed, or `None` where the model does not take them."""
        traced = self._run_if_taken(replace(feed, example={**sizes}))
        return None if traced is None or traced.refused is not None else traced

    def _run_if_taken(self, feed: Feed, distrusted: frozenset[int] = frozenset()) -> Traced | None:
        if min(feed.example.values(), default=1) < 1:
            return None
        try:
            return self.run(feed, exact=True, distrusted=distrusted)
        except (FileError, NotAnalysed):
            return None

    def outline(self, feed: Feed, traced: Traced) -> Outline:
        """What a run says of sizes, which is told sooner than its graph."""
        from modellint.tracing.keyed import outline

        return outline(traced, {**feed.example, **traced.tape.unknowns})

    def freeze(
        self,
        feed: Feed,
        traced: Traced,
        general: Traced | None = None,
        distrusted: frozenset[int] = frozenset(),
        lost: Mapping[str, frozenset[tuple[int, int]]] = NOTHING,
        partial: str | None = None,
    ) -> Graph:
        """The graph of a run; sizes and constraints are those of `general` where both agree.

        What the run left to torch, `distrusted`, its runs at other sizes leave to torch as well.
        The sizes of `lost`, by key, result and axis, are known for the example only; `partial` says
        why.
        """
        from modellint.tracing.final_sizes import demanded
        from modellint.tracing.freezing import freeze

        pins = traced.tape.pins
        sources = [*came_from(feed, traced)]

        def rerun(sizes: Mapping[str, int]) -> Graph | None:
            chosen = {**feed.example, **sizes}
            for symbol, value in pins.items():
                # What the first run tied to another size follows it.
                if symbol.name in chosen and about(Constraint(value, "=="), chosen):
                    chosen[symbol.name] = value.evaluate(chosen)
            return self.rerun(replace(feed, example=chosen, solved=frozenset()), distrusted)

        def frozen(of: Traced, wider: Outline | None = None) -> Graph:
            return freeze(
                of,
                name=self.name,
                names=feed.names,
                sources=sources,
                example={**feed.example, **of.tape.unknowns},
                sites=self.sites,
                batches=feed.batches,
                rerun=rerun,
                train=lambda: self.freeze(
                    feed,
                    self.run(feed, training=True, distrusted=distrusted),
                    distrusted=distrusted,
                ),
                judge=Judge(
                    self.model,
                    self.modules,
                    lambda: arguments_at(feed, {**feed.example, **sizes_of(feed, of)}, self.model),
                    of.tape.records,
                ),
                source=self.source,
                general=wider,
                lost=lost,
                partial=partial,
            )

        wider = None
        if general is not None:
            wider = self.outline(feed, general)
            held = {**feed.example, **general.tape.unknowns}
            kept = [c for c in wider.constraints if c.origin != "branch" or c.holds(held)]
            # A loop that ran once more there may demand what these sizes do not have.
            fits = all(c.holds(held) for c in kept if c.origin == "operation")
            # What this run demands stays, where the other does not do without it.
            sizes = general.tape.sizes
            kept += [c for c in demanded(traced.tape) if about(c, sizes) and c.holds(sizes)]
            unique = {(c.expr, c.relation): c for c in reversed(kept)}
            constraints = tuple(reversed(unique.values()))
            wider = replace(wider, constraints=constraints) if fits else None
        graph = frozen(traced, wider)
        run_with = sizes_of(feed, traced)
        single = any(feed.example[name] == 1 != run_with.get(name, 1) for name in feed.batches)
        if single and traced.tape.unknowns:
            # Unknown sizes are those of the run, so the run must be the example.
            return frozen(self.run(feed, exact=True, distrusted=distrusted))
        return graph


def fixed(feed: Feed, traced: Traced) -> bool:
    """Whether a run left a batch no choice, as a loop over its samples does."""
    values = (traced.tape.pins.get(ex.symbol(name)) for name in feed.batches)
    return any(value is not None and value.constant is not None for value in values)


def sizes_of(feed: Feed, traced: Traced) -> dict[str, int]:
    """The sizes that a run had, by the symbols of its feed."""
    return {
        symbol: int.__add__(size, 0)
        for shape, record in zip(feed.shapes, traced.inputs, strict=True)
        for symbol, size in zip(shape, record.shapes[0], strict=True)
        if isinstance(symbol, str)
    }


def arguments_at(
    feed: Feed, sizes: Mapping[str, int], model: nn.Module
) -> tuple[list[Any], dict[str, Any]]:
    """What a forward is called with, as shapes and dtypes, where the symbols have these sizes."""
    from modellint.shapes import Tensor

    tensors = [
        Tensor(tuple(s if isinstance(s, int) else free(s, sizes[s]) for s in shape), dtype)
        for shape, dtype in zip(feed.shapes, feed.dtypes, strict=True)
    ]
    if feed.arguments:
        return called_with(feed.arguments, tensors, model)
    given = [*zip(feed.names, tensors, feed.keywords, strict=True)]
    args = [tensor for _, tensor, keyword in given if not keyword]
    return args, {name: tensor for name, tensor, keyword in given if keyword}


def about(constraint: Constraint, example: Mapping[str, int]) -> bool:
    """Whether all sizes that a demand speaks of are known."""
    return all(symbol.name in example for symbol in constraint.expr.symbols)
