"""The models of a source file: what each is called, how to build it and what to feed it.

Reads the syntax tree only: no torch, and no user code is run. One architecture is one candidate;
parts of others and bases are candidates too, marked as such, so that a selector can name them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from modellint.discovery.annotated_shapes import annotated_shapes
from modellint.discovery.arguments import (
    ConstructorCall,
    argument_key,
    as_call,
    common_call,
    how_to_give,
)
from modellint.discovery.constructions import Constructions
from modellint.discovery.datasets import dataset_images
from modellint.discovery.declarations import ModelClass, read_declarations
from modellint.discovery.evidence import Construction
from modellint.discovery.example_tensors import InputHint, is_stated
from modellint.discovery.inheritance import NO_FORWARD
from modellint.discovery.names import read_names
from modellint.discovery.parts import owners, users
from modellint.discovery.shape_parameters import shape_hints
from modellint.discovery.signatures import Parameters, parameters_of
from modellint.discovery.stated_builds import expression_call
from modellint.discovery.stated_sizes import configured_inputs, input_comments
from modellint.source.file import SourceFile, deep_trees
from modellint.source.walking import nodes_of

Kind = Literal["class", "factory", "instance"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that a file defines, before anything of the file is run.

    `missing` says what must be given before it can be built; `part_of` names the model that
    contains it; `skip` says why it is no model of its own. `aliases` are variables that stand for
    the same architecture. `constructor_line` is where its parameters are declared. `unread` tells
    that the file gives it a container, and not what is in it. `parts` are the models in it that can
    be built by themselves, with parts of their own.
    """

    name: str
    kind: Kind
    line: int
    end_line: int
    class_name: str
    calls: tuple[ConstructorCall, ...] = ()
    inputs: tuple[InputHint, ...] = ()
    missing: str | None = None
    part_of: str | None = None
    skip: str | None = None
    aliases: tuple[str, ...] = ()
    constructor_line: int | None = None
    unread: str | None = None
    parts: tuple[Candidate, ...] = ()

    @property
    def is_entry(self) -> bool:
        """Whether the candidate is linted and listed when nobody names it."""
        return self.part_of is None and self.skip is None


def discover(source: SourceFile) -> tuple[Candidate, ...]:
    """Find the models of a file, in file order, with the ways to build and feed each."""
    with deep_trees():
        found = tuple(_Discovery(source).candidates())
    return found if source.cells is None else tuple(_in_cells(one, source) for one in found)


def _in_cells(candidate: Candidate, source: SourceFile) -> Candidate:
    """The model of a notebook with words that name lines as its readers count them.

    What stands above a class that was defined before is about that one.
    """

    def told(words: str, line: int) -> str:
        return re.sub(rf"\bline {line}\b", source.words(line), words)

    again = any(
        node.name == candidate.class_name and node.lineno < candidate.line
        for node in nodes_of(source.tree, ast.ClassDef)
    )
    first = candidate.line if again else 0
    calls = [one for one in candidate.calls if one.node is None or one.line >= first]
    hints = [one for one in candidate.inputs if one.line >= first]
    return replace(
        candidate,
        calls=tuple(
            replace(one, origin=told(one.origin, one.line)) for one in calls or candidate.calls
        ),
        inputs=tuple(replace(one, source=told(one.source, one.line)) for one in hints),
        parts=tuple(_in_cells(one, source) for one in candidate.parts),
    )


def entries(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates that are linted when no selector is given."""
    return tuple(candidate for candidate in candidates if candidate.is_entry)


def find(candidates: Iterable[Candidate], name: str) -> Candidate | None:
    """The candidate that a selector names, parts and aliases included; None if there is none."""
    everything = tuple(candidates)
    for candidate in everything:
        if candidate.name == name:
            return candidate
    return next((candidate for candidate in everything if name in candidate.aliases), None)


def selected(candidates: Iterable[Candidate], text: str) -> Candidate | None:
    """The candidate that a selector stands for: a name, or an expression in the file's names.

    `None` for a name that no candidate has; raises `UsageError` for what is no expression.
    """
    everything = tuple(candidates)
    if text.isidentifier():
        return find(everything, text)
    call = expression_call(text, 1, "the command line")
    model = find(everything, call.callee)
    if model is None:
        return Candidate(text, "class", 1, 1, call.callee.rpartition(".")[2], (call,))
    kind: Kind = "class" if model.kind == "instance" else model.kind
    calls = (replace(call, line=model.line),)
    bare = replace(model, name=text, kind=kind, calls=calls, aliases=(), parts=())
    return replace(bare, missing=None, part_of=None, skip=None)


def with_arguments(
    candidate: Candidate, arguments: Mapping[str, object], origin: str, folder: str = ""
) -> Candidate:
    """The candidate built with given keyword arguments and nothing else.

    `folder` is where files that arguments name are.
    """
    callee = candidate.name if candidate.kind == "factory" else candidate.class_name
    words = tuple((name, repr(value)) for name, value in arguments.items())
    line = candidate.constructor_line or candidate.line
    call = ConstructorCall(callee, (), words, True, line, origin, folder=folder)
    kind: Kind = "class" if candidate.kind == "instance" else candidate.kind
    return replace(candidate, kind=kind, calls=(call,), missing=None)


NOTHING_RUNS = "has no forward, so there is nothing to follow"


class _Discovery:
    def __init__(self, source: SourceFile) -> None:
        names = read_names(source.tree)
        self.built = Constructions(
            source, names, read_declarations(source.tree, names, source.path)
        )
        self.declared = self.built.declared
        self.evidence = self.built.evidence
        self.comments = input_comments(source)
        self.stated = self.built.stated
        self.configured = configured_inputs(source.tree)
        #: What a file of several models configures may be for another of them than the one at hand.
        self.configured_for_all = tuple(
            replace(hint, loose=len(self.built.roots) > 1) for hint in self.configured.get("", ())
        )
        self.images = dataset_images(source.tree, names)
        self.said = annotated_shapes(source)

    def candidates(self) -> Iterator[Candidate]:
        """Every candidate in file order."""
        owned = owners(self.built)
        found: list[Candidate] = []
        for name in self.declared.classes:
            models = [*self._of_class(name, owned.get(name))]
            found += models[:1] if name in self.stated else models
        for name in self.built.factories:
            found.append(self._of_factory(name, owned.get(name)))
        found += self._stated_functions({one.name for one in found})
        found = [self._as_stated(one) for one in found]
        found += self._library_instances()
        own = {one.name: one for one in found if one.part_of and one.skip is None and _stands(one)}
        for one in sorted(found, key=lambda candidate: (candidate.line, candidate.name)):
            reached = self.declared.reaches.get(one.name) or self.declared.reaches.get(
                one.class_name, frozenset()
            )
            parts = self._parts(reached, own, {one.name, one.class_name}) if one.is_entry else ()
            yield replace(one, parts=parts)

    def _stated_functions(self, known: Collection[str]) -> Iterator[Candidate]:
        """The functions that a comment calls models, and that show no sign of it."""
        for name in self.stated:
            node = self.declared.functions.get(name)
            if node is not None and name not in known:
                end = node.end_lineno or node.lineno
                yield Candidate(name, "factory", node.lineno, end, name)

    def _as_stated(self, candidate: Candidate) -> Candidate:
        """The candidate as a comment says that it is built, if one does."""
        said = self.stated.get(candidate.name)
        if said is None:
            return candidate
        if isinstance(said, str):
            return replace(candidate, calls=(), missing=said, part_of=None, skip=None)
        return replace(candidate, calls=(said,), missing=None, part_of=None, skip=None)

    def _parts(
        self, reached: Collection[str], own: Mapping[str, Candidate], seen: set[str]
    ) -> tuple[Candidate, ...]:
        """The outermost of the parts that are reached, each with those inside it; each once."""
        reaches = self.declared.reaches
        names = [name for name in own if name in reached and name not in seen]
        outer = [
            name
            for name in names
            if not any(name in reaches[other] and other not in reaches[name] for other in names)
        ]
        seen.update(outer)
        return tuple(
            replace(own[name], parts=self._parts(reaches[name], own, seen)) for name in outer
        )

    def _of_class(self, name: str, owner: str | None) -> Iterator[Candidate]:
        declared = self.declared.classes[name]
        calls = self.built.calls[name]
        makers = self.built.factories_of(name)
        shown = {
            argument_key(self.declared.classes[name].parameters, found.node): found
            for found in reversed(self.built.shown(name))
        }
        candidate = Candidate(
            name=name,
            kind="class",
            line=declared.node.lineno,
            end_line=declared.node.end_lineno or declared.node.lineno,
            class_name=name,
            calls=calls,
            inputs=self._inputs(
                name, [name, *(m for m, made in self.built.makers.items() if made == name)]
            ),
            missing=None if calls else _missing(name, declared.parameters),
            part_of=owner,
            skip=declared.skip,
            aliases=tuple(sorted({one.variable for one in shown.values() if one.variable})),
            constructor_line=declared.parameters.line,
            unread=self.evidence.unread.get(name),
        )
        if self._lacks_forward(declared):
            # What is called all the same fails, which its run will tell.
            called = name in self.evidence.hints
            yield replace(candidate, skip=None, missing=None if called else NOTHING_RUNS)
            return
        if not candidate.is_entry:
            yield candidate
            return
        unknown = [maker for maker in makers if self.built.factory_key(maker) is None]
        if makers and (declared.parameters.required or unknown):
            yield replace(candidate, skip=f"built by {', '.join(makers)}")
            return
        variables = [one.variable for one in shown.values()]
        several = len(shown) > 1 and None not in variables and len(set(variables)) == len(shown)
        if declared.parameters.required and several:
            instances = sorted(shown.values(), key=lambda one: one.line)
            named = ", ".join(str(one.variable) for one in instances)
            yield replace(candidate, skip=f"built as {named}", aliases=())
            for one in instances:
                yield self._instance(one, candidate)
            return
        yield candidate

    def _lacks_forward(self, declared: ModelClass) -> bool:
        """Whether a class that the file builds has layers, but nothing that could run them."""
        if (
            declared.skip != NO_FORWARD
            or not declared.builds
            or not self.built.shown(declared.name)
        ):
            return False
        steps = {getattr(item, "name", "") for item in declared.node.body}
        derived = any(declared.name in other.bases for other in self.declared.classes.values())
        # Lightning runs the steps, and __call__ may stand for a forward.
        return not derived and not steps & {"training_step", "__call__"}

    def _instance(self, found: Construction, candidate: Candidate) -> Candidate:
        assert found.variable is not None
        shown = self.evidence.variable_hints.get(found.variable, ())
        return replace(
            candidate,
            name=found.variable,
            kind="instance",
            line=found.line,
            end_line=_end_line(found),
            calls=(as_call(found),),
            inputs=_ranked([*shown, *candidate.inputs]),
            aliases=(),
        )

    def _of_factory(self, name: str, owner: str | None) -> Candidate:
        function = self.declared.functions[name]
        model = self.built.factories[name]
        parameters = parameters_of(function, method=False)
        call = common_call(name, parameters, tables=self.built.tables)
        skip = None
        if model in self.declared.classes:
            declared = self.declared.classes[model]
            makers = self.built.factories_of(model)
            known = all(self.built.factory_key(maker) is not None for maker in makers)
            if declared.skip is not None:
                skip = declared.skip
            elif not declared.parameters.required and known:
                if self.built.factory_key(name) == "[]":
                    skip = f"the same architecture as {model}"
            elif self._twin(name, makers) is not None:
                skip = f"the same architecture as {self._twin(name, makers)}"
        return Candidate(
            name=name,
            kind="factory",
            line=function.lineno,
            end_line=function.end_lineno or function.lineno,
            class_name=model.rpartition(".")[2],
            calls=(call,) if call is not None else (),
            inputs=self._inputs(name, [name, model]),
            part_of=owner,
            skip=skip,
            unread=self.evidence.unread.get(name),
        )

    def _twin(self, name: str, makers: list[str]) -> str | None:
        """An earlier factory that builds the same class with the same arguments."""
        key = self.built.factory_key(name)
        for other in makers[: makers.index(name)]:
            if key is not None and self.built.factory_key(other) == key:
                return other
        return None

    def _library_instances(self) -> list[Candidate]:
        """Module-level variables bound to `nn.Sequential(...)` or a library's model."""
        found: dict[str, Candidate] = {}
        used = users(self.built)
        for one in self.evidence.constructions:
            variable = one.variable
            own = one.callee in self.declared.classes or one.callee in self.built.factories
            if one.where != "module" or own or variable is None or "." in variable:
                continue
            found[variable] = Candidate(
                name=variable,
                kind="instance",
                line=one.line,
                end_line=_end_line(one),
                class_name=one.callee.rpartition(".")[2],
                calls=(as_call(one),) if one.node is not None else (),
                inputs=_ranked(
                    [*self.evidence.variable_hints.get(variable, ()), *self.configured_for_all]
                ),
                part_of=used.get(variable),
            )
        return list(found.values())

    def _inputs(self, name: str, callees: list[str]) -> tuple[InputHint, ...]:
        shown = [hint for callee in callees for hint in self.evidence.hints.get(callee, ())]
        own = [name, *(callee for callee in callees if callee in self.declared.classes)]
        calls, parameters = self._ways(name)
        hints = _ranked(
            [
                *(hint for one in own for hint in self.comments.get(one, ())),
                *shown,
                *(hint for one in own for hint in self.said.get(one, ())),
                *(hint for one in own for hint in self.configured.get(one, ())),
                *self.configured_for_all,
            ]
        )
        if is_stated(hints):
            return hints
        sizes = [] if parameters is None else shape_hints(parameters, calls)
        loaded = [] if self.images is None else [self.images]
        sure = [one for one in hints if not (one.images or one.loose)]
        return (*sure, *loaded, *sizes, *(one for one in hints if one not in sure))

    def _ways(self, name: str) -> tuple[tuple[ConstructorCall, ...], Parameters | None]:
        """How a class or a factory is built, and what it takes."""
        if name in self.declared.classes:
            return self.built.calls[name], self.declared.classes[name].parameters
        parameters = parameters_of(self.declared.functions[name], method=False)
        call = common_call(name, parameters, tables=self.built.tables)
        return (call,) if call is not None else (), parameters


def _ranked(hints: Iterable[InputHint]) -> tuple[InputHint, ...]:
    """The hints best first: comments, calls, summaries, annotations and so on; each once."""
    order = ("input=", "call", "summary", "annotation", "get_inputs", "example_input_array")
    unique = list(dict.fromkeys(hints))
    return tuple(
        sorted(
            unique,
            key=lambda hint: (
                hint.loose,
                next(
                    (place for place, word in enumerate(order) if hint.source.startswith(word)),
                    len(order),
                ),
            ),
        )
    )


def _stands(part: Candidate) -> bool:
    """Whether a part can be built with nothing made up."""
    return part.missing is None and any(not call.assumed for call in part.calls)


def _end_line(found: Construction) -> int:
    return (found.node.end_lineno if found.node is not None else None) or found.line


def _missing(name: str, parameters: Parameters) -> str:
    noun = "argument" if len(parameters.required) == 1 else "arguments"
    return f"needs {noun}: {', '.join(parameters.required)} ({how_to_give(name)})"
