"""How a model can be constructed: calls, and when two of them give the same architecture."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from modellint.discovery.admitted_values import admitted_value
from modellint.discovery.declarations import Declarations
from modellint.discovery.evidence import Construction
from modellint.discovery.factories import returned_call
from modellint.discovery.names import Names, stored_names
from modellint.discovery.scopes import Function
from modellint.discovery.signatures import Parameters, parameters_of
from modellint.source.tree_copies import copied
from modellint.source.walking import walk

#: Values for required parameters whose names have one meaning everywhere: the last resort.
COMMON_ARGUMENTS = {
    **dict.fromkeys(
        """num_classes n_classes classes nclass nclasses num_class n_class class_num classes_num
        num_labels n_labels numclasses""".split(),
        "10",
    ),
    **dict.fromkeys(
        """in_channels in_ch n_channels channels input_channels inchannels in_channel in_chans
        in_chan num_channels input_nc in_c in_dim_channels img_channels image_channels img_ch
        num_input_channels nc""".split(),
        "3",
    ),
    **dict.fromkeys(
        """out_channels out_ch output_channels output_nc out_channel out_chans out_c output_ch
        num_output_channels""".split(),
        "8",
    ),
    **dict.fromkeys("vocab_size num_embeddings n_vocab ntoken".split(), "1000"),
    **dict.fromkeys(
        """dropout dropout_rate dropout_p dropout_prob p_dropout drop_rate drop_prob drop_p
        attn_dropout""".split(),
        "0.1",
    ),
    **dict.fromkeys("img_size image_size input_size_hw".split(), "224"),
}


#: Functions that make what another file of the project has, by the kinds of it: a call that was
#: read there is written with them.
MAKERS = {
    kind: f"_modellint_{kind}" for kind in ("library", "name", "settings", "entries", "object")
}
_CONFIGURATION_NAMES = frozenset({"config", "cfg", "conf", "args", "hparams", "params", "opt"})
_CONFIGURATION_CLASSES = ("config", "args", "arguments", "params", "hparams", "settings", "cfg")


@dataclass(frozen=True, slots=True)
class ConstructorCall:
    """One way to build a model: what is called, with which argument texts, and why these.

    `node` is the file's own call with its positions, None where the arguments are modellint's.
    A keyword `**` is a mapping that is unpacked. `text` is a whole expression that a user states.
    `folder` is that of the configuration which states arguments: what is nested in them answers by
    attribute, and files that they name are relative to it. `elsewhere` tells that another file of
    the project was read for it; `guessed` are those of its keywords that this did not tell.
    """

    callee: str
    positional: tuple[str, ...]
    keywords: tuple[tuple[str, str], ...]
    evaluable: bool
    line: int
    origin: str
    node: ast.Call | None = field(default=None, compare=False, repr=False)
    text: str | None = None
    folder: str | None = None
    elsewhere: bool = False
    guessed: tuple[str, ...] = ()

    @property
    def assumed(self) -> bool:
        """Whether the arguments are values that modellint chose."""
        return self.origin.startswith(("common names", "values that the code admits", "assumed"))

    @property
    def made_up(self) -> str:
        """The arguments that modellint chose, as text."""
        return self.origin.partition(": ")[2] if self.assumed else ""

    def __str__(self) -> str:
        if self.text is not None:
            return self.text
        named = [f"**{text}" if key == "**" else f"{key}={text}" for key, text in self.keywords]
        return f"{self.callee}({', '.join([*self.positional, *named])})"


def how_to_give(name: str) -> str:
    """What to do for a class or factory whose arguments no call in its file shows."""
    return (
        f'call {name}(...) in the file, say under `if __name__ == "__main__":`, give defaults, or '
        f"say # modellint: build={name}(...) behind its first line"
    )


def as_call(found: Construction) -> ConstructorCall:
    """The way to build a model that a construction in the file shows."""
    node = found.node
    assert node is not None
    return ConstructorCall(
        ast.unparse(node.func),
        tuple(ast.unparse(argument) for argument in node.args),
        tuple((word.arg or "**", ast.unparse(word.value)) for word in node.keywords),
        True,
        found.line,
        found.origin or f"call at line {found.line}",
        node,
    )


def common_call(
    name: str,
    parameters: Parameters,
    configurations: Sequence[str] = (),
    tables: Mapping[str, ast.Dict] = MappingProxyType({}),
    used: Mapping[str, str] = MappingProxyType({}),
) -> ConstructorCall | None:
    """The call that gives each required parameter a value, if there is one for all.

    Best is one that the code itself admits, then its name's common value, then one by its use
    (`used`). `tables` are the dictionaries that the module writes out; `configurations` are the
    classes of the file that can be built without arguments: a parameter annotated with one of them,
    or named `config` where there is one such, is given an instance.
    """
    values: dict[str, str] = {}
    kinds: set[str] = set()
    for required in parameters.required:
        annotation = parameters.annotations.get(required)
        options = {
            "values that the code admits": admitted_value(required, parameters, tables),
            "common names": COMMON_ARGUMENTS.get(required)
            or _configuration(required, annotation, configurations),
            "assumed": used.get(required),
        }
        found = next(((kind, text) for kind, text in options.items() if text is not None), None)
        if found is None:
            return None
        kinds.add(found[0])
        values[required] = found[1]
    listed = ", ".join(f"{key}={text}" for key, text in values.items())
    first = next((kind for kind in ("assumed", "values that the code admits") if kind in kinds), "")
    origin = f"{first or 'common names'}: {listed}" if values else "defaults"
    return ConstructorCall(name, (), tuple(values.items()), True, parameters.line, origin)


def _configuration(
    parameter: str, annotation: str | None, configurations: Sequence[str]
) -> str | None:
    if annotation in configurations:
        return f"{annotation}()"
    named = [one for one in configurations if one.lower().endswith(_CONFIGURATION_CLASSES)]
    return f"{named[0]}()" if parameter in _CONFIGURATION_NAMES and len(named) == 1 else None


def _normal(node: ast.expr) -> str:
    """An expression's text in one spelling: a list of counts equals a tuple of them."""

    class _Lists(ast.NodeTransformer):
        def visit_List(self, node: ast.List) -> ast.AST:
            self.generic_visit(node)
            return ast.Tuple(node.elts, node.ctx)

    result = _Lists().visit(copied(node))
    return ast.unparse(result)


def _changes(function: Function) -> bool:
    """Whether a factory does more to its model than build it, so that arguments do not tell all."""
    return any(
        isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)
        for node in walk(function)
    )


def _substituted(
    call: ast.Call, function: Function, values: Mapping[str, ast.expr]
) -> ast.Call | None:
    """The call with a function's parameters replaced; None if it reads anything else local."""
    result = copied(call)
    variadic = function.args.kwarg.arg if function.args.kwarg is not None else None
    result.keywords = [
        word
        for word in result.keywords
        if not (word.arg is None and isinstance(word.value, ast.Name) and word.value.id == variadic)
    ]
    stored = stored_names(function)
    arguments = set(parameters_of(function, method=False).names)

    class _Replace(ast.NodeTransformer):
        failed = False

        def visit_Name(self, node: ast.Name) -> ast.AST:
            if node.id in values and node.id not in stored:
                return copied(values[node.id])
            if node.id in stored or node.id in arguments:
                self.failed = True
            return node

    replacer = _Replace()
    result.args = [replacer.visit(argument) for argument in result.args]
    for word in result.keywords:
        word.value = replacer.visit(word.value)
    return None if replacer.failed else result


def _bound(call: ast.Call, parameters: Parameters) -> dict[str, ast.expr]:
    bound = dict(zip(parameters.names, call.args, strict=False))
    bound |= {word.arg: word.value for word in call.keywords if word.arg is not None}
    return bound


def argument_key(parameters: Parameters, node: ast.Call | None) -> str | None:
    """The arguments of a construction in one spelling, defaults left out; None if unknown."""
    if node is None or any(isinstance(arg, ast.Starred) for arg in node.args):
        return None
    if isinstance(node.func, ast.Attribute):
        return ast.unparse(node)  # A method of the class says which arguments it takes.
    if len(node.args) > len(parameters.names):
        return None
    given = dict(zip(parameters.names, node.args, strict=False))
    for keyword in node.keywords:
        if keyword.arg is None:
            return None
        given[keyword.arg] = keyword.value
    texts = {key: _normal(value) for key, value in given.items()}
    defaults = {key: _normal(value) for key, value in parameters.defaults.items()}
    return repr(sorted(item for item in texts.items() if defaults.get(item[0]) != item[1]))


def factory_key(name: str, declared: Declarations, names: Names) -> str | None:
    """The constructor arguments that a factory called without any ends in, as `argument_key`."""
    function: Function | None = declared.functions[name]
    bound: Mapping[str, ast.expr] = {}
    for _ in range(4):
        if function is None or _changes(function):
            return None
        call = returned_call(function, declared, names)
        if call is None or not isinstance(call.func, ast.Name):
            return None
        values = {**parameters_of(function, method=False).defaults, **bound}
        call = _substituted(call, function, values)
        if call is None or not isinstance(call.func, ast.Name):
            return None
        callee = call.func.id
        if callee in declared.classes:
            return argument_key(declared.classes[callee].parameters, call)
        function = declared.functions.get(callee)
        if function is not None:
            bound = _bound(call, parameters_of(function, method=False))
    return None
