"""What the files of a project say of packages, and what of it has changed."""

import pytest

from modellint.config.stated_packages import package_changes, states_packages


@pytest.mark.parametrize(
    "name, before, after, expected",
    [
        ("requirements.txt", "timm==1\ntorch\n", "timm==2\ntorch\n", [("timm", "==1", "==2")]),
        ("requirements-dev.txt", "A_b>=1  # x\n", "a.B >= 1\n", [("a-b", ">=1", ">= 1")]),
        ("requirements.txt", "-r other.txt\n# timm==1\n--hash x\n", "", []),
        ("requirements.txt", "", "timm[extra]\n", [("timm", "", "any version")]),
        ("requirements.txt", "timm>1; python_version > '3'", "timm>1", []),
        ("constraints.in", "x @ https://e.org/x.whl", "", [("x", "@ https://e.org/x.whl", "")]),
        ("pyproject.toml", '[project]\ndependencies = ["timm>=1"]', '[project]\ndependencies = []',
         [("timm", ">=1", "")]),
        ("pyproject.toml", '[dependency-groups]\ndev = ["a==1", {include-group = "b"}]',
         '[project.optional-dependencies]\nx = ["a==2"]', [("a", "==1", "==2")]),
        ("pyproject.toml", '[tool.poetry.dependencies]\ntimm = "^1"', '[tool.poetry.dependencies]\n'
         'timm = {version = "^2"}', [("timm", "^1", "^2")]),
        ("uv.lock", '[[package]]\nname = "timm"\nversion = "1"', '[[package]]\nname = "timm"\n'
         'version = "2"', [("timm", "==1", "==2")]),
        ("environment.yml", "dependencies:\n  - timm=1\n", "dependencies:\n  - timm=2\n",
         [("timm", "=1", "=2")]),
        # What cannot be read says nothing.
        ("pyproject.toml", "[", "project = 3", []),
        ("uv.lock", "package = 3", "\xff", []),
    ],
)  # fmt: skip
def test_what_has_changed(name, before, after, expected):
    assert [*package_changes(name, before.encode("latin-1"), after.encode("latin-1"))] == expected


def test_which_files_say_so():
    names = ["requirements.txt", "requirements-gpu.txt", "pyproject.toml", "poetry.lock"]
    assert all(map(states_packages, names))
    assert not any(map(states_packages, ["setup.py", "net.py", "requirements.py", "README.md"]))
