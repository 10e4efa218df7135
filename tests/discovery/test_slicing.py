"""Slicing: which statements of a script run when its models are loaded."""

from __future__ import annotations

import ast
import textwrap

from modellint.discovery.slicing import Slice, free_names, slice_module
from modellint.source.file import parse_source


def sliced(text: str, *wanted: str) -> Slice:
    source = parse_source("net.py", textwrap.dedent(text).encode())
    return slice_module(source, frozenset(wanted))


def kept(text: str, *wanted: str) -> list[str]:
    return [ast.unparse(statement) for statement in sliced(text, *wanted).statements]


SCRIPT = """
import torch
WIDTH = 3
DEPTH = WIDTH * 2
BATCH = 64
loader = DataLoader(dataset, BATCH)
print("starting")

class Net(torch.nn.Module):
    def __init__(self):
        self.fc = torch.nn.Linear(DEPTH, helper())

def helper():
    return SIZES["a"]

def train():
    return LEARNING_RATE

SIZES = {}
SIZES["a"] = 1
SIZES.update(b=2)
LEARNING_RATE = fetch()
for batch in loader:
    train()
if __name__ == "__main__":
    train()
"""


def test_models_get_what_they_read_and_nothing_else() -> None:
    statements = kept(SCRIPT, "Net")
    assert [text.splitlines()[0] for text in statements] == [
        "import torch",
        "WIDTH = 3",
        "DEPTH = WIDTH * 2",
        "class Net(torch.nn.Module):",
        "def helper():",
        "def train():",
        "SIZES = {}",
        "SIZES['a'] = 1",
        "SIZES.update(b=2)",
    ]


def test_names_local_to_a_function_do_not_pull_in_the_script() -> None:
    text = """
    data = download()
    class Net(Base):
        def forward(self, x, y=None):
            data = x
            return [item for item in data]
    item = download()
    """
    assert [line.split()[0] for line in kept(text, "Net")] == ["class"]


def test_decorators_defaults_and_bases_are_needed() -> None:
    text = """
    registry = Registry()
    Base = make_base()
    ACT = relu
    @registry.register
    class Net(Base):
        def __init__(self, act=ACT):
            pass
    """
    assert len(kept(text, "Net")) == 4


def test_settings_that_change_building_are_kept() -> None:
    text = """
    import sys, os, torch
    ROOT = os.path.dirname(__file__)
    sys.path.insert(0, ROOT)
    torch.set_default_dtype(torch.float64)
    torch.backends.cudnn.benchmark = True
    plt.show()
    torch.save(x, "y")
    """
    assert kept(text)[1:] == [
        "ROOT = os.path.dirname(__file__)",
        "sys.path.insert(0, ROOT)",
        "torch.set_default_dtype(torch.float64)",
        "torch.backends.cudnn.benchmark = True",
    ]


def test_parser_is_kept_where_its_result_is_needed() -> None:
    text = """
    parser = ArgumentParser()
    parser.add_argument("--width", default=3)
    args = parser.parse_args()
    def net():
        return Linear(args.width)
    """
    assert len(kept(text, "net")) == 4
    assert len(kept(text)) == 1


def test_branches_keep_only_what_belongs() -> None:
    text = """
    if FLAG:
        WIDTH = 3
        print("no")
        for x in y:
            pass
    else:
        train()
    FLAG = True
    try:
        import fast
        fast.setup()
    except ImportError:
        fast = None
    def net():
        return WIDTH
    """
    assert kept(text, "net") == [
        "if FLAG:\n    WIDTH = 3",
        "FLAG = True",
        "try:\n    import fast\nexcept ImportError:\n    fast = None",
        "def net():\n    return WIDTH",
    ]


def test_deletion_is_left_out() -> None:
    assert kept("import torch\nx = 1\ndel torch, x\n", "x") == ["import torch", "x = 1"]


def test_loop_that_defines_a_needed_name_is_told() -> None:
    result = sliced("for i in range(3):\n    WIDTH = i\ndef net():\n    return WIDTH\n", "net")
    (left,) = result.left_out
    assert (left.line, left.names) == (1, ("WIDTH",))


def test_what_counts_what_others_put_there_is_left_out() -> None:
    part = sliced(
        """
        corpus = Corpus()
        ids = corpus.read("train.txt")
        size = len(corpus.words)
        names = ["a", "b"]
        names.append("c")
        classes = len(names)
        net = Net(size, classes)
        """,
        "net",
    )
    assert [(left.line, left.names, left.unknown) for left in part.left_out] == [
        (4, ("size",), True)
    ]
    kept = "\n".join(ast.unparse(statement) for statement in part.statements)
    assert "classes = len(names)" in kept
    assert "corpus.words" not in kept


def test_statements_keep_their_positions() -> None:
    result = sliced("\n\nif A:\n    x = 1\n    print()\n", "x")
    (statement,) = result.statements
    assert isinstance(statement, ast.If)
    assert (statement.lineno, statement.body[0].lineno) == (3, 4)
    compile(ast.Module([statement], []), "net.py", "exec")


def test_free_names_follow_scopes() -> None:
    tree = ast.parse(
        "def f(a, b=B):\n    global G\n    c = a + D\n    G = 1\n"
        "    def g():\n        return c + E\n    return lambda h: h + F\n"
    )
    assert free_names(tree) == {"B", "D", "E", "F", "G"}


def test_configurations_that_a_registry_looks_up_are_kept() -> None:
    assert kept("default_cfgs = {'a': {}}\nother = 1\n") == ["default_cfgs = {'a': {}}"]
