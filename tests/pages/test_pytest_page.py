"""docs/pytest.md: its commands, settings and tests are run, in a project like the one it shows."""

import shlex
import tomllib

import pytest

# Before a run in this process, which forgets what it was the first to import.
import torch  # noqa: F401
from documents import block, marks

from modellint.inputs import search  # noqa: F401
from modellint.linting import linter  # noqa: F401
from modellint.pytest_plugin import collecting, fixture  # noqa: F401

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester):
    """A project with the models in one folder, the tests of the page in another."""
    page_fixture = block("pytest.md", "fixture")
    for name, text in {
        "models/net.py": page_fixture.partition("def test")[0].replace("Net", "Decoder"),
        "tests/test_fixture.py": page_fixture,
        "tests/test_snapshot.py": block("pytest.md", "snapshot"),
    }.items():
        (pytester.path / name).parent.mkdir(exist_ok=True)
        (pytester.path / name).write_text(text, "utf-8")
    return pytester


def outcomes(project, command):
    program, *arguments = shlex.split(command, comments=True)
    assert program == "pytest"
    return project.runpytest_inprocess("-p", "no:cacheprovider", *arguments).parseoutcomes()


def test_every_block_is_tried_here():
    assert marks("pytest.md") == ["run", "settings", "apart", "fixture", "snapshot"]


def test_models_and_tests_pass(project):
    # The model of the folder, that of a file of tests, and the three tests.
    assert outcomes(project, block("pytest.md", "run")) == {"passed": 5}


def test_the_settings_are_those_of_the_options(project):
    text = block("pytest.md", "settings")
    assert set(tomllib.loads(text)["tool"]["pytest"]["ini_options"]) == {
        "modellint",
        "modellint_strict",
        "testpaths",
    }
    (project.path / "pyproject.toml").write_text(text, "utf-8")
    tests, models, named, without = block("pytest.md", "apart").splitlines()
    assert outcomes(project, tests) == {"passed": 3, "deselected": 2}
    assert outcomes(project, models) == {"passed": 2, "deselected": 3}
    assert outcomes(project, named) == {"passed": 1, "deselected": 4}
    assert "-p no:modellint" in without


@pytest.mark.slow
def test_the_plugin_is_left_out(project):
    without = block("pytest.md", "apart").splitlines()[-1]
    arguments = shlex.split(without, comments=True)[1:]
    result = project.runpytest_subprocess(*arguments)
    # The fixture is the plugin's.
    result.assert_outcomes(passed=1, errors=2)
