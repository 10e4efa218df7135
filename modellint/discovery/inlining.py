"""Turns an expression of a script into one that the module's namespace can evaluate again."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from itertools import islice
from typing import Any

from modellint.discovery.constants import NotConstant, as_expression, constant
from modellint.discovery.names import Names, stored_names, written_name
from modellint.discovery.scopes import Scope
from modellint.source.tree_copies import copied
from modellint.source.walking import walk

#: Methods that return the module they are called on.
FLUENT = frozenset(
    "to cuda cpu eval train float half double bfloat16 requires_grad_ apply share_memory".split()
)
_SAFE_BUILTINS = frozenset(
    "dict list tuple set int float str bool len range min max sum abs round".split()
)
_NEVER_INLINED = ("torch.load", "torch.hub", "torch.utils.data", "torch.distributed")
_LIBRARIES = ("torch.", "torchvision.", "timm.", "functools.", "numpy.")
#: Ends of class names whose instances read data or the command line.
_DATA = ("Dataset", "Loader", "Tokenizer", "Parser", "Writer")
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_STATEFUL = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
#: Nodes in an inlined expression: `x = x + x`, forty times, must not fill the memory.
_LARGEST = 1000


class Inliner(ast.NodeTransformer):
    """Replaces local names by their values; raises `NotConstant` for what must not be rerun."""

    def __init__(
        self,
        names: Names,
        scope: Scope,
        module_names: frozenset[str],
        lookup: Callable[[str], Any],
        is_model: Callable[[ast.expr], bool],
        builds: Callable[[ast.Call], bool],
    ) -> None:
        self._names = names
        self._scope = scope
        self._module_names = module_names
        self._lookup = lookup
        self._is_model = is_model
        self._builds = builds
        self._inner: set[str] = set()

    def inlined(self, node: ast.expr) -> ast.expr:
        """A copy of an expression that reads module-level names only."""
        result = self.visit(node)
        assert isinstance(result, ast.expr)
        if next(islice(walk(result), _LARGEST, None), None) is not None:
            raise NotConstant
        return result

    def visit(self, node: ast.AST) -> Any:
        """Note the names that a comprehension binds, and refuse what has an effect."""
        if isinstance(node, _STATEFUL):
            raise NotConstant
        if isinstance(node, _COMPREHENSIONS):
            self._inner |= stored_names(node)
        elif isinstance(node, ast.Lambda):
            self._inner |= {argument.arg for argument in node.args.args}
        return super().visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A copy of a node, made of what is below it: where that must not run, none is made."""
        return copied(node, self.visit)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Keep module-level names; replace local ones by what they were assigned."""
        if node.id in self._inner:
            return node
        if node.id in self._scope.local or self._scope.where == "docstring":
            value = self._scope.values.get(node.id)
            if value is not None and value.expression is not None:
                return copied(value.expression)
            if node.id in self._scope.local:
                raise NotConstant
        if node.id in self._module_names or hasattr(builtins, node.id):
            return node
        raise NotConstant

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace `args.width` by the option's default where the command line is read locally."""
        name = written_name(node)
        if name is None or name.partition(".")[0] not in self._scope.local:
            return self.generic_visit(node)
        try:
            value = constant(node, self._lookup)
        except NotConstant:
            return self.generic_visit(node)
        if isinstance(value, int | float | str | bool | None):
            return ast.copy_location(ast.Constant(value), node)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        """Drop `.to(device)` after a model; of calls that may read data only the value counts."""
        match node.func:
            case ast.Attribute(value=owner, attr=attr) if attr in FLUENT and self._is_model(owner):
                return self.visit(owner)
        if not self._may_call(node.func):
            return as_expression(constant(node, self._lookup), node)
        return self.generic_visit(node)

    def _may_call(self, func: ast.expr) -> bool:
        if isinstance(func, ast.Name) and (
            func.id in _SAFE_BUILTINS or func.id in self._names.local
        ):
            return True
        if self._builds(ast.Call(func, [], [])):
            return True
        dotted = self._names.dotted(func) or ""
        if dotted.startswith(_NEVER_INLINED):
            return False
        last = dotted.rpartition(".")[2]
        return dotted.startswith(_LIBRARIES) or (last[:1].isupper() and not last.endswith(_DATA))
