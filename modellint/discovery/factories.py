"""The model that a function of a file builds and returns.

A training script may return a model too, and is told by its name or by what it calls.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from modellint.discovery.declarations import Declarations
from modellint.discovery.inlining import FLUENT
from modellint.discovery.libraries import MODEL_WRAPPERS, is_library_model
from modellint.discovery.names import Names, written_name
from modellint.discovery.scopes import Function, own_nodes
from modellint.source.walking import walk

_SCRIPTS = frozenset(
    """main train test evaluate eval fit run validate predict inference demo setup parse_args
    train_model test_model train_epoch""".split()
)
#: Calls that mark a function as a training or data script, whatever it returns.
_SCRIPT_CALLS = frozenset("backward step zero_grad fit parse_args imread imshow savefig".split())


def returned_model(
    function: Function, declarations: Declarations, names: Names, depth: int = 4
) -> str | None:
    """The class (or torch name) of the model that a function builds and returns, if it does."""
    found = returned_call(function, declarations, names)
    if found is None or depth == 0:
        return _registered(function)
    callee = _called(found, declarations, names, _local_classes(function, declarations))
    if callee is not None and callee in declarations.functions:
        inner = returned_model(declarations.functions[callee], declarations, names, depth - 1)
        return inner or _registered(function)
    return callee


def returned_call(function: Function, declarations: Declarations, names: Names) -> ast.Call | None:
    """The call whose result a function returns, if that builds a model or is a file's function."""
    if function.name in _SCRIPTS or function.name.startswith("test_") or _is_script(function):
        return None
    assigned: dict[str, list[ast.expr]] = {}
    returned: list[ast.expr] = []
    for node in own_nodes(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            if isinstance(node.targets[0], ast.Name):
                assigned.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            assigned.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.Return) and node.value is not None:
            returned.append(node.value)
    local = _local_classes(function, declarations)
    for value in map(_stripped, returned):
        options = assigned.get(value.id, []) if isinstance(value, ast.Name) else [value]
        for option in options:
            call = _peel(option, names)
            if call is not None and _called(call, declarations, names, local) is not None:
                return call
    return None


def _stripped(node: ast.expr) -> ast.expr:
    """The `net` of `net.to(device).eval()`."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr not in FLUENT:
            break
        node = node.func.value
    return node


def _peel(node: ast.expr, names: Names) -> ast.Call | None:
    """The constructing call inside `nn.DataParallel(Net(3).to(device).eval())`."""
    if isinstance(node, ast.IfExp):
        return _peel(node.body, names) or _peel(node.orelse, names)
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
        return _peel(node.func.value, names)
    if names.dotted(node.func) in MODEL_WRAPPERS and node.args:
        return _peel(node.args[0], names)
    return node


def _called(
    call: ast.Call, declarations: Declarations, names: Names, local: Mapping[str, str]
) -> str | None:
    if isinstance(call.func, ast.Name):
        name = call.func.id
        if name in declarations.classes or name in declarations.functions:
            return name
    dotted = names.dotted(call.func) or ""
    if is_library_model(dotted):
        return dotted
    # Registries' builders: `build_model_with_cfg(ResNet, variant, pretrained, **kwargs)`.
    for argument in call.args[:2]:
        if isinstance(argument, ast.Name):
            name = local.get(argument.id, argument.id)
            if name in declarations.classes:
                return name
    return None


def _local_classes(function: Function, declarations: Declarations) -> dict[str, str]:
    """The local names that stand for a class of the file: `model_cls = EfficientNet`."""
    found: dict[str, str] = {}
    for node in own_nodes(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=used)):
                if used in declarations.classes:
                    found.setdefault(name, used)
    return found


def _registered(function: Function) -> str | None:
    """The class that a function registered as a model says it returns."""
    marks = (ast.unparse(mark) for mark in function.decorator_list)
    if not any("register_model" in mark for mark in marks):
        return None
    return written_name(function.returns) if function.returns is not None else function.name


def _is_script(function: Function) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _SCRIPT_CALLS
        for node in walk(function)
    )
