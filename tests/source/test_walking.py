"""What walks syntax trees gives the nodes that `ast.walk` gives, in its order, and each once."""

from __future__ import annotations

import ast
import gc
import weakref
from pathlib import Path

import pytest

from modellint.source.tree_copies import copied
from modellint.source.walking import nodes_of, owned_nodes, walk

FILES = sorted(Path(__file__).parent.parent.glob("projects/**/*.py"))
SHARED = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_walk_meets_what_that_of_ast_meets_in_its_order(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    everything = [node for node in ast.walk(tree) if not isinstance(node, SHARED)]
    assert list(walk(tree)) == everything
    for kinds in ((ast.ClassDef,), (ast.Call, ast.Assign), (ast.Import, ast.ImportFrom)):
        assert nodes_of(tree, *kinds) == [node for node in everything if isinstance(node, kinds)]


def test_a_node_comes_with_the_innermost_class_that_it_stands_in_and_in_the_text_s_order() -> None:
    tree = ast.parse(
        "def first(): pass\n"
        "class A:\n"
        "    def second(self):\n"
        "        def third(): pass\n"
        "    class B:\n"
        "        def fourth(self): pass\n"
        "def fifth(): pass\n"
    )
    found = [
        (node.name, owner)
        for node, owner in owned_nodes(tree, ast.FunctionDef, ast.AsyncFunctionDef)
    ]
    assert found == [
        ("first", None),
        ("second", "A"),
        ("third", "A"),
        ("fourth", "B"),
        ("fifth", None),
    ]


def test_what_is_known_of_a_tree_goes_with_it() -> None:
    tree = ast.parse("x = f(1)")
    assert nodes_of(tree, ast.Call)
    kept = weakref.ref(tree)
    del tree
    gc.collect()
    assert kept() is None


def test_a_copy_says_the_same_and_changes_alone() -> None:
    tree = ast.parse("f(-x + y, z=[1 < 2, *w], **{'a': lambda q: q})", mode="eval")
    other = copied(tree)
    assert ast.dump(other, include_attributes=True) == ast.dump(tree, include_attributes=True)
    for node in ast.walk(other):
        if isinstance(node, ast.Name):
            node.id = "changed"
    assert "changed" not in ast.dump(tree)
