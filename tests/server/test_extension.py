"""The extension for VS Code declares the settings that the server reads, and is of its version."""

import json
from pathlib import Path

import pytest

from modellint._version import __version__
from modellint.server.options import Options, read_options

FOLDER = Path(__file__).parent.parent.parent / "editors" / "vscode"
PACKAGE = json.loads((FOLDER / "package.json").read_text("utf-8"))
SETTINGS = {
    name.removeprefix("modellint."): declared
    for name, declared in PACKAGE["contributes"]["configuration"]["properties"].items()
}
#: A value of each, other than the default.
OTHERS = {
    "server": ["python", "-m", "modellint.server.start"],
    "select": ["correctness"],
    "ignore": ["budget"],
    "extendSelect": ["pedantic"],
    "minSeverity": "error",
    "input": ["N,3,H,W"],
    "config": "other.toml",
    "python": "/usr/bin/python3",
    "timeout": 3,
    "memory": "2G",
    "hints": "off",
    "lenses": False,
    "pause": 1,
}


def test_its_version_is_that_of_the_server():
    lock = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))
    assert PACKAGE["version"] == lock["version"] == __version__


def test_as_it_comes_the_server_does_what_it_does_by_itself():
    assert read_options({name: one["default"] for name, one in SETTINGS.items()}) == Options()


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_is_read(name):
    made = read_options({name: OTHERS[name]})
    # Which server is started is for the extension to know.
    assert (made == Options()) == (name == "server")


def test_it_installs_no_server_but_names_the_one_that_pip_does():
    assert SETTINGS["server"]["default"] == ["modellint-server"]
    scripts = (FOLDER.parent.parent / "pyproject.toml").read_text("utf-8")
    assert 'modellint-server = "modellint.server.start:main"' in scripts
