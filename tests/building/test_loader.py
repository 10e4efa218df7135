"""Loading slices: what runs, what is remembered, where imports look."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from modellint.building.builder import build
from modellint.building.imports import make_importable
from modellint.building.loader import LoadedModule, load
from modellint.discovery.candidates import discover, find
from modellint.errors import FileError, NotAnalysed
from modellint.source.file import read_source

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, SIZE)
    def forward(self, x):
        return self.fc(x)
"""


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading changes the process as a worker may: paths and arguments are put back."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    # Other tests of this process may have made their folders importable.
    finders = [one for one in sys.meta_path if type(one).__module__ != make_importable.__module__]
    monkeypatch.setattr(sys, "meta_path", finders)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if "torch" not in name:
            del sys.modules[name]


def opened(path: Path, text: str, root: Path | None = None) -> LoadedModule:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("import torch\nimport torch.nn as nn\n" + textwrap.dedent(text))
    source = read_source(path)
    return load(source, discover(source), root=str(root or path.parent))


def width(loaded: LoadedModule, name: str = "Net") -> int:
    candidate = find(discover(loaded.source), name)
    assert candidate is not None
    model = build(loaded, candidate).model
    return int(model.fc.out_features)  # type: ignore[union-attr, arg-type]


def refused(loaded: LoadedModule) -> FileError | NotAnalysed:
    with pytest.raises((FileError, NotAnalysed)) as caught:
        width(loaded)
    return caught.value


def test_script_is_not_run(tmp_path: Path) -> None:
    loaded = opened(
        tmp_path / "net.py",
        f"""
        import sys
        SIZE = 4
        print_me = open("/nowhere/data")
        sys.exit(0)
        while True:
            pass
        input("name?")
        if __name__ == "__main__":
            raise SystemExit
        {textwrap.indent(NET, " " * 8)}
        for epoch in range(10):
            train()
        del torch
        """,
    )
    assert width(loaded) == 4
    assert loaded.notes == ()
    assert loaded.module.__name__ != "__main__"


def test_package_that_no_model_needs_is_a_note(tmp_path: Path) -> None:
    loaded = opened(tmp_path / "net.py", "import no_such_package, sys\nSIZE = 5\n" + NET)
    assert width(loaded) == 5
    (note,) = loaded.notes
    assert note.line == 3
    assert "no_such_package" in note.message and "no model uses it" in note.message
    assert "sys" in loaded.namespace


def test_package_that_a_model_needs_makes_it_not_analysed(tmp_path: Path) -> None:
    loaded = opened(tmp_path / "net.py", "from no_such_package import SIZE\n" + NET)
    error = refused(loaded)
    assert isinstance(error, NotAnalysed) and error.line == 3
    assert "no_such_package" in error.reason


def test_base_class_from_a_missing_package_is_traced_back(tmp_path: Path) -> None:
    loaded = opened(
        tmp_path / "net.py",
        "import no_such.thing as pl\nclass Net(pl.LightningModule):\n"
        "    def forward(self, x):\n        return x\n",
    )
    error = refused(loaded)
    assert isinstance(error, NotAnalysed) and error.line == 3
    assert [note.line for note in loaded.notes] == [3]


def test_missing_module_of_the_project_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "helpers").mkdir()
    loaded = opened(tmp_path / "net.py", "from helpers.nothing import SIZE\n" + NET)
    error = refused(loaded)
    assert isinstance(error, FileError)
    assert (error.kind, error.line) == ("import-error", 3)
    assert str(tmp_path) in error.message


def test_circular_import_is_an_error_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("from two import SIZE\n")
    (tmp_path / "two.py").write_text("from one import SIZE\n")
    error = refused(opened(tmp_path / "net.py", "from one import SIZE\n" + NET))
    assert isinstance(error, FileError)
    assert (error.kind, error.line) == ("import-error", 3)


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("SIZE = int('three')", "ValueError"),
        ("SIZE = input()", ""),
        ("import sys; SIZE = sys.exit(0)", "sys.exit"),
    ],
)
def test_failing_statement_that_a_model_needs_is_the_error(
    tmp_path: Path, statement: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda: (_ for _ in ()).throw(EOFError()))
    error = refused(opened(tmp_path / "net.py", statement + NET))
    assert isinstance(error, FileError)
    assert (error.kind, error.line) == ("import-error", 3)
    assert word in error.message


def test_exit_in_a_class_body_is_an_error(tmp_path: Path) -> None:
    loaded = opened(
        tmp_path / "net.py",
        """
        class Net(nn.Module):
            raise SystemExit(0)
            def forward(self, x):
                return x
        """,
    )
    error = refused(loaded)
    assert isinstance(error, FileError)
    assert (error.kind, error.line) == ("import-error", 5)
    assert "sys.exit" in error.message


PARSER = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--size", type=int, default=6{required})
args = parser.parse_args()
SIZE = args.size
"""


def test_command_line_is_parsed_without_arguments(tmp_path: Path) -> None:
    assert width(opened(tmp_path / "net.py", PARSER.format(required="") + NET)) == 6


READERS = {
    "a flag": (PARSER.format(required=", required=True"), 7, "--size"),
    "a place": (PARSER.replace("--size", "size").replace(", default=6{required}", ""), 7, "size"),
    "by hand": ("import sys\nSIZE = int(sys.argv[1])\n", 4, "sys.argv[1]"),
    "several by hand": ("import sys\n_, SIZE, LR = sys.argv\n", 4, "sys.argv"),
    "in a constructor": (
        "import sys\nclass Wide(int):\n    def __add__(a, b):\n"
        "        return int(sys.argv[2])\nSIZE = Wide() + 1\n",
        6,
        "sys.argv[2]",
    ),
    "click": (
        """
@click.command()
@click.option("--width", "-w", required=True)
def read(width):
    return width
SIZE = read(standalone_mode=False)
""",
        8,
        "--width",
    ),
    "click as a program": (
        """
@click.command()
@click.argument("width")
def read(width):
    return width
SIZE = read()
""",
        8,
        "an option",
    ),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_the_command_line_lacks_is_named_where_it_is_told(tmp_path: Path, reader: str) -> None:
    text, line, option = READERS[reader]
    if "click" in text:
        pytest.importorskip("click")
        text = "import click" + text
    error = refused(opened(tmp_path / "net.py", text + NET))
    assert isinstance(error, NotAnalysed) and error.line == line
    assert f"needs {option} of the command line" in error.reason


def test_leaving_for_another_reason_is_an_error(tmp_path: Path) -> None:
    error = refused(opened(tmp_path / "net.py", "import sys\nSIZE = sys.exit(2)\n" + NET))
    assert isinstance(error, FileError) and error.kind == "import-error"
    error = refused(opened(tmp_path / "net.py", "SIZE = [1][2]  # no argument\n" + NET))
    assert isinstance(error, FileError)


def test_parser_that_no_model_uses_is_not_run(tmp_path: Path) -> None:
    text = PARSER.format(required=", required=True").replace("SIZE = ", "x = ") + "SIZE = 1" + NET
    loaded = opened(tmp_path / "net.py", text)
    assert width(loaded) == 1
    assert "args" not in loaded.namespace


def test_relative_imports_work_in_a_package(tmp_path: Path) -> None:
    package = tmp_path / "pkg" / "models"
    package.mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("from .net import Net\n")
    (package / "sizes.py").write_text("SIZE = 8\n")
    loaded = opened(package / "net.py", "from .sizes import SIZE\n" + NET, tmp_path)
    assert width(loaded) == 8
    assert loaded.module is not sys.modules["pkg.models.net"]


def test_relative_imports_work_without_init_files(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "sizes.py").write_text("SIZE = 9\n")
    loaded = opened(tmp_path / "models" / "net.py", "from ..sizes import SIZE\n" + NET, tmp_path)
    assert width(loaded) == 9


def test_src_layout_is_found(tmp_path: Path) -> None:
    (tmp_path / "src" / "sizes_pkg").mkdir(parents=True)
    (tmp_path / "src" / "sizes_pkg" / "__init__.py").write_text("SIZE = 2\n")
    loaded = opened(tmp_path / "nets" / "net.py", "from sizes_pkg import SIZE\n" + NET, tmp_path)
    assert width(loaded) == 2


@pytest.mark.parametrize("name", ["a-b.py", "123.py", "class.py", "torch.py", "random.py"])
def test_any_file_name_loads(tmp_path: Path, name: str) -> None:
    for shadow in ("torch.py", "random.py", "colorsys.py"):
        (tmp_path / shadow).write_text("raise RuntimeError('shadowed')\n")
    loaded = opened(tmp_path / name, "import random, colorsys\nSIZE = 3\n" + NET)
    assert width(loaded) == 3
    assert loaded.notes == ()


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    one = opened(tmp_path / "a" / "net.py", "SIZE = 1\n" + NET)
    two = opened(tmp_path / "b" / "net.py", "SIZE = 2\n" + NET)
    assert (width(one), width(two)) == (1, 2)


def test_module_getattr_is_not_asked(tmp_path: Path) -> None:
    text = "def __getattr__(name):\n    raise RuntimeError(name)\nSIZE = 3\n" + NET
    assert width(opened(tmp_path / "net.py", text)) == 3


def test_conditional_classes_load(tmp_path: Path) -> None:
    loaded = opened(
        tmp_path / "net.py",
        f"""
        SIZE = 3
        if SIZE > 2:
            print("never printed")
        {textwrap.indent(NET, " " * 12)}
        try:
            import no_such_package
        except ImportError:
            no_such_package = None
        """,
    )
    assert width(loaded) == 3
    assert loaded.namespace["no_such_package"] is None


def test_registry_that_refuses_a_name_costs_only_the_decorator(tmp_path: Path) -> None:
    loaded = opened(
        tmp_path / "net.py",
        "SIZE = 3\ndef register(cls):\n    raise ValueError('already registered')\n"
        + NET.replace("class Net", "@register\nclass Net"),
    )
    assert width(loaded) == 3
    assert "already registered" in loaded.notes[0].message


def test_future_annotations_hold_in_every_statement(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from __future__ import annotations\nimport torch.nn as nn\nSIZE = 3\n"
        + NET.replace("self, x)", "self, x: Undefined) -> NoSuch")
    )
    source = read_source(path)
    assert width(load(source, discover(source), root=str(tmp_path))) == 3


def test_dataclasses_and_settings_work(tmp_path: Path) -> None:
    import torch

    loaded = opened(
        tmp_path / "net.py",
        """
        from dataclasses import dataclass
        torch.set_default_dtype(torch.float64)
        @dataclass
        class Config:
            size: int = 3
        CONFIG = Config()
        CONFIG.size = 5
        SIZE = CONFIG.size
        """
        + textwrap.indent(NET, " " * 8),
    )
    try:
        assert width(loaded) == 5
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("installed", [True, False])
def test_file_called_like_a_package_that_it_imports_does_not_mean_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    elsewhere = tmp_path / "site"
    if installed:
        (elsewhere / "shapenames").mkdir(parents=True)
        (elsewhere / "shapenames" / "__init__.py").write_text("SIZE = 5")
    monkeypatch.syspath_prepend(str(elsewhere))
    loaded = opened(tmp_path / "own" / "shapenames.py", "from shapenames import SIZE\n" + NET)
    if installed:
        assert width(loaded) == 5
    else:
        error = refused(loaded)
        assert isinstance(error, NotAnalysed) and "package 'shapenames'" in error.reason


def test_package_that_only_annotations_name_is_not_needed(tmp_path: Path) -> None:
    text = "from no_such_package import Float\nSIZE = 4\nN: Float = 3\n" + NET
    text = text.replace("def forward(self, x)", 'def forward(self, x: Float["n 3"]) -> Float')
    assert width(opened(tmp_path / "net.py", text)) == 4


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that imports another, which the user's folder has a file named after."""
    installed = tmp_path / "site-packages"
    for name, text in {
        "outer/__init__.py": "import inner_xyz\nSIZE = inner_xyz.SIZE\n",
        "outer/told.py": "import importlib\ndef load(name): return importlib.import_module(name)\n",
        "inner_xyz.py": "SIZE = 5\n",
        "project/inner_xyz.py": "SIZE = 7\n",
        "project/helper_xyz.py": "SIZE = 9\n",
    }.items():
        path = (tmp_path if name.startswith("project") else installed) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(installed))
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import outer\nSIZE = outer.SIZE", 5),
        # The user's own name is the user's, as when the file runs as a script.
        ("from inner_xyz import SIZE", 7),
        ("import inner_xyz, outer\nSIZE = outer.SIZE", 7),
        ("import outer.told\nSIZE = outer.told.load('helper_xyz').SIZE", 9),
        ("import outer.told\nSIZE = outer.told.load('inner_xyz').SIZE", 5),
    ],
)
def test_an_installed_package_imports_no_file_of_the_user(
    package: Path, text: str, found: int
) -> None:
    assert width(opened(package / "net.py", text + NET, package)) == found
