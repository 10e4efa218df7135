"""Files that are exported programs, and those that look like it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from exported_nets import NETS, exported

from modellint.errors import FileError
from modellint.exported.archive import read_archive, source_text
from modellint.exported.program import Axis
from modellint.exported.serialized import module_path
from modellint.exported.sizes import axis_of


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Symbol('s77', positive=True, integer=True)", Axis(6, "s77", dynamic=True)),
        ("Mul(Integer(2), Symbol('_h', integer=True))", Axis(6, "_h", 2, dynamic=True)),
        ("32*_h + 1", Axis(6, "_h", 32, 1, dynamic=True)),
        ("Integer(6)", Axis(6)),
        ("s0*s1", Axis(6, dynamic=True)),
        ("FloorDiv(s0, 2)", Axis(6, dynamic=True)),
        ("__import__('os')", Axis(6, dynamic=True)),
    ],
)
def test_sizes_are_read_as_far_as_they_are_of_one_symbol(text: str, read: Axis) -> None:
    assert axis_of(text, 6) == read


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    torch.export.save(exported(*NETS["residual"]()), path)
    return path


def test_a_file_says_its_inputs_and_its_layers(saved: Path) -> None:
    (program,) = read_archive(str(saved)).programs.values()
    (given,) = program.inputs
    assert program.name == "Residual"
    assert [axis.example for axis in given.axes] == [2, 3, 32, 32]
    assert [axis.dynamic for axis in given.axes] == [True, False, False, False]
    assert program.modules["block.0"] == "torch.nn.modules.conv.Conv2d"
    assert all(held.values is None for held in program.held.values() if held.kind == "parameter")


def test_another_weight_is_another_file(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "net.pt2"
    torch.export.save(exported(*NETS["residual"]()), other)
    assert read_archive(str(saved)).digest != read_archive(str(other)).digest
    assert source_text(str(saved)) == source_text(str(saved))


def _zip(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, "{")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path, whole: path.write_bytes(b""), "no whole zip"),
        (lambda path, whole: path.write_bytes(whole[: len(whole) // 2]), "no whole zip"),
        (lambda path, whole: path.write_text("import torch\n"), "no whole zip"),
        (lambda path, whole: torch.save({"w": torch.zeros(2)}, path), "torch.save"),
        (lambda path, whole: _zip(path, "a/data/aotinductor/model/x.so"), "AOTInductor"),
        (lambda path, whole: _zip(path, "readme.txt"), "something else"),
        (lambda path, whole: _zip(path, "net/models/model.json"), "does not know it"),
        (lambda path, whole: path.write_bytes(_damaged(whole)), "damaged"),
        (lambda path, whole: path.mkdir(), "cannot be read"),
    ],
)
def test_what_is_no_export_is_one_sentence(make, said: str, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.pt2"
    make(path, saved.read_bytes())
    with pytest.raises(FileError, match=said) as raised:
        _ = read_archive(str(path)).programs
    assert raised.value.kind == "unreadable"
    assert "\n" not in raised.value.message


def _damaged(whole: bytes) -> bytes:
    """The file with one letter of the graph changed, which its checksum tells."""
    at = whole.index(b'"graph_module"')
    return whole[:at] + b"X" + whole[at + 1 :]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("layer1.0.conv1", "layer1.0.conv1"),
        ("lin@1", "lin"),
        ("", ""),
        ("L['self'].fc", "fc"),
        ("L['self']", ""),
        ("getattr(L['self'].layers, '0')", "layers.0"),
        ("L['s'].layers[3].fc", "layers.3.fc"),
        ("trunk.block1-0.f", "trunk.block1-0.f"),
        ("_empty_nn_module_stack_from_metadata_hook", None),
    ],
)
def test_modules_have_the_paths_of_their_parameters(written: str, path: str | None) -> None:
    assert module_path(written) == path
