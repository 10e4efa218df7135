"""The models of a source file: what each is called, how to build it and what to feed it.

Reads the syntax tree only: no torch, and no user code is run. One architecture is one candidate;
parts of others and bases are candidates too, marked as such, so that a selector can name them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from modellint.discovery.arguments import (
    COMMON_ARGUMENTS,
    ConstructorCall,
    argument_key,
    as_call,
    common_call,
    factory_key,
    how_to_give,
)
from modellint.discovery.datasets import dataset_images
from modellint.discovery.declarations import (
    NO_FORWARD,
    Declarations,
    ModelClass,
    Parameters,
    parameters_of,
    read_declarations,
    returned_model,
)
from modellint.discovery.evidence import Construction, Evidence, gather_evidence
from modellint.discovery.example_tensors import InputHint, is_stated
from modellint.discovery.names import Names, read_names
from modellint.discovery.stated_sizes import configured_inputs, example_arrays, input_comments
from modellint.source.file import SourceFile, deep_trees

Kind = Literal["class", "factory", "instance"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that a file defines, before anything of the file is run.

    `missing` says what must be given before it can be built; `part_of` names the model that
    contains it; `skip` says why it is no model of its own. `aliases` are variables that stand for
    the same architecture. `constructor_line` is where its parameters are declared.
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

    @property
    def is_entry(self) -> bool:
        """Whether the candidate is linted and listed when nobody names it."""
        return self.part_of is None and self.skip is None


def discover(source: SourceFile) -> tuple[Candidate, ...]:
    """Find the models of a file, in file order, with the ways to build and feed each."""
    with deep_trees():
        return tuple(_Discovery(source).candidates())


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


def with_arguments(candidate: Candidate, arguments: Mapping[str, object], origin: str) -> Candidate:
    """The candidate built with given keyword arguments and nothing else."""
    callee = candidate.name if candidate.kind == "factory" else candidate.class_name
    words = tuple((name, repr(value)) for name, value in arguments.items())
    line = candidate.constructor_line or candidate.line
    call = ConstructorCall(callee, (), words, True, line, origin)
    kind: Kind = "class" if candidate.kind == "instance" else candidate.kind
    return replace(candidate, kind=kind, calls=(call,), missing=None)


_NOTHING_RUNS = "has no forward, so there is nothing to follow"


class _Discovery:
    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.names: Names = read_names(source.tree)
        self.declared: Declarations = read_declarations(source.tree, self.names)
        self.makers = self._returning()
        self.factories = self._factories()
        models = [*self.declared.classes, *self.makers]
        self.evidence: Evidence = gather_evidence(source, self.names, models)
        self.comments = input_comments(source)
        self.arrays = example_arrays(source.tree, self.names)
        self.configured = configured_inputs(source.tree)
        self.images = dataset_images(source.tree, self.names)
        self.calls = {name: self._class_calls(name) for name in self.declared.classes}

    # What builds what ------------------------------------------------------------------------

    def _returning(self) -> dict[str, str]:
        """Functions that return a model, with its class."""
        found: dict[str, str] = {}
        for name, function in self.declared.functions.items():
            if isinstance(function, ast.AsyncFunctionDef):
                continue
            model = returned_model(function, self.declared, self.names)
            if model is not None:
                found[name] = model
        return found

    def _factories(self) -> dict[str, str]:
        """Public functions that can be called as they are and return a model, with its class."""
        found: dict[str, str] = {}
        for name, model in self.makers.items():
            parameters = parameters_of(self.declared.functions[name], method=False)
            if name.startswith("_"):
                continue
            if any(required not in COMMON_ARGUMENTS for required in parameters.required):
                continue
            found[name] = model
        return found

    def _constructions(self, callee: str) -> list[Construction]:
        return [found for found in self.evidence.constructions if found.callee == callee]

    def _shown(self, name: str) -> list[Construction]:
        """The constructions of a class that stand on their own, outside models and factories."""
        return [
            found
            for found in self._constructions(name)
            if found.node is not None
            and found.where != "class"
            and found.owner not in self.factories
            and not (found.where == "docstring" and found.owner not in (None, name))
        ]

    def _class_calls(self, name: str) -> tuple[ConstructorCall, ...]:
        declared = self.declared.classes[name]
        parameters = declared.parameters
        calls: list[ConstructorCall] = []
        if not parameters.required:
            calls.append(ConstructorCall(name, (), (), True, parameters.line, "defaults"))
        rest = [found for found in self._constructions(name) if found.node is not None]
        own = self._shown(name)
        if parameters.required and name not in self.factories.values():
            # What builds it in a function is best known from how that function is called.
            makers = [maker for maker, model in self.makers.items() if model == name]
            made = [found for maker in makers for found in self._shown(maker)]
            own = [*(one for one in own if one.where != "function"), *made]
        for found in [*own, *(other for other in rest if other not in own)]:
            call = as_call(found)
            if all(str(call) != str(other) for other in calls):
                calls.append(call)
        common = common_call(name, parameters, self.declared.plain)
        if common is not None and parameters.required:
            calls.append(common)
        return tuple(calls)

    def _factory_key(self, name: str) -> str | None:
        return factory_key(name, self.declared, self.names)

    # Parts -----------------------------------------------------------------------------------

    def _owners(self) -> dict[str, str]:
        """Each class or factory that is a part of another model, with that model's name."""
        reaches = self.declared.reaches
        classes = self.declared.classes
        owners: dict[str, str] = {}

        def claim(part: str, owner: str, model: str) -> None:
            cyclic = model in reaches.get(part, frozenset()) and not _later(classes, model, part)
            if part != model and part not in owners and not cyclic:
                owners[part] = owner

        for name, declared in classes.items():
            if declared.skip is not None:
                continue
            for part in sorted(reaches[name]):
                inherited = name in self._ancestors_of(part) and part not in self._named_in(name)
                if (part in classes or part in self.factories) and not inherited:
                    claim(part, name, name)
        for name, model in self.factories.items():
            for part in sorted(reaches[name]):
                if part in classes and part != model and not self._inherits(model, part):
                    claim(part, model if model in classes else name, model)
        for name in self._called_makers():
            for part in sorted(reaches[name]):
                if part in classes:
                    claim(part, name, name)
        variables = self._parts_in_variables()
        for found in self.evidence.constructions:
            if found.node is None:
                continue
            for argument in [*found.node.args, *(word.value for word in found.node.keywords)]:
                for node in ast.walk(argument):
                    if isinstance(node, ast.Name) and (
                        node.id in classes or node.id in self.factories
                    ):
                        claim(node.id, self.factories.get(found.callee, found.callee), found.callee)
                    elif isinstance(node, ast.Name) and node.id in variables:
                        claim(variables[node.id], found.callee, found.callee)
        return {part: owner for part, owner in owners.items() if self._stands(part, owner)}

    def _called_makers(self) -> list[str]:
        """Functions that return a library's class and that the module calls for a model."""
        return [
            name
            for name, model in self.makers.items()
            if name not in self.factories
            and model not in self.declared.classes
            and any(one.where == "module" and one.variable for one in self._shown(name))
        ]

    def _parts_in_variables(self) -> dict[str, str]:
        """Variables that hold a model which is never called by itself, with its class."""
        return {
            one.variable: one.callee
            for one in self.evidence.constructions
            if one.variable is not None
            and one.callee in self.declared.classes
            and not self.evidence.hints.get(one.callee)
        }

    def _ancestors_of(self, name: str) -> set[str]:
        found: set[str] = set()
        pending = [name]
        while pending:
            declared = self.declared.classes.get(pending.pop())
            if declared is None:
                continue
            fresh = [base for base in declared.bases if base not in found]
            found.update(fresh)
            pending += fresh
        return found

    def _inherits(self, name: str, base: str) -> bool:
        return base in self._ancestors_of(name)

    def _named_in(self, name: str) -> set[str]:
        node = self.declared.classes[name].node
        return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}

    def _stands(self, part: str, owner: str) -> bool:
        """Whether a claim holds: a part of what cannot be built is its own model if shown alone."""
        if part in self.factories or owner not in self.declared.classes:
            return True
        buildable = bool(self.calls[owner]) or owner in self.factories.values()
        return buildable or not self._shown(part)

    # Candidates ------------------------------------------------------------------------------

    def candidates(self) -> Iterator[Candidate]:
        """Every candidate in file order."""
        owners = self._owners()
        found: list[Candidate] = []
        for name in self.declared.classes:
            found += self._of_class(name, owners.get(name))
        for name in self.factories:
            found.append(self._of_factory(name, owners.get(name)))
        found += self._library_instances()
        yield from sorted(found, key=lambda candidate: (candidate.line, candidate.name))

    def _of_class(self, name: str, owner: str | None) -> Iterator[Candidate]:
        declared = self.declared.classes[name]
        calls = self.calls[name]
        makers = self._makers(name)
        shown = {
            argument_key(self.declared.classes[name].parameters, found.node): found
            for found in reversed(self._shown(name))
        }
        candidate = Candidate(
            name=name,
            kind="class",
            line=declared.node.lineno,
            end_line=declared.node.end_lineno or declared.node.lineno,
            class_name=name,
            calls=calls,
            inputs=self._inputs(
                name, [name, *(m for m, made in self.makers.items() if made == name)]
            ),
            missing=None if calls else _missing(name, declared.parameters),
            part_of=owner,
            skip=declared.skip,
            aliases=tuple(sorted({one.variable for one in shown.values() if one.variable})),
            constructor_line=declared.parameters.line,
        )
        if self._lacks_forward(declared):
            # What is called all the same fails, which its run will tell.
            called = name in self.evidence.hints
            yield replace(candidate, skip=None, missing=None if called else _NOTHING_RUNS)
            return
        if not candidate.is_entry:
            yield candidate
            return
        unknown = [maker for maker in makers if self._factory_key(maker) is None]
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
        if declared.skip != NO_FORWARD or not declared.builds or not self._shown(declared.name):
            return False
        steps = {getattr(item, "name", "") for item in declared.node.body}
        derived = any(declared.name in other.bases for other in self.declared.classes.values())
        # Lightning runs the steps, and __call__ may stand for a forward.
        return not derived and not steps & {"training_step", "__call__"}

    def _makers(self, name: str) -> list[str]:
        return [maker for maker, model in self.factories.items() if model == name]

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
        model = self.factories[name]
        parameters = parameters_of(function, method=False)
        call = common_call(name, parameters)
        skip = None
        if model in self.declared.classes:
            declared = self.declared.classes[model]
            makers = self._makers(model)
            known = all(self._factory_key(maker) is not None for maker in makers)
            if declared.skip is not None:
                skip = declared.skip
            elif not declared.parameters.required and known:
                if self._factory_key(name) == "[]":
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
        )

    def _twin(self, name: str, makers: list[str]) -> str | None:
        """An earlier factory that builds the same class with the same arguments."""
        key = self._factory_key(name)
        for other in makers[: makers.index(name)]:
            if key is not None and self._factory_key(other) == key:
                return other
        return None

    def _library_instances(self) -> list[Candidate]:
        """Module-level variables bound to `nn.Sequential(...)` or a library's model."""
        found: dict[str, Candidate] = {}
        used = self._names_in_use()
        for one in self.evidence.constructions:
            variable = one.variable
            library = one.callee not in self.declared.classes and one.callee not in self.factories
            if one.where != "module" or not library or variable is None or "." in variable:
                continue
            found[variable] = Candidate(
                name=variable,
                kind="instance",
                line=one.line,
                end_line=_end_line(one),
                class_name=one.callee.rpartition(".")[2],
                calls=(as_call(one),) if one.node is not None else (),
                inputs=_ranked(
                    [*self.evidence.variable_hints.get(variable, ()), *self.configured.get("", ())]
                ),
                part_of=used.get(variable),
            )
        return list(found.values())

    def _names_in_use(self) -> dict[str, str]:
        """Module-level names that a model of the file uses, with that model's name."""
        used: dict[str, str] = {}
        for name in [*self.declared.classes, *self.factories]:
            for other in self.declared.reaches[name]:
                used.setdefault(other, name)
        for one in self.evidence.constructions:
            arguments = one.node.args if one.node is not None else []
            for argument in arguments:
                for node in ast.walk(argument):
                    if isinstance(node, ast.Name) and one.variable != node.id:
                        used.setdefault(node.id, one.variable or one.callee)
        return used

    def _inputs(self, name: str, callees: list[str]) -> tuple[InputHint, ...]:
        shown = [hint for callee in callees for hint in self.evidence.hints.get(callee, ())]
        own = [name, *(callee for callee in callees if callee in self.declared.classes)]
        hints = _ranked(
            [
                *(hint for one in own for hint in self.comments.get(one, ())),
                *shown,
                *(hint for one in own for hint in self.arrays.get(one, ())),
                *(hint for one in [*own, ""] for hint in self.configured.get(one, ())),
            ]
        )
        return hints if is_stated(hints) or self.images is None else (*hints, self.images)


def _ranked(hints: Iterable[InputHint]) -> tuple[InputHint, ...]:
    """The hints best first: comments, calls, summaries, arrays, configurations; each once."""
    order = ("input=", "call", "summary", "example_input_array")
    unique = list(dict.fromkeys(hints))
    return tuple(
        sorted(
            unique,
            key=lambda hint: next(
                (place for place, word in enumerate(order) if hint.source.startswith(word)),
                len(order),
            ),
        )
    )


def _end_line(found: Construction) -> int:
    return (found.node.end_lineno if found.node is not None else None) or found.line


def _missing(name: str, parameters: Parameters) -> str:
    noun = "argument" if len(parameters.required) == 1 else "arguments"
    return f"needs {noun}: {', '.join(parameters.required)} ({how_to_give(name)})"


def _later(classes: Mapping[str, object], model: str, part: str) -> bool:
    """Whether of two classes that use each other `model` is declared last: the outer one."""
    order = list(classes)
    return model in order and part in order and order.index(model) > order.index(part)
