"""Finds inputs for a model and traces it with them: given, shown in the file, or solved.

Nothing is asked of the user. Where no shape is known, the first layer tells the axes and the
channels, a run at a common size records what the layers demand, and the sizes that satisfy it are
tried next: LeNet's `Linear(16*5*5, 120)` leads to 32×32. A size counts only if the output keeps
the batch. This module imports torch only when something is traced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modellint.discovery.example_tensors import says_sizes
from modellint.errors import FileError, NotAnalysed, UsageError
from modellint.graph import Graph
from modellint.inputs.failures import Failure, untold
from modellint.inputs.feeds import Feed, Feeds
from modellint.inputs.forward_errors import ForwardErrors
from modellint.inputs.forwards import Forwards
from modellint.inputs.input_dtypes import with_booleans, with_floats, with_integers
from modellint.inputs.next_sizes import folded_batch, next_feed
from modellint.inputs.objections import Objected
from modellint.inputs.other_feeds import (
    other_batches,
    other_sizes,
    stacked_channels,
    with_batches_searched,
    with_more_channels,
)
from modellint.inputs.other_kinds import fails_whatever_it_is
from modellint.inputs.second_opinions import SecondOpinions
from modellint.source.file import SourceFile
from modellint.symbolic.constraints import Constraint
from modellint.symbolic.specs import InputSpec, parse_input

if TYPE_CHECKING:
    from torch import nn

    from modellint.modules.members import Members
    from modellint.tracing.forward_run import Traced

#: How many runs a search for sizes may take.
ATTEMPTS = 12
#: Into how many slices the channels may be taken apart.
_SLICES = 6


def trace_with_inputs(
    model: nn.Module,
    *,
    given: Sequence[InputSpec] = (),
    whole: bool = False,
    hints: Sequence[Any] = (),
    sites: Mapping[int, Any] | None = None,
    name: str = "",
    path: str | None = None,
    source: SourceFile | None = None,
    modules: Members | None = None,
    watched: bool = False,
) -> Graph:
    """Trace a model on meta tensors and return its graph.

    `given` are shapes the user stated, `whole` if they are all that the forward is called with;
    `hints` those that the file shows, best first (objects with
    `tensors` of name, shape and dtype, `source`, `images`, `apart` and `loose`). `sites` tells
    where modules were built, by `id`. `path` is the user's file, to place errors in, `source` what
    it says; `modules` are those of the model, which then is no wrapper of another. Where lines are
    `watched`, `graph.lines` tells what they did. Sizes that do not fit end in `graph.mismatch`.
    Raises `FileError` (`trace-error`) where the forward itself raises, `NotAnalysed` where it needs
    values or inputs that nobody gave, `UsageError` for given names that the forward has not.
    """
    from modellint.inputs.axis_roles import as_run, first_layer, wanted_inputs
    from modellint.modules.lazy import has_lazy, lazy_copy
    from modellint.modules.members import members, moved
    from modellint.modules.replayed import stated_inputs
    from modellint.tracing.watched_lines import files_to_watch
    from modellint.tracing.wrappers import unwrapped

    if modules is None:
        model = unwrapped(model)
        modules = members(model)
    if has_lazy(modules):
        # The first forward gives a lazy module its parameters: that one is not the user's.
        model = lazy_copy(model, modules)
        original, modules = modules, members(model)
        sites = moved(sites or {}, original, modules)
    called = name or type(model).__name__
    first, wanted = first_layer(modules), wanted_inputs(model)
    errors = ForwardErrors(model, called, path, source)
    files = files_to_watch(source, model, modules) if watched else None
    forwards = Forwards(model, modules, called, sites or {}, source, errors, files)
    exported = () if given or whole else stated_inputs(model)
    if exported:
        return _of_export(forwards, Feeds(model, called, first, wanted), exported)
    graph = _best(forwards, Feeds(model, called, first, wanted), given, hints, whole)
    shown = as_run(first, graph)
    if shown == first:
        return graph
    return _best(forwards, Feeds(model, called, shown, wanted), given, hints, whole)


def _of_export(forwards: Forwards, feeds: Feeds, stated: Sequence[InputSpec]) -> Graph:
    """The graph of an exported program at the sizes that it was exported with.

    It ran with these: what does not now is a fault of what runs it here, and accuses nobody.
    """
    try:
        graph = _best(forwards, feeds, stated, (), whole=False)
    except FileError as error:
        raise _not_run(error.message) from error
    if graph.mismatch is not None:
        raise _not_run(graph.mismatch.message)
    return graph


def _not_run(told: str) -> NotAnalysed:
    return NotAnalysed(
        f"a step of the export does not run here as it did when it was exported: {told}; please "
        "report it, with what `modellint --version -v` prints"
    )


def _best(
    forwards: Forwards,
    feeds: Feeds,
    given: Sequence[InputSpec],
    hints: Sequence[Any],
    whole: bool,
) -> Graph:
    """The graph of the best that is known of the inputs: stated, shown by the file, or guessed."""
    from modellint.inputs.axis_roles import other_first

    search = _Search(forwards, feeds)
    if given or whole:
        return search.best([feeds.stated([*given], whole)])
    guesses = [*feeds.guesses()]
    other = other_first(forwards.modules, feeds.first)
    if guesses and other is not None and len(feeds.wanted) > 1:
        guesses += Feeds(feeds.model, feeds.name, other, feeds.wanted).guesses()
    if not hints:
        feeds.refuse_containers()
    usable = [hint for hint in hints if not hint.images or feeds.reads(hint)]
    shown = [feed for hint in usable for feed in feeds.shown(hint)]
    certain = [hint for hint in hints if not (hint.apart or hint.loose) and says_sizes(hint)]
    if shown and certain and not (feeds.first.kind != "Conv" and all(h.images for h in certain)):
        return search.best(shown)
    # What reads no maps may read the rows of images, or something else; and what another instance
    # is fed may not fit this one.
    return search.best([*shown, *guesses], feeds.further_guesses())


class _Search:
    """The ways to feed one model, tried in order."""

    def __init__(self, forwards: Forwards, feeds: Feeds) -> None:
        self.forwards = forwards
        self.opinions = SecondOpinions(forwards)
        self.name = feeds.name
        self.first = feeds.first
        self.wanted = feeds.wanted

    def best(self, feeds: Sequence[Feed], further: Sequence[Feed] = ()) -> Graph:
        """The graph of the first feed that fits; of the first at all where none does.

        Where something was assumed, `further` feeds are tried before the model is called broken.
        """
        failures: list[Failure] = []
        for feed in feeds:
            try:
                graph, at = self._fit(feed)
            except Exception as raised:  # A fault of ours among them: torch is asked in any case.
                if isinstance(raised, UsageError):
                    raise
                if isinstance(raised, Objected) and raised.of_code:
                    return self.opinions.on_error(feed, raised)
                failures.append(Failure(feed, error=raised))
                continue
            if at is None:
                return graph
            failures.append(Failure(at[0], graph, at[1]))
        failure = self._leading(failures)
        if failure.final:
            assert failure.error is not None
            raise failure.error
        found = self._fitting(failure, further) if failure.feed.doubtful else True
        if isinstance(found, Graph):
            return found
        try:
            graph = self._judged(failure)
        except FileError as error:
            if found:
                raise
            raise self._unfit(failure) from error
        if graph.mismatch is not None and not found:
            raise self._unfit(failure)
        return graph

    def _judged(self, failure: Failure) -> Graph:
        """What torch says of a feed that failed."""
        if failure.traced is not None:
            return self.opinions.on_refusal(failure.feed, failure.traced)
        assert failure.error is not None
        return self.opinions.on_error(failure.feed, failure.error)

    def _leading(self, failures: Sequence[Failure]) -> Failure:
        """The failure that tells most: the first refusal, unless what was raised came as far."""
        failures = [one for one in failures if not one.feed.apart] or failures
        refused = next((one for one in failures if one.traced is not None), None)
        raised = next((one for one in failures if one.error is not None), None)
        if refused is None or raised is None:
            return refused or raised or failures[0]
        assert refused.graph is not None
        error = raised.error
        further = isinstance(error, Objected) and error.came_as_far(refused.graph)
        return raised if further else refused

    def _fitting(self, failure: Failure, further: Sequence[Feed]) -> Graph | bool:
        """The graph of another feed than the one that failed, if one fits.

        Else whether the failure holds for every feed: not where one came further, or where some
        that was not tried may fit, for all that is known.
        """
        feed = failure.feed
        if isinstance(failure.error, Objected) and failure.error.looked_up:
            return False
        if len(feed.names) != 1 and "assumed" in feed.sources:
            return False
        if failure.channels_sliced:
            return self._with_channels_for_all(failure) or False
        sure = True
        for fed, many in self._others(failure, further):
            found = self._tried(fed, many)
            if isinstance(found, Failure):
                sure = sure and not found.goes_beyond(failure)
            elif self._batched(found):
                return found
        if not (sure and failure.stands and self._sure(feed, failure.graph)):
            return False
        if failure.error is None or failure.took_input or "assumed" not in feed.sources:
            return True
        return fails_whatever_it_is(self.forwards, failure)

    def _with_channels_for_all(self, failure: Failure) -> Graph | None:
        """The graph with as many channels as all slices need: `x[:, 3:]` is what is left."""
        for _ in range(_SLICES):
            more = with_more_channels(failure.feed, failure.lacking)
            if more is None:
                return None
            found = self._tried(more, many=True)
            if isinstance(found, Graph):
                return found
            failure = found
        return None

    def _batched(self, graph: Graph) -> bool:
        """Whether the first convolution gets as many axes as a batch has: without, it is chance."""
        if not self.first.space:
            return True
        first = next((node for node in graph.calls() if node.type.startswith("Conv")), None)
        return first is None or len(first.inputs[0].output.example) == self.first.space + 2

    def _others(self, failure: Failure, further: Sequence[Feed]) -> Iterator[tuple[Feed, bool]]:
        """Feeds that might fit where one failed, and whether to look for sizes from there."""
        if not failure.whatever_sizes:
            other = with_batches_searched(failure.feed)
            yield from ((one, False) for one in other_batches(failure.feed))
            yield from [(other, True)] if other else []
        yield from ((one, False) for one in stacked_channels(failure.feed))
        yield from ((one, True) for one in further)
        if not failure.whatever_sizes:
            yield from ((one, False) for one in other_sizes(failure.feed))

    def _tried(self, feed: Feed, many: bool) -> Graph | Failure:
        """The graph of a feed that fits, at these sizes or, if `many`, at those it leads to."""
        try:
            if many:
                graph, at = self._fit(feed)
                return graph if at is None else Failure(at[0], graph, at[1])
            traced = self.forwards.run(feed, exact=True)
            if traced.refused is None and folded_batch(feed, traced) is None:
                self.forwards.errors.check_output(traced)
                return self.forwards.freeze(feed, traced)
            return Failure(feed, traced=traced)
        except UsageError:
            raise
        except Exception as raised:  # Whatever it is, this feed is none that fits.
            return Failure(feed, error=raised)

    def _unfit(self, failure: Failure) -> NotAnalysed:
        return NotAnalysed(untold(self.name, self.wanted, failure), failure.line)

    def _sure(self, feed: Feed, failed: Graph | None) -> bool:
        """Whether what a model refuses is at least of the kind that its first layer takes."""
        if "assumed" not in feed.sources or failed is None:
            return True
        if failed.mismatch is not None and not failed.mismatch.node.inputs:
            return False  # How much a list holds, or whether anything, sizes may have decided.
        if self.first.kind == "Embedding":
            # Tokens that an embedding took are what it is for, whatever is refused behind it.
            tokens = failed.inputs[0].node
            return any(node.outputs and tokens in node.inputs for node in failed.calls("embedding"))
        return self.first.kind in ("Conv", "Linear", "Recurrent")

    def _fit(self, feed: Feed) -> tuple[Graph, tuple[Feed, Traced] | None]:
        """Run a feed, and again with sizes that satisfy what the run demanded.

        With the graph comes the run that it is of, where that was refused.
        """
        furthest: tuple[Feed, Traced] | None = None
        objection: Objected | None = None
        tried = {tuple(sorted(feed.example.items()))}
        demands: dict[tuple[Any, str], Constraint] = {}
        typed: set[tuple[str, ...]] = set()
        for _ in range(ATTEMPTS):
            try:
                traced = self.forwards.run(feed)
            except Objected as raised:
                objection = objection or raised
                wanted = raised.wanted
                if wanted is None:
                    break
                demands[wanted.expr, wanted.relation] = wanted
                following = next_feed(feed, list(demands.values()), tried)
                if following is None:
                    break
                feed = following
                continue
            if furthest is None or _goes_further(traced, furthest[1]):
                furthest = (feed, traced)
            for constraint in traced.tape.constraints.values():
                demands[constraint.expr, constraint.relation] = constraint
            floats = with_floats(feed, traced) if traced.refused is None else None
            if floats is not None and floats.dtypes not in typed:
                typed.add(floats.dtypes)
                feed, furthest = floats, None
                continue
            if traced.refused is None:
                folded = folded_batch(feed, traced)
                if folded is None or not feed.searched:
                    self.forwards.errors.check_output(traced)
                    square = self._square_one_off(feed, furthest)
                    if square is not None:
                        return square
                    return self._frozen(feed, traced), None
                demands[folded.expr, "=="] = folded
            if traced.refused is not None and traced.refused[1].integers:
                indexed = with_integers(feed, traced)
                if indexed is not None:
                    feed = indexed
                    continue
            if traced.refused is not None and traced.refused[1].mask is not None:
                masked = with_booleans(feed, traced)
                if masked is not None:
                    feed, furthest = masked, None
                    continue
            if traced.refused is not None and traced.refused[1].always:
                break  # At some sizes, as where one is 1 and broadcasts, it runs by chance.
            following = next_feed(feed, list(demands.values()), tried)
            if following is None:
                break
            feed = following
        if furthest is None:
            assert objection is not None
            raise objection
        return self.forwards.freeze(*furthest), furthest if furthest[1].refused else None

    def _frozen(self, feed: Feed, traced: Traced) -> Graph:
        """The graph of a run that fits, as general as other runs allow."""
        from modellint.inputs.lost_sizes import without_lost_sizes
        from modellint.inputs.wider_runs import as_wide

        graph, general = as_wide(self.forwards, feed, traced)
        return without_lost_sizes(
            self.forwards,
            feed,
            traced,
            graph,
            general,
            lambda lost, reason: self.forwards.freeze(
                feed, traced, general, lost=lost, partial=reason
            ),
        )

    def _square_one_off(
        self, feed: Feed, refused: tuple[Feed, Traced]
    ) -> tuple[Graph, tuple[Feed, Traced]] | None:
        """What a square image is refused for, where only oblong ones fit and only by chance."""
        from modellint.inputs.learned_positions import square_one_off, with_positions_named

        if not {"H", "W"} <= feed.searched or feed.example["H"] == feed.example["W"]:
            return None
        side = square_one_off(refused[1])
        if side is None:
            return None
        example = {**feed.example, "H": side, "W": side}
        square = replace(feed, example=example, solved=feed.solved - {"H", "W"})
        traced = self.forwards.run(square)
        if traced.refused is None:
            return None
        named = with_positions_named(traced)
        assert named.refused is not None
        named.refused[1].always = True  # Oblong ones fit by chance.
        return self.forwards.freeze(square, named), (square, named)


def _goes_further(traced: Traced, other: Traced) -> bool:
    """Whether a refused run came further than another: its sizes fit more of the model."""
    if traced.refused is None or other.refused is None:
        return False
    return len(traced.tape.records) > len(other.tape.records)


__all__ = ["InputSpec", "parse_input", "trace_with_inputs"]
