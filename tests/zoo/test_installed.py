"""Files of installed libraries as plain targets: no error that PyTorch does not confirm.

`MODELLINT_INSTALLED=240 pytest -m zoo tests/zoo/test_installed.py` lints so many files.
"""

from __future__ import annotations

import pytest

from .installed import (
    CONFIRMED,
    LIBRARIES,
    STANDARD,
    accused,
    count_of_files,
    installed_files,
    lint_files,
    standard_files,
)

for _library in LIBRARIES:
    pytest.importorskip(_library)

pytestmark = pytest.mark.zoo


def test_no_model_file_of_a_library_is_accused_of_what_pytorch_does_not_confirm() -> None:
    files = installed_files(count_of_files())
    report = lint_files(files)
    assert {key: text for key, text in accused(report).items() if key not in CONFIRMED} == {}
    told = accused(report) or any(one.severity == "warning" for one in report.findings)
    assert report.exit_status == int(bool(told))
    analysed = [model for model in report.models if model.status in ("analysed", "partial")]
    assert len(analysed) * 3 > len(report.models), "hardly any of them is analysed"


def test_a_file_of_the_standard_library_has_no_model_and_no_error() -> None:
    report = lint_files(standard_files(STANDARD))
    assert report.models == report.findings == report.errors == ()
