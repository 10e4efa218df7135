"""From changes of a model to edits of its file."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

from modellint.fixes.arguments import call_of, set_argument
from modellint.fixes.changes import (
    After,
    Assign,
    Before,
    Behind,
    Change,
    Fix,
    Instead,
    SetArgument,
    SetNumber,
    Without,
)
from modellint.fixes.edits import Edit
from modellint.fixes.names import class_of, spelled
from modellint.fixes.registering import contained
from modellint.fixes.signatures import functional_arguments, layer_arguments
from modellint.fixes.sites import NoEdit, Text
from modellint.graph import Graph, Module, Node
from modellint.source.callees import called_name
from modellint.source.classes import own_attribute

#: What is built of copies of a layer, and the name of the argument that gives that.
_COPYING = {"TransformerEncoder": "encoder_layer", "TransformerDecoder": "decoder_layer"}


def edits_of(fix: Fix, graph: Graph, text: Text) -> tuple[Edit, ...]:
    """The edits that make the changes of a fix; raise `NoEdit` where one cannot be made.

    One line that builds a layer of many blocks is edited once, for all of them.
    """
    places: dict[tuple[Any, Any], dict[str | None, Edit]] = {}
    for change in fix.changes:
        argument = change.name if isinstance(change, SetArgument) else None
        for edit in _edits(change, graph, text):
            here = places.setdefault((edit.start, edit.end), {})
            if here.setdefault(argument, edit) != edit:
                raise NoEdit("one construction serves several layers, which need different values")
    if fix.safe:
        _check_alone(fix, graph)
    return tuple(_together([*here.values()]) for here in places.values())


def _together(edits: Sequence[Edit]) -> Edit:
    """The edits of one place as one: arguments that a call is given stand behind each other."""
    first, *others = dict.fromkeys(edits)
    if not others:
        return first
    if first.start != first.end:
        raise NoEdit("one value serves several arguments, which need different ones")
    between = "" if first.text.startswith((",", " ")) else ", "
    return first._replace(text=between.join(edit.text for edit in (first, *others)))


def _check_alone(fix: Fix, graph: Graph) -> None:
    """Raise `NoEdit` where the same line builds layers that the fix is not about."""
    about = {_path(change.layer) for change in fix.changes if isinstance(change, SetArgument)}
    sites = {graph.modules[path].construction for path in about if path in graph.modules}
    for module in graph.modules.values():
        if module.construction in sites and module.kind and module.path not in about:
            raise NoEdit(f"the same line builds {module.path}, which is to stay as it is")


def _path(layer: Node | Module) -> str:
    return layer.module if isinstance(layer, Node) else layer.path


def _edits(change: Change, graph: Graph, text: Text) -> Iterator[Edit]:
    if isinstance(change, SetArgument):
        yield from _argument(change, graph, text)
    elif isinstance(change, SetNumber):
        yield _number(change.module, change.now, change.value, text)
    elif isinstance(change, Before):
        yield from _before(change, graph, text)
    elif isinstance(change, After):
        yield from _after(change, graph, text)
    elif isinstance(change, Instead):
        yield _instead(change, graph, text)
    elif isinstance(change, Without):
        yield from _without(change, graph, text)
    elif isinstance(change, Behind):
        yield from _behind(change, graph, text)
    elif isinstance(change, Assign):
        yield from _assigned(change, graph, text)
    else:
        yield from contained(change, graph, text)


def _argument(change: SetArgument, graph: Graph, text: Text) -> Iterator[Edit]:
    layer = change.layer
    module = layer if isinstance(layer, Module) else _module(layer, graph)
    if module is not None:
        call = _copied(text.call_at(module.construction), text)
        # Layers that are made of others are of no kind.
        kind = module.kind or module.type
        names = layer_arguments(kind)
        if names is None or change.name not in names or called_name(call) != kind:
            raise NoEdit(f"{_named(call)} builds it at {text.line_of(call)}")
    else:
        assert isinstance(layer, Node)
        call = text.call_at(layer.call)
        names = functional_arguments(layer.op)
        if names is None or called_name(call) != layer.op:
            raise NoEdit(f"{_named(call)} computes it at {text.line_of(call)}")
        if isinstance(call.func, ast.Attribute) and not text.names_library(call.func.value):
            # A method's tensor stands before the point.
            names = names[1:]
    try:
        yield from set_argument(text, call, names, change.name, change.written)
    except NoEdit as reason:
        handed = None if module is None else _handed_down(module, change, graph, text)
        if handed is None:
            raise reason
        yield handed


def _copied(call: ast.Call, text: Text) -> ast.Call:
    """The construction of a layer that is copied by what a call constructs, else that call."""
    copied = _COPYING.get(called_name(call))
    made = None if copied is None else call_of(text, call, copied)
    return made or call


def _named(call: ast.Call) -> str:
    return called_name(call) or "what is called"


def _handed_down(module: Module, change: SetArgument, graph: Graph, text: Text) -> Edit | None:
    """The edit of the number at the construction of the nearest block that is given it."""
    path = module.path
    while path and change.now is not None:
        path = path.rpartition(".")[0]
        block = graph.modules.get(path)
        if block is None or block.construction is None:
            continue
        with suppress(NoEdit):
            return _number(block, change.now, change.value, text)
    return None


def _number(module: Module, now: int, value: int, text: Text) -> Edit:
    call = text.call_at(module.construction)
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    found = [node for node in given if isinstance(node, ast.Constant) and type(node.value) is int]
    found = [node for node in found if node.value == now]
    if len(found) != 1:
        raise NoEdit(
            f"{now} is not the one such argument of {_named(call)} at {text.line_of(call)}"
        )
    return text.replaced(found[0], str(value))


def _module(node: Node, graph: Graph) -> Module | None:
    """The layer that a call belongs to; `None` for a functional that a forward calls."""
    return graph.modules.get(node.module) if node.type != node.op else None


def _subject(node: Node, call: ast.Call, text: Text) -> ast.expr:
    """What a call works on: the object of a tensor's method, else the first argument."""
    callee = call.func
    is_layer = node.type != node.op
    if isinstance(callee, ast.Attribute) and not is_layer and not text.names_library(callee.value):
        return callee.value
    if not call.args or isinstance(call.args[0], ast.Starred):
        raise NoEdit("its input is not its first argument")
    return call.args[0]


def _as_operand(node: ast.expr, written: str) -> str:
    """An expression as something may follow it."""
    plain = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
    return written if isinstance(node, plain) else f"({written})"


def _before(change: Before, graph: Graph, text: Text) -> Iterator[Edit]:
    module = _module(change.call, graph)
    if module is not None and change.module is not None:
        inside = _element(module, graph, text)
        if inside is not None:
            line, column, *_ = text.source.extent(inside)
            yield text.inserted(line, column, f"{spelled(change.module, text)}, ")
            return
    try:
        argument = _subject(change.call, _own_call(change.call, graph, text), text)
    except NoEdit:
        built = None if module is None or change.module is None else _built(module, text)
        if built is None:
            raise
        # Built here and called elsewhere: the two become one layer.
        line, column, end_line, end_column = text.source.extent(built)
        yield text.inserted(line, column, spelled(f"nn.Sequential({change.module}, ", text))
        yield text.inserted(end_line, end_column, ")")
        return
    written = _as_operand(argument, text.text_of(argument))
    yield text.replaced(argument, spelled(change.step, text).format(written))


def _built(module: Module, text: Text) -> ast.Call | None:
    """The construction of a layer of `torch.nn` in a file that does not write the layer's call."""
    with suppress(NoEdit):
        built = text.call_at(module.construction)
        if called_name(built) == module.kind:
            return built
    return None


def _after(change: After, graph: Graph, text: Text) -> Iterator[Edit]:
    module = _module(change.call, graph)
    inside = None
    if module is not None and change.module is not None:
        inside = _element(module, graph, text)
    if inside is not None:
        *_, end_line, end_column = text.source.extent(inside)
        yield text.inserted(end_line, end_column, f", {spelled(change.module or '', text)}")
        return
    call = _own_call(change.call, graph, text)
    head, tail = spelled(change.step, text).split("{}")
    line, column, end_line, end_column = text.source.extent(call)
    if head:
        yield text.inserted(line, column, head)
    yield text.inserted(end_line, end_column, tail)


def _instead(change: Instead, graph: Graph, text: Text) -> Edit:
    layer = change.call
    module = layer if isinstance(layer, Module) else _module(layer, graph)
    if module is not None and change.module is not None:
        built = _built(module, text)
        if built is not None:
            return text.replaced(built, spelled(change.module, text))
    if change.step is None or isinstance(layer, Module):
        raise NoEdit("it is built in another file")
    call = _own_call(layer, graph, text)
    subject = _subject(layer, call, text)
    written = _as_operand(subject, text.text_of(subject))
    return text.replaced(call, spelled(change.step, text).format(written))


def _own_call(node: Node, graph: Graph, text: Text) -> ast.Call:
    """The call of a layer or functional in the text; raise `NoEdit` where a container calls it."""
    path = node.module
    while node.type != node.op and "." in path:
        path, _, place = path.rpartition(".")
        holder = graph.modules.get(path)
        if holder is not None and holder.type == "Sequential":
            raise NoEdit(f"{path} calls it, as its {place}")
        break
    return text.call_at(node.call)


def _element(module: Module, graph: Graph, text: Text) -> ast.expr | None:
    """What stands for a layer in an `nn.Sequential(…)`: its construction, or what has it."""
    path, _, place = module.path.rpartition(".")
    around = graph.modules.get(path)
    if around is not None and around.type == "Sequential" and place.isdigit():
        with suppress(NoEdit):
            container = text.call_at(around.construction)
            held = [one for one in graph.modules if one and one.rpartition(".")[0] == path]
            starred = any(isinstance(one, ast.Starred) for one in container.args)
            whole = not starred and len(container.args) == len(held)
            if called_name(container) == "Sequential" and whole:
                return container.args[int(place)]
    with suppress(NoEdit):
        call = text.call_at(module.construction)
        holder = text.parents.get(call)
        inside = isinstance(holder, ast.Call) and called_name(holder) == "Sequential"
        return call if inside and call in getattr(holder, "args", ()) else None
    return None


def _without(change: Without, graph: Graph, text: Text) -> Iterator[Edit]:
    module = _module(change.call, graph)
    inside = _element(module, graph, text) if module is not None else None
    if inside is not None:
        yield from _removed(inside, text)
        return
    call = _own_call(change.call, graph, text)
    statement = text.parents.get(call)
    if isinstance(statement, ast.Expr):
        yield _without_statement(statement, text)
        return
    yield text.replaced(call, text.text_of(_subject(change.call, call, text)))


def _without_statement(statement: ast.stmt, text: Text) -> Edit:
    """The edit that takes the lines of a statement out of its block."""
    around = text.parents[statement]
    blocks = (getattr(around, name, None) for name in ("body", "orelse", "finalbody"))
    block = next(one for one in blocks if isinstance(one, list) and statement in one)
    if len(block) == 1:
        raise NoEdit("its line is all that stands there")
    line, column, end_line, end_column = text.source.extent(cast("Any", statement))
    lines = text.source.text.split("\n")
    behind = lines[end_line - 1][end_column - 1 :].partition("#")[0]
    if lines[line - 1][: column - 1].strip() or behind.strip() or end_line == len(lines):
        raise NoEdit("its line holds something else, too")
    return Edit(line, 1, end_line + 1, 1, "", text.source.path)


def _behind(change: Behind, graph: Graph, text: Text) -> Iterator[Edit]:
    """The edits that write in each place of a chain what stands in the next, and the first last."""
    modules = [_module(node, graph) for node in change.chain]
    elements = [None if module is None else _element(module, graph, text) for module in modules]
    places: list[ast.expr]
    if all(elements):
        places = [element for element in elements if element is not None]
    else:
        calls = [_own_call(node, graph, text) for node in change.chain]
        if any(len(call.args) + len(call.keywords) != 1 for call in calls):
            raise NoEdit("it takes more than its input")
        if any(
            call.args and _subject(node, call, text) is not call.args[0]
            for node, call in zip(change.chain, calls, strict=True)
        ):
            raise NoEdit("it is a method of what it is given")
        places = [call.func for call in calls]
    written = [text.text_of(place) for place in places]
    for place, other in zip(places, [*written[1:], written[0]], strict=True):
        yield text.replaced(place, other)


def _removed(call: ast.expr, text: Text) -> Iterator[Edit]:
    """The edit that takes an argument out of a call, with the comma and line that it had."""
    holder = text.parents[call]
    assert isinstance(holder, ast.Call)
    at = holder.args.index(call)
    line, column, end_line, end_column = text.source.extent(call)
    if at + 1 < len(holder.args):
        following = text.source.extent(holder.args[at + 1])
        yield Edit(line, column, following[0], following[1], "", text.source.path)
        return
    if at == 0:
        raise NoEdit("it is the only layer there")
    before = text.source.extent(holder.args[at - 1])
    yield Edit(before[2], before[3], end_line, end_column, "", text.source.path)


def _assigned(change: Assign, graph: Graph, text: Text) -> Iterator[Edit]:
    if isinstance(change.call, Module):
        call = _statement_of(change.call, graph, text)
        subject: ast.expr = call.args[0]
    else:
        call = text.call_at(change.call.call)
        if not isinstance(text.parents.get(call), ast.Expr):
            raise NoEdit("its call is no statement of its own")
        subject = _subject(change.call, call, text)
    if not isinstance(subject, (ast.Name, ast.Attribute)):
        raise NoEdit("what it is given has no name")
    line, column, *_ = text.source.extent(call)
    yield text.inserted(line, column, f"{text.text_of(subject)} = ")


def _statement_of(module: Module, graph: Graph, text: Text) -> ast.Call:
    """The one statement of a class that calls a module of it and keeps no result."""
    path, _, name = module.path.rpartition(".")
    found = [
        node.value
        for node in ast.walk(class_of(path, graph, text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        if own_attribute(node.value.func) == name
    ]
    if len(found) != 1 or not found[0].args:
        raise NoEdit("its call is no statement of its own")
    return found[0]
