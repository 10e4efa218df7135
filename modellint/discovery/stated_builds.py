"""How a user says that a model is built: `# modellint: build=Tower(width=32)`, `file.py::Tower(3)`.

Both are expressions in the file's own names.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from modellint.discovery.arguments import ConstructorCall
from modellint.discovery.names import written_name
from modellint.errors import UsageError
from modellint.source.file import SourceFile, deep_trees
from modellint.source.walking import nodes_of, walk


def expression_call(text: str, line: int, origin: str) -> ConstructorCall:
    """The way to build a model that an expression says; raise `UsageError` where it says none."""
    try:
        with deep_trees():
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError) as error:
        raise UsageError(f"{text!r} is no expression of Python") from error
    names = [node.id for node in walk(tree) if isinstance(node, ast.Name)]
    called = written_name(tree.func) if isinstance(tree, ast.Call) else None
    if not names:
        raise UsageError(f"{text!r} names nothing of the file; write one such as Net(width=32)")
    return ConstructorCall(called or names[0], (), (), True, line, origin, text=ast.unparse(tree))


def build_comments(source: SourceFile) -> Mapping[str, ConstructorCall | str]:
    """The `build=` comments by the class or function that they stand on; a text says what is wrong.

    Of several on one the first counts.
    """
    lines = {
        node.lineno: node.name for node in nodes_of(source.tree, ast.ClassDef, ast.FunctionDef)
    }
    found: dict[str, ConstructorCall | str] = {}
    for comment in source.build_comments:
        name = lines.get(comment.first_line)
        if name is None:
            continue
        origin = f"build= comment at line {comment.line}"
        try:
            found.setdefault(name, expression_call(comment.text, comment.first_line, origin))
        except UsageError as error:
            found.setdefault(name, f"the {origin} is wrong: {error}")
    return found
