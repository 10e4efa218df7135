"""Base classes and parts that stand in other files of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

import modellint
from modellint.discovery.candidates import discover
from modellint.discovery.other_files import files_behind
from modellint.source.file import read_source

BASE = """
from torch import nn

class Grand(nn.Module):
    def forward(self, x):
        return self.head(self.body(x))

class Base(Grand):
    pass

def conv(i, o):
    return nn.Conv2d(i, o, 4, padding=1)
"""
NET = """
from {module} import Base, conv

class Net(Base):
    def __init__(self, width=8):
        super().__init__()
        self.body, self.head = conv(3, width), conv(width, 2)
"""


def statuses(folder: Path, *targets: str) -> dict[str, str]:
    report = modellint.lint_paths([folder / target for target in targets or ["."]])
    assert not report.errors
    return {model.name: model.status for model in report.models}


PLACES = {
    "beside": ("base", "base.py", "net.py"),
    "in the package": (".base", "pkg/base.py", "pkg/net.py"),
    "above": ("..core.base", "pkg/core/base.py", "pkg/models/net.py"),
    "by its full name": ("pkg.core.base", "pkg/core/base.py", "pkg/models/net.py"),
    "below src": ("core.base", "src/core/base.py", "net.py"),
    "handed on": ("pkg", "pkg/base.py", "net.py"),
}


@pytest.mark.parametrize(("module", "base", "net"), PLACES.values(), ids=PLACES)
def test_a_class_is_a_model_by_a_base_of_another_file(
    tmp_path: Path, module: str, base: str, net: str
) -> None:
    (tmp_path / "pyproject.toml").touch()
    for name, text in ((base, BASE), (net, NET.format(module=module))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    if base.startswith("pkg"):
        for folder in {tmp_path / "pkg", (tmp_path / base).parent, (tmp_path / net).parent}:
            if folder != tmp_path:
                (folder / "__init__.py").touch()
    if module == "pkg":
        (tmp_path / "pkg/__init__.py").write_text("from .base import Base, conv\n")
    assert statuses(tmp_path, net) == {"Net": "analysed"}
    # So it is where a folder is searched, though the file itself does not mention torch.
    assert statuses(tmp_path) == {"Net": "analysed"}
    # The base is no model: what its forward calls is set by others.
    assert statuses(tmp_path, base) == {}


def test_a_base_that_changes_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET.format(module="base"))
    (tmp_path / "base.py").write_text("class Base:\n    pass\ndef conv(i, o):\n    pass\n")
    assert statuses(tmp_path, "net.py") == {}
    (tmp_path / "base.py").write_text(BASE)
    assert statuses(tmp_path, "net.py") == {"Net": "analysed"}


def test_bases_that_lead_nowhere_or_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom other import Base\nclass Net(Base):\n    pass\n"
    )
    assert statuses(tmp_path, "net.py") == {}
    (tmp_path / "other.py").write_text("from net import Net\nclass Base(Net):\n    pass\n")
    assert statuses(tmp_path, "net.py") == {}
    (tmp_path / "other.py").write_text("class Base(:\n")
    assert statuses(tmp_path, "net.py") == {}


def test_an_attribute_that_a_constructor_forgot_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.conv = nn.Conv2d(3, 3, 1)\n"
        "    def forward(self, x):\n        return self.con(x)\n"
    )
    report = modellint.lint_paths([tmp_path / "net.py"])
    assert [one.kind for one in report.errors] == ["trace-error"]


PARTS = {
    "a class": ("parts", "from parts import Part"),
    "of a package that hands it on": ("kit/parts", "from kit import Part"),
    "by its module": ("kit/parts", "from kit import parts"),
}


@pytest.mark.parametrize(("place", "line"), PARTS.values(), ids=PARTS)
def test_what_a_part_of_another_file_uses_an_argument_for_tells_its_kind(
    tmp_path: Path, place: str, line: str
) -> None:
    folder = tmp_path / place
    folder.parent.mkdir(exist_ok=True)
    (folder.parent / "__init__.py").write_text("from .parts import Part\n")
    folder.with_suffix(".py").write_text(
        "from torch import nn\n\nclass Part(nn.Module):\n"
        "    def __init__(self, settled, of, rows):\n        super().__init__()\n"
        "        self.fc, self.table = nn.Linear(of, 3), nn.Embedding(rows, 3)\n"
    )
    net = tmp_path / "net.py"
    made = "parts.Part" if line.endswith("parts") else "Part"
    net.write_text(
        f"from torch import nn\n{line}\n\nclass Net(nn.Module):\n"
        "    def __init__(self, of, many):\n"
        f"        super().__init__()\n        self.part = {made}(1, of, rows=many)\n"
        "    def forward(self, x):\n        return x\n"
    )
    source = read_source(str(net))
    (found,) = discover(source)
    assert [str(call) for call in found.calls] == ["Net(of=64, many=1000)"]
    assert str(tmp_path / place.partition("/")[0]) in {
        one.removesuffix(".py").removesuffix("/__init__") for one in files_behind(source)
    }
