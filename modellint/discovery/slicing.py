"""The part of a file that its models need: which top-level statements to run, which to leave.

A model file is often a script. Imports, classes and functions always belong to the slice; of the
rest only what the models read, transitively, and the calls that change how models are built.
Loops, training, data loading and everything under `__main__` stay out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from modellint.discovery.names import is_main_guard, stored_names, written_name
from modellint.source.file import SourceFile, deep_trees
from modellint.source.walking import children, walk

_ALWAYS = (
    ast.Import,
    ast.ImportFrom,
    ast.ClassDef,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
)
_LOOPS = (ast.For, ast.While, ast.AsyncFor)
#: Calls that change how models are built, wherever their result goes.
_SETTINGS = frozenset(
    """sys.path.append sys.path.insert sys.path.extend sys.setrecursionlimit site.addsitedir
    os.environ.setdefault os.environ.update os.putenv
    torch.set_default_dtype torch.set_default_device torch.set_default_tensor_type
    torch.manual_seed random.seed np.random.seed numpy.random.seed""".split()
)
#: Methods that change the object they are called on, and that values of a model file have.
_MUTATORS = frozenset(
    """append extend insert update setdefault pop popitem remove clear add discard sort reverse
    add_argument add_argument_group set_defaults register add_module register_module
    register_buffer register_parameter merge_from_file merge_from_list freeze""".split()
)
#: Names that registries look up in the module without the file's code reading them (timm).
_LOOKED_UP = frozenset({"default_cfg", "default_cfgs"})
_STATE = frozenset({"sys", "os", "torch"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A statement that defines a name the models read, and yet does not run.

    `unknown` tells that nothing is wrong with it: what it counts is not there while loading.
    """

    line: int
    names: tuple[str, ...]
    reason: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """The statements to run, in file order; the names the models need; what stays out of those."""

    statements: tuple[ast.stmt, ...]
    needed: frozenset[str]
    left_out: tuple[LeftOut, ...]


def slice_module(source: SourceFile, wanted: frozenset[str]) -> Slice:
    """Choose the top-level statements that the names in `wanted` need, transitively."""
    body = [node for node in source.tree.body if not is_main_guard(node)]
    with deep_trees():
        needed = _needed(body, wanted)
    unknown = [*_counts_of_nothing(body, needed, source), *_of_the_shell(body, needed)]
    counts = {count.line: count for count in unknown}
    statements = [
        kept for node in body if node.lineno not in counts for kept in _kept(node, needed)
    ]
    loops = (
        LeftOut(node.lineno, tuple(sorted(bound)), "a loop is not run while loading")
        for node in body
        if isinstance(node, _LOOPS)
        for bound in [_bound(node) & needed]
        if bound
    )
    return Slice(tuple(statements), needed, (*loops, *counts.values()))


def _counts_of_nothing(
    body: list[ast.stmt], needed: frozenset[str], source: SourceFile
) -> Iterator[LeftOut]:
    """The statements that count what others put into an object, which are not run while loading.

    `words = Corpus()` and `size = len(words.all)` belong to the slice, `words.read("train.txt")`
    between the two does not: the count would be 0.
    """
    made: set[str] = set()
    filled: dict[str, int] = {}
    for node in body:
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign) and isinstance(value, ast.Call):
            made |= stored_names(node)
        if isinstance(value, ast.Call) and not _concerns(node, needed):
            owner = value.func.value if isinstance(value.func, ast.Attribute) else None
            roots = _roots([owner]) if owner is not None else set()
            filled |= dict.fromkeys(roots & made & needed, node.lineno)
        counted = [
            root
            for call in walk(node)
            if isinstance(call, ast.Call) and written_name(call.func) == "len" and call.args
            for root in _roots(call.args[:1])
            if root in filled
        ]
        if counted and isinstance(node, ast.Assign) and _concerns(node, needed):
            where = source.words(filled[counted[0]])
            reason = f"counts what {where} puts there, which does not run on load"
            yield LeftOut(node.lineno, tuple(sorted(_bound(node))), reason, unknown=True)


def _of_the_shell(body: list[ast.stmt], needed: frozenset[str]) -> Iterator[LeftOut]:
    """What is bound to what a shell or a magic gives, as `files = !ls` is in a notebook."""
    for node in body:
        match node:
            case ast.Assign(value=ast.Call(func=ast.Attribute(value=ast.Call(func=asked)))):
                if written_name(asked) == "get_ipython" and _concerns(node, needed):
                    reason = "is what a shell or a magic gives, which does not run on load"
                    yield LeftOut(node.lineno, tuple(sorted(_bound(node))), reason, unknown=True)


def bound_names(node: ast.stmt) -> frozenset[str]:
    """The names that running a statement binds in the module."""
    return frozenset(_bound(node))


def free_names(node: ast.AST) -> frozenset[str]:
    """The names that a piece of code reads from around it, now or when its functions run."""
    return frozenset(_Scopes().free(node))


def _needed(body: list[ast.stmt], wanted: frozenset[str]) -> frozenset[str]:
    leaves = list(_leaves(body))
    reads = {id(node): _Scopes().free(node) for node in leaves}
    binders: dict[str, list[ast.stmt]] = {}
    for node in leaves:
        for name in _bound(node) | _mutated(node):
            binders.setdefault(name, []).append(node)
    # A condition is read when what it guards is.
    guards = {id(leaf): test for leaf, test in _guarded(body)}
    needed: set[str] = set()
    pending = [*wanted, *(_LOOKED_UP & binders.keys())]
    for node in leaves:
        if _is_setting(node):
            pending += reads[id(node)]
    while pending:
        name = pending.pop()
        if name in needed:
            continue
        needed.add(name)
        for node in binders.get(name, ()):
            pending += reads[id(node)]
            pending += [read for test in guards.get(id(node), ()) for read in _Scopes().free(test)]
    return frozenset(needed)


def _leaves(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If):
            if not is_main_guard(node):
                yield from _leaves([*node.body, *node.orelse])
        elif isinstance(node, ast.Try | ast.TryStar):
            for handler in node.handlers:
                yield from _leaves(handler.body)
            yield from _leaves([*node.body, *node.orelse, *node.finalbody])
        elif not isinstance(node, _LOOPS):
            yield node


def _guarded(
    body: Iterable[ast.stmt], tests: tuple[ast.expr, ...] = ()
) -> Iterator[tuple[ast.stmt, tuple[ast.expr, ...]]]:
    for node in body:
        if isinstance(node, ast.If):
            yield from _guarded([*node.body, *node.orelse], (*tests, node.test))
        elif isinstance(node, ast.Try | ast.TryStar):
            kinds = tuple(handler.type for handler in node.handlers if handler.type is not None)
            inner = [statement for handler in node.handlers for statement in handler.body]
            blocks = [*node.body, *inner, *node.orelse, *node.finalbody]
            yield from _guarded(blocks, (*tests, *kinds))
        else:
            yield node, tests


def _kept(node: ast.stmt, needed: frozenset[str]) -> Iterator[ast.stmt]:
    """The statement as far as it is needed: branches keep only what belongs to the slice."""
    if isinstance(node, _LOOPS) or is_main_guard(node):
        return
    if isinstance(node, ast.If):
        body = [kept for inner in node.body for kept in _kept(inner, needed)]
        orelse = [kept for inner in node.orelse for kept in _kept(inner, needed)]
        if body or orelse:
            filled = body or [ast.copy_location(ast.Pass(), node)]
            yield ast.copy_location(ast.If(node.test, filled, orelse), node)
    elif isinstance(node, ast.Try | ast.TryStar):
        yield from _kept_try(node, needed)
    elif isinstance(node, _ALWAYS) or _is_setting(node) or _concerns(node, needed):
        yield node


def _concerns(node: ast.stmt, needed: frozenset[str]) -> bool:
    return not isinstance(node, ast.Delete) and bool((_bound(node) | _mutated(node)) & needed)


def _kept_try(node: ast.Try | ast.TryStar, needed: frozenset[str]) -> Iterator[ast.stmt]:
    # A handler's `name = None` belongs to the import that it stands in for.
    needed |= {name for inner in node.body if isinstance(inner, _ALWAYS) for name in _bound(inner)}

    def keep(body: list[ast.stmt]) -> list[ast.stmt]:
        return [kept for inner in body for kept in _kept(inner, needed)]

    body, orelse, final = keep(node.body), keep(node.orelse), keep(node.finalbody)
    kept = [keep(handler.body) for handler in node.handlers]
    if not (body or orelse or final or any(kept)):
        return
    nothing = ast.copy_location(ast.Pass(), node)
    handlers = [
        ast.copy_location(
            ast.ExceptHandler(handler.type, handler.name, inner or [nothing]), handler
        )
        for handler, inner in zip(node.handlers, kept, strict=True)
    ]
    kind = type(node)
    yield ast.copy_location(kind(body or [nothing], handlers, orelse, final), node)


def _bound(node: ast.stmt) -> set[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return {name}
        case ast.Import(names=aliases):
            return {alias.asname or alias.name.partition(".")[0] for alias in aliases}
        case ast.ImportFrom(names=aliases):
            return {alias.asname or alias.name for alias in aliases}
        case ast.If() | ast.Try() | ast.TryStar():
            return {name for leaf in _leaves([node]) for name in _bound(leaf)}
    return stored_names(node)


def _mutated(node: ast.stmt) -> set[str]:
    """The names whose objects a statement changes: `cfg.update(...)`, `CFG["a"] = 1`, `a.b = 2`."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=attr))):
            return _roots([owner]) if attr in _MUTATORS else set()
        case ast.Expr(value=ast.Call(func=ast.Name(id="setattr"), args=[owner, *_])):
            return _roots([owner])
        case ast.Assign(targets=targets):
            return _roots(targets)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return _roots([target])
    return set()


def _roots(targets: Iterable[ast.expr]) -> set[str]:
    found: set[str] = set()
    for target in targets:
        node = target
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        if isinstance(node, ast.Name):
            found.add(node.id)
    return found


def _is_setting(node: ast.stmt) -> bool:
    """Whether a statement sets something that models are built by."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return written_name(node.value.func) in _SETTINGS
    if isinstance(node, ast.Assign):
        changed = [one for one in node.targets if isinstance(one, ast.Attribute | ast.Subscript)]
        return bool(changed) and bool(_roots(changed) & _STATE)
    return False


class _Scopes:
    """Computes free names as Python scopes them: a function's own names hide the module's."""

    def free(self, node: ast.AST) -> set[str]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return self._function(node)
        if isinstance(node, ast.ClassDef):
            outside = [*node.decorator_list, *node.bases, *(word.value for word in node.keywords)]
            return self._all([*outside, *node.body])
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            targets = {
                name.id
                for generator in node.generators
                for name in walk(generator.target)
                if isinstance(name, ast.Name)
            }
            return self._all(children(node)) - targets
        if isinstance(node, ast.Name):
            return {node.id} if isinstance(node.ctx, ast.Load) else set()
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            return {node.target.id} | self.free(node.value)
        return self._all(children(node))

    def _all(self, nodes: Iterable[ast.AST]) -> set[str]:
        return {name for node in nodes for name in self.free(node)}

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        local = {argument.arg for argument in every}
        shared: set[str] = set()
        for inner in self._inside(body):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                local.add(inner.id)
            elif isinstance(inner, ast.Global | ast.Nonlocal):
                shared |= set(inner.names)
            elif isinstance(inner, ast.Import | ast.ImportFrom):
                local |= _bound(inner)
            elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                local.add(inner.name)
        outside: list[ast.AST] = [
            *arguments.defaults,
            *(default for default in arguments.kw_defaults if default is not None),
            *(argument.annotation for argument in every if argument.annotation is not None),
        ]
        if not isinstance(node, ast.Lambda):
            outside += [*node.decorator_list, *([node.returns] if node.returns else [])]
        return self._all(outside) | ((self._all(body) | shared) - (local - shared))

    def _inside(self, body: Iterable[ast.AST]) -> Iterator[ast.AST]:
        """The nodes of a function's body, nested functions seen but not entered."""
        pending = list(body)
        while pending:
            node = pending.pop()
            yield node
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                continue
            if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                continue
            pending += children(node)
