"""What pytest loads: the options, the marker and the fixture; nothing else until one is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from modellint.pytest_plugin.fixture import ProjectLinter


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--modellint` and `--modellint-strict`, and both as settings of a project."""
    group = parser.getgroup("modellint", "linting the models of a project (modellint)")
    group.addoption(
        "--modellint",
        action="store_true",
        help="collect model files besides tests: each model is an item that fails for findings",
    )
    group.addoption(
        "--modellint-strict",
        action="store_true",
        help="the same, and models that could not be analysed fail in place of being skipped",
    )
    parser.addini("modellint", "as --modellint", type="bool", default=False)
    parser.addini(
        "modellint_strict", "models that are not analysed fail", type="bool", default=False
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and what collects models where that is asked for."""
    config.addinivalue_line("markers", "modellint: a model that modellint checks (automatic)")
    strict = config.getoption("--modellint-strict")
    if strict or config.getoption("--modellint") or config.getini("modellint"):
        from modellint.pytest_plugin.collecting import ModelCollection

        collection = ModelCollection(strict=strict or config.getini("modellint_strict"))
        config.pluginmanager.register(collection, "modellint-models")


@pytest.fixture(name="modellint", scope="module")
def project_linter(request: pytest.FixtureRequest) -> ProjectLinter:
    """Lint live models as the configuration of the test's project says: `lint`, `assert_clean`."""
    from modellint.pytest_plugin.fixture import ProjectLinter

    return ProjectLinter(request.path)
