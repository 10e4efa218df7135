"""What only IPython understands gives way to nothing, as IPython itself reads it."""

import ast
import random

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from modellint.source.ipython import python_of

#: Python that looks like something else, in one piece each.
PYTHON = [
    "x = 1",
    "y = x % 3",
    "s = '''\n%matplotlib inline\n!ls\nwhat?\n'''",
    "z = (x\n     % y)",
    "w = {'a': 1,\n  # what?\n  'b': 2}  # why?",
    "n = 'ends in?'",
    "class A:\n    def f(self):\n        return 1 % 2",
    'f(f"{x!r:>{y}}")',
    "t = x \\\n  % y",
    "assert x != y",
    "r = r'\\\\'",
    "q = 'it\\'s' '!'",
    "if x:\n    y = 2",
    "@decorated\ndef g(a, *, b=3): return a % b",
    "",
    "# !ls",
    "b = '#' # '''",
]
#: What only IPython reads, in one piece each.
ESCAPES = [
    "%matplotlib inline",
    "!pip install torch",
    '!echo "it\'s ("',
    "!pip install a \\\n  b \\\n  c",
    "%config A.b = 'c'",
    "x?",
    "x.y??",
    "?x",
    "!!ls",
    "%timeit -n 3 f(x)",
    "/call x",
    ",call a b",
    ";call a b",
    "%pip install 'a?'",
    "if x:\n    !ls\n    y = 2",
    "for i in x:\n    %time",
    "def f():\n    %magic\n    return 1",
]
CAPTURES = [
    "files = !ls",
    "a = %env HOME",
    "d['k'] = !ls",
    "a, b = %who_ls",
    "files = !ls \\\n  -l",
]


def statements(text):
    """The statements of a text and those in its blocks, without what IPython makes of escapes."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.stmt) or isinstance(node, ast.Pass):
            continue
        said = ast.unparse(node).partition("\n")[0]
        if isinstance(node, ast.Assign) and "get_ipython()" in said:
            said = said.partition("=")[0]
        if not said.startswith(("get_ipython()", "call(")):
            found.append((said, node.lineno, node.col_offset))
    return sorted(found)


@pytest.mark.parametrize("seed", range(150))
def test_what_is_python_stands_where_ipython_has_it(seed):
    draw = random.Random(seed)
    pieces = draw.choices([*PYTHON, *ESCAPES, *CAPTURES], k=draw.randint(1, 8))
    # IPython drops empty lines at the beginning, and with them what errors say of lines.
    cell = "\n".join(["x = y = f = 0", *pieces])
    read = python_of(cell)
    assert read.count("\n") == cell.count("\n")
    theirs = TransformerManager().transform_cell(cell)
    # A command of several lines is one of theirs, and moves what follows.
    if not any("\\\n" in piece for piece in pieces if piece not in PYTHON):
        assert statements(read) == statements(theirs)
    names = {said for said, *_ in statements(theirs)}
    assert {said for said, *_ in statements(read)} == names
    lines = cell.split("\n")
    for said, line, column in statements(read):
        assert said[0] == "@" or lines[line - 1][column:].startswith(said[0])


@pytest.mark.parametrize("cell", PYTHON)
def test_python_stays_as_it_is(cell):
    assert python_of(cell) == cell


@pytest.mark.parametrize("cell", CAPTURES)
def test_what_a_command_gives_is_the_call_that_ipython_makes(cell):
    (made,) = ast.parse(python_of(cell)).body
    (theirs,) = ast.parse(TransformerManager().transform_cell(cell)).body
    assert ast.dump(made.targets[0]) == ast.dump(theirs.targets[0])
    assert ast.unparse(made.value).startswith("get_ipython().")


@pytest.mark.parametrize(
    "magic", ["time", "timeit", "capture o", "prun -l 3", "debug", "modellint"]
)
@pytest.mark.parametrize("above", ["", "\n", "%%time\n", "\n%%capture\n\n"])
def test_magics_that_run_their_cell_keep_it(magic, above):
    cell = f"{above}%%{magic}\nimport torch\n!ls\nx = 1"
    lines = python_of(cell).split("\n")
    assert lines[-3:] == ["import torch", "pass", "x = 1"]
    assert not any(lines[:-3]) and len(lines) == cell.count("\n") + 1


@pytest.mark.parametrize(
    "magic", ["bash", "writefile net.py", "html", "python", "script perl", "cython", "time?", "R"]
)
def test_cells_of_other_magics_are_left_out(magic):
    cell = f"\n%%{magic}\nclass Net(nn.Module):\n    x = '"
    assert python_of(cell) == "\n" * cell.count("\n")


@pytest.mark.parametrize("cell", ["pip install torch", "cd ..", "conda install -y 'torch'"])
def test_a_command_alone_in_a_cell_needs_no_sign(cell):
    assert not python_of(cell).strip()
    assert python_of(f"{cell}\nx = 1") == f"{cell}\nx = 1"


def test_a_name_that_is_a_command_too_is_a_name():
    assert python_of("ls = [1 % 2]") == "ls = [1 % 2]"


def test_what_is_timed_in_a_line_counts_at_its_column():
    assert python_of("  %time y = net(x)").strip() == "pass; y = net(x)"
    assert python_of("%time\n%time for x in y:\n%timeit f(x)") == "pass\npass\npass"


@pytest.mark.parametrize("cell", ["def f(:", "x = (1,", "s = '''", "x = 'a", "if x:"])
def test_wrong_python_stays_to_be_told(cell):
    with pytest.raises(SyntaxError):
        ast.parse(python_of(cell))
