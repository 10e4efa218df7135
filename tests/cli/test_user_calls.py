"""An error shows its model, its column and the calls that led there; all of them on request."""

import json

import pytest
from command import modellint

BUILD = """\
import torch
from torch import nn


def block(größe, width):
    return nn.Conv2d(größe, width, width // 0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = block(3, 8)

    def forward(self, x):
        return self.stem(x)


Net()(torch.rand(1, 3, 32, 32))
"""
TRACE = """\
import torch
from torch import nn


class Head(nn.Module):
    def forward(self, x):
        return x * {"a": 1}["b"]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Linear(8, 8), Head())

    def forward(self, x):
        return self.head(x)


Net()(torch.rand(1, 8))
"""
IMPORT = """\
from torch import nn


def width():
    return {}["large"]


WIDTH = width()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(WIDTH, 2)

    def forward(self, x):
        return self.fc(x)
"""
RECURSION = """\
import torch
from torch import nn


def again(n):
    return again(n + 1)


class Net(nn.Module):
    def forward(self, x):
        return x * again(0)


Net()(torch.rand(1, 8))
"""
CASES = {
    "build-error": (BUILD, 6, "width // 0", ["Net.__init__", "block"]),
    "trace-error": (TRACE, 7, '{"a": 1}["b"]', ["Net.forward", "Head.forward"]),
    "import-error": (IMPORT, 5, '{}["large"]', ["<module>", "width"]),
}


def errors(text, folder, *options):
    (folder / "net.py").write_text(text, "utf-8")
    return json.loads(modellint("net.py", "--format", "json", *options, cwd=folder).stdout)[
        "errors"
    ]


@pytest.mark.parametrize("kind", CASES)
def test_an_error_has_the_calls_that_led_there(kind, tmp_path):
    text, line, code, functions = CASES[kind]
    (error,) = errors(text, tmp_path)
    assert (error["kind"], error["line"], error["model"]) == (kind, line, "Net")
    written = text.splitlines()[line - 1]
    assert written[error["column"] - 1 : error["end_column"] - 1] == code
    assert [call["function"] for call in error["calls"]] == functions
    assert {call["path"] for call in error["calls"]} == {"net.py"}
    assert "traceback" not in error


@pytest.mark.parametrize("kind", CASES)
def test_the_traceback_of_user_code_is_there_where_it_is_asked_for(kind, tmp_path):
    text, *_ = CASES[kind]
    (error,) = errors(text, tmp_path, "-v")
    first, *_ = (one for one in error["traceback"].splitlines() if "File" in one)
    assert "net.py" in first  # None of modellint's own calls stand above the user's.
    assert "Error: " in error["traceback"].splitlines()[-1]
    shown = modellint("net.py", "-v", cwd=tmp_path).stdout
    assert "Traceback (most recent call last):" in shown
    assert "Traceback" not in modellint("net.py", cwd=tmp_path).stdout


def test_a_call_of_an_endless_recursion_is_told_once(tmp_path):
    (error,) = errors(RECURSION, tmp_path)
    assert [call["line"] for call in error["calls"]] == [11, 6]


def test_calls_of_another_file_of_the_project_are_the_users_too(tmp_path):
    (tmp_path / "parts.py").write_text("def half(n):\n    return n // 0\n", "utf-8")
    text = BUILD.replace("import torch\n", "import torch\nfrom parts import half\n")
    (error,) = errors(text.replace("width // 0", "half(width)"), tmp_path)
    assert [call["path"] for call in error["calls"]] == ["net.py", "net.py", "parts.py"]


def test_the_calls_of_a_notebook_are_in_its_cells(tmp_path):
    from notebook_files import written

    head, _, rest = BUILD.partition("\n\n\nclass")
    cells = [head, f"class{rest}"]
    (tmp_path / "net.ipynb").write_bytes(written(cells))
    done = modellint("net.ipynb", cwd=tmp_path).stdout
    assert done.startswith("net.ipynb:cell 1:6:36: error[build-error]")
    assert "net.ipynb:cell 2:4:21 in Net.__init__: self.stem = block(3, 8)" in done
