"""What a rule is: a generator over a graph, with a category, options, a page and examples.

A rule file decorates one function with `@rule(category)`. The function's name is the rule's name,
its docstring the page that `--explain` prints, its keyword-only parameters the rule's options.
Nothing here imports torch, so that listing and explaining rules is quick.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from types import FunctionType
from typing import Any, Literal, get_args

from modellint.errors import PluginError, UsageError, in_words, shown
from modellint.fixes.changes import Fix
from modellint.graph import Graph, Module, Node
from modellint.source.example_file import example_file
from modellint.symbolic.specs import parse_input, tensor_expression

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

CategoryName = Literal["correctness", "suspicious", "efficiency", "advice", "pedantic"]
"""The name of a category: the value of a `Category`."""


class Category(StrEnum):
    """What kind of fault a rule finds; it decides the severity and whether the rule is on."""

    CORRECTNESS = "correctness"
    SUSPICIOUS = "suspicious"
    EFFICIENCY = "efficiency"
    ADVICE = "advice"
    PEDANTIC = "pedantic"

    @property
    def severity(self) -> Severity:
        """The severity of the category's findings unless something says otherwise."""
        return _SEVERITY[self]


_SEVERITY: Mapping[Category, Severity] = {
    Category.CORRECTNESS: "error",
    Category.SUSPICIOUS: "warning",
    Category.EFFICIENCY: "warning",
    Category.ADVICE: "info",
    Category.PEDANTIC: "info",
}


@dataclass(frozen=True)
class Finding:
    """What a rule says of one call, or of a module that has none, with this model's own numbers.

    `help` names a concrete change and what it gives. `related` are other calls or modules of the
    same cause. `assumes_size` marks a finding that holds only for the example size: where that size
    was guessed, it is shown as `info` and names the size. `severity` replaces the rule's own. `fix`
    is what would mend it, in terms of the model; it is offered where a trial of it passes. Of
    `arguments`, names of the layer's constructor, the first that is written is underlined; without
    any it is one that the fix sets.

    The message's first clause is the headline: up to a colon or semicolon, the one fact.
    """

    call: Node | Module
    message: str
    help: str | None = None
    related: Sequence[Node | Module] = ()
    assumes_size: bool = False
    severity: Severity | None = None
    fix: Fix | None = None
    arguments: Sequence[str] = ()


@dataclass(frozen=True)
class Skip:
    """A call or module that a rule could not judge, and the fact it lacked.

    `doubtful` tells that the rule would have called it broken and PyTorch runs it: the model is
    then `partial`, since something of it was misread.
    """

    call: Node | Module
    reason: str
    doubtful: bool = False


@dataclass(frozen=True)
class Example:
    """A small model file: the layers that a rule must flag in it, or none.

    `text` is the whole file, or the body of a model that is called on `inputs`. `options` are the
    rule's options for this example. `layers` are keys of the table of layers; `None` means that the
    rule must fire, wherever. `severity`, where given, is checked as well.
    """

    text: str
    layers: tuple[str, ...] | None
    options: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity | None = None
    inputs: tuple[str, ...] | None = None

    @property
    def source(self) -> str:
        """The whole file.

        It is written when it is asked for: every run loads all rules, few need an example. Raises
        `UsageError` for an input and `PluginError` for a body that none can be written with.
        """
        if self.inputs is None:
            return self.text
        return example_file(self.text, ", ".join(map(_argument, self.inputs)))


def _argument(spec: str) -> str:
    """The argument for an input: `1,3,32,32` is `torch.rand(1, 3, 32, 32)`."""
    read = parse_input(spec)
    tensor = tensor_expression(read)
    return tensor if read.name is None else f"{read.name}={tensor}"


#: Under `-OO` Python drops docstrings, and with them the pages of rules; their checks are whole.
_WITHOUT_PAGES = sys.flags.optimize >= 2
_NO_PAGE = (
    "Its page is missing: Python runs with -OO (or PYTHONOPTIMIZE=2), which drops docstrings."
)

Check = Callable[..., Iterator[Any]]
"""A rule's own function: it yields findings and skips, or remarks on comments."""

Reads = Literal["graph", "comments"]
"""What a rule is asked about: a model's graph, or the ignore comments of a file."""


class Rule:
    """A check with its name, category, options, page and examples."""

    def __init__(
        self,
        check: Check,
        category: Category,
        *,
        default: bool,
        aliases: tuple[str, ...],
        supersedes: tuple[str, ...],
        reads: Reads = "graph",
    ) -> None:
        self.check = check
        self.name = check.__name__.replace("_", "-")
        self.category = category
        self.default = default
        self.aliases = aliases
        self.supersedes = supersedes
        self.reads = reads
        self.page = inspect.cleandoc(check.__doc__ or _NO_PAGE)
        self.options: Mapping[str, Any] = {
            parameter.name: parameter.default
            for parameter in inspect.signature(check).parameters.values()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        self.flagged: list[Example] = []
        self.allowed: list[Example] = []
        self.__doc__ = check.__doc__

    def __repr__(self) -> str:
        return f"<rule {self.name}>"

    def __call__(self, graph: Graph, **options: Any) -> Iterator[Finding | Skip]:
        """Check one graph; options that are not given keep their defaults.

        Raises `PluginError` where the rule's function returns something in place of yielding.
        """
        return self.ask(graph, **options)

    def ask(self, read: Any, **options: Any) -> Iterator[Any]:
        """What the function yields of what it reads: a graph, or comments."""
        given = self.check(read, **options)
        if not isinstance(given, Iterator):
            found = "nothing" if given is None else in_words(given)
            raise PluginError(
                f"rule {self.name} returns {found} in place of yielding each Finding or Skip "
                f"({_where_it_returns(self.check)})"
            )
        return given

    @property
    def summary(self) -> str:
        """The first sentence of its page."""
        return self.page.partition("\n")[0]

    def flags(
        self,
        source: str | None = None,
        *,
        model: str | None = None,
        input: str | Sequence[str] | None = None,  # noqa: A002 - as the command line calls it
        layers: Sequence[str] | None = None,
        severity: Severity | None = None,
        **options: Any,
    ) -> None:
        """Add an example that the rule must flag, at these layers.

        It is a whole file, or the body of a `model` and the `input` that it is called on, one or
        several as `--input` takes them:

            even_kernel.flags(
                model="self.conv = nn.Conv2d(3, 8, 4, padding=1)",
                input="1,3,32,32",
                layers=["conv"],
            )

        What stands before the body's first `def` is what `__init__` does; without a `forward` the
        layers run one after the other. Imports and the call are added
        (`modellint.source.example_file`). Raises `UsageError` for an example that is neither or
        both.
        """
        text, inputs = self._written(source, model, input)
        keys = None if layers is None else tuple(layers)
        self.flagged.append(Example(text, keys, options, severity, inputs))

    def allows(
        self,
        source: str | None = None,
        *,
        model: str | None = None,
        input: str | Sequence[str] | None = None,  # noqa: A002 - as the command line calls it
        **options: Any,
    ) -> None:
        """Add an example on which the rule must stay silent, written as for `flags`."""
        text, inputs = self._written(source, model, input)
        self.allowed.append(Example(text, (), options, inputs=inputs))

    def _written(
        self, source: str | None, model: str | None, inputs: str | Sequence[str] | None
    ) -> tuple[str, tuple[str, ...] | None]:
        """What an example is written as: a whole file, or the body of a model and its inputs."""
        if source is not None and model is None and inputs is None:
            return source, None
        if source is None and model is not None and inputs is not None:
            return model, (inputs,) if isinstance(inputs, str) else tuple(inputs)
        if model is not None and source is None:
            wrong = 'this `model` has no `input` that it is called on, such as input="1,3,32,32"'
        elif model is not None:
            wrong = "this one is both"
        elif inputs is not None:
            wrong = "an `input` belongs to a `model`; a whole file calls its model itself"
        else:
            wrong = "this one is neither"
        raise UsageError(
            f"an example of {self.name} is a whole file, or a `model` with its `input`: {wrong}"
        )


def _where_it_returns(check: Check) -> str:
    """The file and the line of a function's first `return` of a value, else of its beginning."""
    function: Any = inspect.unwrap(check)
    path, line = function.__code__.co_filename, function.__code__.co_firstlineno
    try:
        lines, start = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError):  # Typed into a prompt, or written on with backslashes.
        return f"{Path(path).name}, line {line}"
    own = tree.body[0]
    pending: list[ast.AST] = [*getattr(own, "body", ())]
    found = []
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Return):
            found.append(start + node.lineno - 1)
        elif not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            pending += ast.iter_child_nodes(node)
    return f"{Path(path).name}, line {min(found, default=line)}"


def rule(
    category: Category | CategoryName,
    *,
    default: bool = True,
    aliases: Sequence[str] = (),
    supersedes: Sequence[str] = (),
    reads: Reads = "graph",
) -> Callable[[Check], Rule]:
    """Make a rule of a generator function.

    `default=False` leaves the rule off unless it is selected. `supersedes` names rules whose
    findings on the same layer this one replaces, `all` every other's. `reads` is what its function
    takes: a graph, or the comments of a file (`modellint.suppression.comment_rules`). Raises
    `UsageError` for an unknown category, for what is no function, and for one without a docstring,
    since the docstring is the rule's page (under `-OO`, where there are none, the page says so).
    """
    kind = _category(category)
    names = {"aliases": aliases, "supersedes": supersedes}
    for argument, given in names.items():
        if isinstance(given, str) or not all(isinstance(name, str) for name in _listed(given)):
            raise UsageError(f"{argument}: {shown(given)} is no list of names of rules")
    if not isinstance(default, bool):
        raise UsageError(f"default: {shown(default)} is neither True nor False")
    if not isinstance(reads, str) or reads not in get_args(Reads):
        raise UsageError(f"reads: {shown(reads)} is neither 'graph' nor 'comments'")

    def decorate(check: Check) -> Rule:
        if not isinstance(check, FunctionType):
            raise UsageError(f"@rule: {in_words(check)} is no function; decorate a generator")
        if not check.__doc__ and not _WITHOUT_PAGES:
            raise UsageError(f"rule {check.__name__} has no docstring: it is the rule's page")
        on = default and kind is not Category.PEDANTIC
        return Rule(
            check,
            kind,
            default=on,
            aliases=tuple(aliases),
            supersedes=tuple(supersedes),
            reads=reads,
        )

    return decorate


def _category(given: Any) -> Category:
    names = [str(one) for one in Category]
    if isinstance(given, str) and given in names:
        return Category(given)
    if callable(given):
        raise UsageError('category: write the decorator with one, as in @rule("advice")')
    near = get_close_matches(given, names, n=1) if isinstance(given, str) else []
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    raise UsageError(f"category: there is no {shown(given)}; {hint}")


def _listed(given: Any) -> list[Any]:
    return [*given] if isinstance(given, list | tuple | set | frozenset) else [None]
