"""Exported programs on the command line: reports, selectors, the cache, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from command import modellint
from exported_nets import NETS, Residual, exported
from torch import nn

pytestmark = pytest.mark.slow


class Trims(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 4, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("targets")
    torch.export.save(exported(*NETS["residual"]()), made / "net.pt2")
    torch.export.save(exported(Trims(), (torch.zeros(2, 1, 28, 28),)), made / "trims.pt2")
    return made


def test_a_finding_stands_at_the_file_with_its_layer(folder: Path) -> None:
    done = modellint("trims.pt2", "--select", "even-kernel", cwd=folder)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("trims.pt2:1:1: warning[even-kernel] conv has an even kernel")
    assert "modellint: ignore[" not in done.stdout
    for form in ("json", "html", "sarif", "markdown", "github", "gitlab", "junit", "concise"):
        found = modellint("trims.pt2", "--format", form, cwd=folder)
        assert (found.returncode, "even-kernel" in found.stdout) == (1, True), form


def test_a_model_is_listed_and_selected_by_its_class(folder: Path) -> None:
    done = modellint("net.pt2::Residual", "--layers", "--contract", "-v", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "block.0" in done.stdout
    assert "2×3×32×32 float32 (the export)" in done.stderr
    assert "Residual" in modellint("net.pt2", "--list", cwd=folder).stdout
    assert modellint("net.pt2", "--show-settings", cwd=folder).returncode == 0
    missing = modellint("net.pt2::Other", cwd=folder)
    assert (missing.returncode, "Residual" in missing.stderr) == (2, True)


def test_the_sizes_of_a_run_count_before_those_of_the_export(folder: Path) -> None:
    done = modellint("net.pt2", "--input", "7,3,32,32", "--format", "json", cwd=folder)
    (model,) = json.loads(done.stdout)["models"]
    assert model["status"] == "analysed"
    refused = modellint("net.pt2", "--input", "2,3,64,64", cwd=folder)
    assert "where the export takes 32" in refused.stdout


def test_nothing_is_written_to_an_export(folder: Path) -> None:
    before = (folder / "trims.pt2").read_bytes()
    for flag in (["--fix"], ["--add-ignore", "why"]):
        done = modellint("trims.pt2", *flag, cwd=folder)
        assert (done.returncode, "exported program" in done.stderr) == (2, True)
    assert modellint("trims.pt2", "--diff", cwd=folder).stdout == ""
    assert modellint("trims.pt2", "--annotate", cwd=folder).returncode == 1
    assert (folder / "trims.pt2").read_bytes() == before


def test_a_search_of_a_folder_passes_exports_over(folder: Path) -> None:
    assert "no model found" in modellint(".", cwd=folder).stderr


def test_what_is_no_export_is_an_error_of_its_own(folder: Path) -> None:
    (folder / "broken.pt2").write_bytes(b"PK\3\4")
    done = modellint("broken.pt2", "net.pt2", cwd=folder)
    assert done.returncode == 1
    assert "broken.pt2:1" in done.stdout
    assert "1 model checked" in done.stdout
    assert modellint("gone.pt2", cwd=folder).returncode == 2


def test_a_result_is_kept_until_the_file_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MODELLINT_NO_CACHE", raising=False)
    path = tmp_path / "net.pt2"
    path.write_bytes((folder / "trims.pt2").read_bytes())
    first = modellint("net.pt2", cwd=tmp_path)
    entries = [*(tmp_path / ".modellint_cache").rglob("*.json*")] or [
        *(tmp_path / ".modellint_cache").rglob("*")
    ]
    assert entries
    assert modellint("net.pt2", cwd=tmp_path).stdout == first.stdout
    path.write_bytes((folder / "net.pt2").read_bytes())
    assert modellint("net.pt2", cwd=tmp_path).stdout != first.stdout


def test_two_exports_are_compared(folder: Path, tmp_path: Path) -> None:
    wider = Residual()
    wider.fc = nn.Linear(8, 20)
    torch.export.save(exported(wider, (torch.zeros(2, 3, 32, 32),)), tmp_path / "new.pt2")
    done = modellint("new.pt2", "--compare", str(folder / "net.pt2"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "fc" in done.stdout


def test_the_memory_is_that_of_the_graph(tmp_path: Path) -> None:
    layer = nn.Linear(8192, 8192, bias=False)
    torch.export.save(exported(nn.Sequential(layer), (torch.zeros(2, 8192),)), tmp_path / "big.pt2")
    done = modellint("big.pt2", "--memory", "700M", "--format", "json", cwd=tmp_path)
    (model,) = json.loads(done.stdout)["models"]
    assert (model["status"], model["macs"]) == ("analysed", 8192 * 8192)
