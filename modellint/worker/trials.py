"""Fixes are tried before they are offered: made in the text, loaded, built, traced and linted.

A fix passes if the models of the file run on the same inputs as before, its finding is gone, no
finding of its level or above is new, and no model accepts fewer sizes. Where it moves the trouble
on, as a padding that changes what `fc1` reads, what mends that is part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from math import lcm

from modellint.contracts.admitted import Sizes
from modellint.errors import FileError
from modellint.fixes import SetArgument
from modellint.fixes.edits import Edit, apart, before_them, edited
from modellint.graph import Node
from modellint.linting.linter import Linted
from modellint.linting.proposals import Proposal
from modellint.mending.comparing import is_worse, level_of
from modellint.modules.rebuilding import Setting
from modellint.results.findings import Diagnostic, TriedFix
from modellint.results.models import ModelInput, ModelReport
from modellint.results.report import Report
from modellint.rules import SEVERITIES
from modellint.source.file import SourceFile, changed_source

#: How often what a fix leads to is mended, too.
_STEPS = 3

Inputs = Mapping[str, tuple[str, ...]]
"""Shapes of inputs by model, as the command line takes them."""

Settings = Mapping[str, Sequence[Setting]]
"""Arguments that layers are built anew with, by model."""

Relint = Callable[[SourceFile, Inputs, Settings], Sequence[Linted]]
"""Lints the models of a file whose text or layers have changed, on inputs if any are given."""


@dataclass(frozen=True)
class _State:
    """What a run told of all models of a file."""

    report: Report
    proposals: tuple[Proposal, ...]
    broken: bool

    @property
    def models(self) -> Mapping[str, ModelReport]:
        """The models by name."""
        return {model.name: model for model in self.report.models}

    @classmethod
    def of(cls, parts: Iterable[Linted]) -> _State:
        parts = list(parts)
        report = Report().merged(*(part.report for part in parts))
        proposals = tuple(one for part in parts for one in part.proposals)
        return cls(report, proposals, bool(report.errors))


def with_trials(
    parts: Sequence[Linted], source: SourceFile, relint: Relint, budget: int
) -> Iterator[Diagnostic]:
    """The findings of a file that fixes are proposed for, with what their trials came to.

    At most `budget` runs are made. What no run was left for is told as it was, without a fix.
    """
    trials = _Trials(_State.of(parts), source, relint, budget)
    proposed = [one for one in trials.before.proposals if one.edits and one.finding.rule]
    proposed.sort(key=lambda one: (not one.fix.safe, SEVERITIES.index(one.finding.severity)))
    # What computes the same stands in nobody's way: all of it is tried at once. Of others two may
    # pass together of which neither does alone.
    safe = apart([one for one in proposed if one.fix.safe], _edits)
    if len(safe) < 2 or not trials.passes(safe):
        safe = []
    for one in safe:
        yield _offered(one, one.edits, [])
    proposed = [one for one in proposed if one not in safe]
    failed: list[Proposal] = []
    made: list[tuple[Sequence[Proposal], _Passed]] = []
    with suppress(_Spent):
        for one in proposed:
            for tried in _in_turn(one):
                passed = trials.mended([tried])
                if passed is not None:
                    made.append(([tried], passed))
                    yield _offered(tried, passed.edits, passed.further)
                    break
            else:
                failed.append(one)
    # Two maps that are added must change together.
    for rule in dict.fromkeys(one.finding.rule for one in failed):
        group = apart([one for one in failed if one.finding.rule == rule], _edits)
        passed = None
        with suppress(_Spent):
            passed = trials.mended(group) if len(group) > 1 else None
        if passed is None:
            continue
        made.append((group, passed))
        for one in group:
            others = [other for other in group if other is not one]
            yield _offered(one, passed.edits, [*others, *passed.further])
            failed.remove(one)
    mended = {_key(one.finding) for one in chain(safe, *(own for own, _ in made))}
    unwritten = {_key(one.finding): _unwritten(one, one.fix.otherwise) for one in failed}
    with suppress(_Spent):
        for one in trials.before.proposals:
            if one.finding.rule and (one.hindrance or (one in failed and trials.is_hindered(one))):
                unwritten[_key(one.finding)] = _tried_help(one, trials)
    for finding in trials.before.report.findings:
        if _key(finding) in mended:
            continue
        told = unwritten.get(_key(finding), finding)
        told = _mended_too(told, trials.before.report, made) or told
        if told != finding:
            yield told


@dataclass(frozen=True)
class _Passed:
    """What passed its trial: the edits, what they mend besides, and what is then told of a file."""

    edits: tuple[Edit, ...]
    further: list[Proposal]
    after: Report


def _key(one: Diagnostic) -> tuple[str, str, tuple[str, ...]]:
    return one.rule, one.model, one.layers


def _mended_too(
    finding: Diagnostic, before: Report, made: Iterable[tuple[Sequence[Proposal], _Passed]]
) -> Diagnostic | None:
    """A grave finding without a fix of its own that is gone with that of others; `None` else.

    An even kernel makes a map that does not add to its shortcut: what mends the one mends both.
    """
    if finding.severity == "info" or not finding.layer:
        return None
    for own, passed in made:
        about = {one.finding.model for one in own}
        if about == {finding.model} and _is_gone(finding, before, passed.after):
            parts = [*own, *passed.further]
            message = "; ".join(f"{one.finding.layer} {one.fix.message}" for one in parts)
            told = f"{message} mends it too"
            return replace(
                finding,
                help=told if finding.help is None else f"{finding.help}; {told}",
                fix=TriedFix(all(one.fix.safe for one in own), message, passed.edits),
                no_fix=None,
            )
    return None


def _is_gone(finding: Diagnostic, before: Report, after: Report) -> bool:
    """Whether a rule says less of a model than before, and nothing of the layers of a finding."""
    same = [one for one in after.findings if (one.rule, one.model) == (finding.rule, finding.model)]
    was = [one for one in before.findings if (one.rule, one.model) == (finding.rule, finding.model)]
    fewer = sum(one.count for one in same) <= sum(one.count for one in was) - finding.count
    return fewer and not any({*one.layers} & {*finding.layers} for one in same)


def _in_turn(one: Proposal) -> Iterator[Proposal]:
    """A proposal, and what is tried in its place where it does not pass."""
    tried: Proposal | None = one
    while tried is not None:
        yield tried
        tried = tried.instead


def _edits(one: Proposal) -> Sequence[Edit]:
    return one.edits


def _offered(one: Proposal, edits: Sequence[Edit], further: Sequence[Proposal]) -> Diagnostic:
    """The finding with a fix that has passed, and all that it takes in its help."""
    message = "; ".join([one.fix.message, *map(_in_words, further)])
    fix = TriedFix(one.fix.safe, message, tuple(edits))
    return replace(one.finding, help=_with_further(one, further), fix=fix)


def _in_words(one: Proposal) -> str:
    return f"{one.finding.layer} {one.fix.message}"


def _with_further(one: Proposal, further: Sequence[Proposal]) -> str | None:
    """What a finding says that it takes, and what has to follow."""
    told = one.finding.help if one.fix.help is None else one.fix.help
    return f"{told}; then {', '.join(map(_in_words, further))}" if further and told else told


def _tried_help(one: Proposal, trials: _Trials) -> Diagnostic:
    """A finding whose fix cannot be written, with the reason, and with numbers that hold."""
    if not one.names_a_number:
        return _unwritten(one, one.finding.help)
    further = trials.followed(one)
    if further is None:
        return _unwritten(one, one.fix.otherwise)
    reasons = [f"{other.finding.layer} {other.hindrance}" for other in further if other.hindrance]
    return _unwritten(one, _with_further(one, further), *reasons)


def _unwritten(one: Proposal, told: str | None, *reasons: str) -> Diagnostic:
    """A finding without a fix, and why that is, by its own proposal or by what follows from it."""
    reason = next((given for given in (one.hindrance, *reasons) if given), None)
    return replace(one.finding, help=told, no_fix=reason)


def _settings(one: Proposal) -> list[Setting] | None:
    """What a proposal gives to layers, by their paths; `None` where it does something else."""
    found: list[Setting] = []
    for change in one.fix.changes:
        if not isinstance(change, SetArgument):
            return None
        layer = change.layer
        if isinstance(layer, Node) and layer.type == layer.op:
            return None
        path = layer.module if isinstance(layer, Node) else layer.path
        found.append(Setting(path, change.name, change.value))
    return found


class _Spent(Exception):
    """No run is left for a trial."""


class _Trials:
    """The runs of one file's fixes, of which there is a certain number."""

    def __init__(self, before: _State, source: SourceFile, relint: Relint, budget: int) -> None:
        self.before = before
        self._source = source
        self._relint = relint
        self._left = budget
        self._hindered: set[object] = set()

    def passes(self, proposals: Sequence[Proposal]) -> bool:
        """Whether the file with all these fixes is better by their findings and worse by none."""
        after = self._run([edit for one in proposals for edit in one.edits])
        return not self._worse(after, proposals)

    def mended(self, proposals: Sequence[Proposal]) -> _Passed | None:
        """The edits that mend findings with all that follows from them, and what that is.

        `None` where they do not pass. Raises `_Spent` where no run is left to tell.
        """
        edits = tuple(edit for one in proposals for edit in one.edits)
        further: list[Proposal] = []
        for _ in range(_STEPS):
            after = self._run(edits)
            if not self._worse(after, proposals):
                return _Passed(edits, further, after.report)
            following = self._following(edits, after)
            if any(other.hindrance for other in following):
                self._hindered |= {_key(one.finding) for one in proposals}
            following = apart([other for other in following if other.edits], _edits)
            moved = before_them([e for new in following for e in new.edits], edits)
            if not moved:
                return None
            edits = (*edits, *moved)
            further += following
        return None

    def followed(self, one: Proposal) -> list[Proposal] | None:
        """What follows where layers are built as a proposal has it that no text has.

        `None` where that does not pass, or where no layer can be built so. Raises `_Spent` where no
        run is left to tell.
        """
        model, further = one.finding.model, list[Proposal]()
        settings = _settings(one)
        for _ in range(_STEPS if settings else 0):
            made = {model: settings or ()}
            after = self._state(self._source, {}, made)
            if not self._worse(after, [one]):
                return further
            if not self._same_inputs(after):
                after = self._state(self._source, self._inputs(), made)
            new = self._new_errors(after)
            more = [_settings(other) for other in new]
            if not new or None in more:
                return None
            settings = [*(settings or ()), *chain.from_iterable(part for part in more if part)]
            further += new
        return None

    def _following(self, edits: Sequence[Edit], after: _State) -> list[Proposal]:
        """What mends the errors that edits lead to, as edits of the text that they made."""
        if not self._same_inputs(after):
            after = self._run(edits, self._inputs())
        return self._new_errors(after)

    def is_hindered(self, one: Proposal) -> bool:
        """Whether what follows from a proposal that does not pass cannot be written."""
        return _key(one.finding) in self._hindered

    def _inputs(self) -> Inputs:
        """What the models ran on before, as the command line takes it."""
        return {name: _specs(model.inputs) for name, model in self.before.models.items()}

    def _new_errors(self, after: _State) -> list[Proposal]:
        """What mends the errors that were not there before."""
        known = {_key(one) for one in self.before.report.findings}
        return [
            one
            for one in after.proposals
            if one.finding.severity == "error" and _key(one.finding) not in known
        ]

    def _run(self, edits: Sequence[Edit], inputs: Inputs | None = None) -> _State:
        """What a lint of the file with these edits tells; raise `_Spent` where no run is left."""
        try:
            text = edited(self._source.text, edits)
            source = changed_source(self._source, text, edits)
        except FileError:
            return _State(Report(), (), True)
        return self._state(source, inputs or {}, {})

    def _state(self, source: SourceFile, inputs: Inputs, settings: Settings) -> _State:
        if not self._left:
            raise _Spent
        self._left -= 1
        return _State.of(self._relint(source, inputs, settings))

    def _worse(self, after: _State, proposals: Sequence[Proposal]) -> bool:
        """Whether a model no longer runs as before, or a finding is still there, or is new."""
        mended = [one.finding for one in proposals]
        if after.broken or is_worse(self.before.report, after.report, level_of(mended), mended):
            return True
        if not self._same_inputs(after):
            return True
        narrows = any(one.fix.narrows for one in proposals)
        for name, model in self.before.models.items():
            about = [one for one in mended if one.model == name]
            if _stops_again(after.models[name], about):
                return True
            if _loses_layers(model, after.models[name], about):
                return True
            if not narrows and _takes_less(model, after.models[name]):
                return True
        return False

    def _same_inputs(self, after: _State) -> bool:
        return all(
            [given.example for given in model.inputs]
            == [given.example for given in after.models[name].inputs]
            for name, model in self.before.models.items()
            if name in after.models
        )


#: How many times smaller than the example an input is that nobody minds: a kernel of 2 for one of
#: 1 takes no map of one pixel any more.
_FAR = 4


def _stops_again(after: ModelReport, mended: Sequence[Diagnostic]) -> bool:
    """Whether a model that findings are about, as where it stopped before, does not run through."""
    return after.stopped is not None and bool(mended)


def _takes_less(before: ModelReport, after: ModelReport) -> bool:
    """Whether a model accepts fewer sizes than before."""
    examples = {
        size: number
        for given in before.inputs
        for size, number in zip(given.shape, given.example, strict=True)
    }
    return any(
        _narrower(sizes, after.contract[name], examples.get(name, 0))
        for name, sizes in before.contract.items()
        if name in after.contract
    )


def _loses_layers(before: ModelReport, after: ModelReport, mended: Sequence[Diagnostic]) -> bool:
    """Whether layers no longer run that no finding is about."""
    told = {key for one in mended for key in one.layers}
    kept = Counter(layer.type for key, layer in before.layers.items() if key not in told)
    return not kept <= Counter(layer.type for layer in after.layers.values())


def _narrower(before: Sizes, after: Sizes, example: int) -> bool:
    """Whether a size is no longer taken; what is far below the example's is nobody's."""
    if before.values is not None:
        # One of a few sizes that are rounded to the same map is as good as another.
        return after.values is not None and example not in after.values
    if after.values is not None or after.min > max(before.min, example // _FAR):
        return True
    if after.max is not None and (before.max is None or before.max > after.max):
        return True
    return lcm(before.multiple_of, after.multiple_of) != before.multiple_of


def _specs(inputs: Sequence[ModelInput]) -> tuple[str, ...]:
    """The example inputs of a model as the command line takes them; none for containers."""
    if not all(given.name.isidentifier() for given in inputs):
        return ()
    return tuple(
        f"{given.name}={','.join(map(str, given.example))}:{given.dtype}" for given in inputs
    )
