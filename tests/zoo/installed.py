"""Lints the model files of installed libraries as plain targets, with nothing configured.

    python -m tests.zoo.installed            # the sample that the tests lint
    python -m tests.zoo.installed 400        # so many files, at random, of each library its share

What is an error in them must be one in PyTorch. Each that is known stands in `CONFIRMED` with what
PyTorch says; the standard library's own files, which hold no models, are targets as well.
"""

from __future__ import annotations

import os
import random
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from modellint.results.report import Report

#: Where the libraries keep their models, and how many of a hundred files are of each.
LIBRARIES = {
    "torchvision": (("models/**/*.py", "ops/*.py"), 18),
    "timm": (("models/*.py", "layers/*.py"), 37),
    "transformers": (("models/*/modeling_*.py",), 45),
}
#: How many files of the libraries, and of the standard library, are linted in CI.
SAMPLE, STANDARD = 12, 40
#: The longest file of the sample, in bytes: some have a hundred models, and take a minute.
LONGEST = 30_000

#: The errors that PyTorch confirms, by file and model, with its words.
CONFIRMED = {
    (
        "timm/layers/ml_decoder.py",
        "MLDecoder",
    ): "AttributeError: 'TransformerDecoderLayerOptimal' object has no attribute 'self_attn'",
    (
        "transformers/models/lw_detr/modeling_lw_detr.py",
        "LwDetrViTBackbone",
    ): "its docstring's 224×224: shape '[1, 4, 3, 4, 3, 768]' is invalid for input of size 150528",
}


def count_of_files() -> int:
    """How many files are linted: `MODELLINT_INSTALLED`, or the sample."""
    return int(os.environ.get("MODELLINT_INSTALLED", SAMPLE))


def installed_files(count: int, seed: int = 7) -> list[Path]:
    """Model files of the libraries that are installed, at random; the same for the same numbers.

    So few as the sample are of the shorter ones.
    """
    drawn = random.Random(seed)
    found: list[Path] = []
    for library, (patterns, share) in LIBRARIES.items():
        files = [*_files(library, patterns)]
        if count <= SAMPLE:
            files = [path for path in files if path.stat().st_size <= LONGEST]
        wanted = max(1, round(count * share / 100))
        found += drawn.sample(files, min(wanted, len(files)))
    return found


def _files(library: str, patterns: Iterable[str]) -> Iterator[Path]:
    spec = find_spec(library)
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent
    every = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    yield from (path for path in every if b"torch" in path.read_bytes())


def standard_files(count: int, seed: int = 7) -> list[Path]:
    """Files of the standard library, at random."""
    folder = Path(sysconfig.get_path("stdlib"))
    every = sorted(
        path
        for pattern in ("*.py", "asyncio/*.py", "email/*.py", "json/*.py", "unittest/*.py")
        for path in folder.glob(pattern)
    )
    return random.Random(seed).sample(every, min(count, len(every)))


def lint_files(files: Iterable[Path], seconds: float = 600) -> Report:
    """The files linted in one run, each as a target of its own."""
    targets = [str(path) for path in files]
    return lint_targets(targets, Settings(jobs=1, timeout=seconds, cache=False, isolated=True))


def shown(path: str) -> str:
    """A file's path below the folder that libraries are installed in."""
    return Path(path).as_posix().rpartition("site-packages/")[2]


def accused(report: Report) -> dict[tuple[str, str], str]:
    """What is called an error, or failed, by file and model; a file's own errors by its line."""
    found = {
        (shown(one.path), one.model): f"{one.rule} at line {one.line}: {one.message}"
        for one in report.findings
        if one.severity == "error"
    }
    failed = [model for model in report.models if model.status == "failed"]
    found |= {(shown(one.path), one.name): one.reason or "failed" for one in failed}
    told = {one.reason for one in failed}
    found |= {
        (shown(one.path), f"line {one.line}"): f"{one.kind}: {one.message}"
        for one in report.errors
        if one.message not in told
    }
    return found


def main() -> int:
    """Print what is said of so many files; fail if an error is not one that PyTorch confirms."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else count_of_files()
    files = installed_files(count)
    report = lint_files(files)
    found = accused(report)
    analysed = sum(model.status in ("analysed", "partial") for model in report.models)
    print(f"{len(files)} files, {len(report.models)} models, {analysed} analysed")
    for one in report.findings:
        if one.severity != "info":
            print(f"{shown(one.path)}:{one.line}: {one.severity}[{one.rule}] {one.message}")
    for (path, model), text in found.items():
        known = "confirmed" if (path, model) in CONFIRMED else "NOT CONFIRMED"
        print(f"{known}: {path} {model}: {text}")
    return int(any(key not in CONFIRMED for key in found))


if __name__ == "__main__":
    raise SystemExit(main())
