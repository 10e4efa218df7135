"""Environments that modellint is not installed in, with our torch or without."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import torch

#: What makes an installation of modellint: none of it must be needed to run models.
OURS = ("modellint", "modellint_rules", "click", "tabulate", "pathspec")


def environment(folder, *, torch=False, python=sys.executable):
    """A virtual environment without pip, and the path of its interpreter."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, env=bare())
    if torch:
        link_torch(site_packages(folder))
    return Path(folder, "Scripts/python.exe" if os.name == "nt" else "bin/python")


def site_packages(folder):
    """Where an environment of this very version of Python keeps its packages."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return Path(folder, "Lib" if os.name == "nt" else f"lib/{version}", "site-packages")


def link_torch(folder):
    """Link torch and what it needs into a folder, and nothing else of what is installed here."""
    home = Path(torch.__file__).parent.parent
    for name in _needed("torch") | {"numpy"}:
        try:
            files = metadata.files(name) or ()
        except metadata.PackageNotFoundError:  # Needed on other systems only.
            continue
        for top in {file.parts[0] for file in files}:
            if top not in ("..", "__pycache__", *OURS) and (home / top).exists():
                link = folder / top
                if not link.exists():
                    link.symlink_to(home / top)


def bare(**variables):
    """Our environment without what this Python was started with."""
    ours = ("PYTHON", "VIRTUAL_ENV", "CONDA", "MODELLINT", "PRE_COMMIT", "GIT_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **variables}


def command(*arguments, cwd, **variables):
    """Run the command in a process of its own, in an environment that names no Python.

    As the installed command does, it looks for no modules in the folder that it runs in.
    """
    run = [sys.executable, "-P", "-m", "modellint", *map(str, arguments)]
    return subprocess.run(
        run, cwd=cwd, env=bare(**variables), capture_output=True, encoding="utf-8"
    )


def linted(*arguments, cwd, **variables):
    """The JSON report of a run of the command."""
    run = command("--format", "json", *arguments, cwd=cwd, **variables)
    assert run.stdout, run.stderr
    return json.loads(run.stdout)


def _needed(name, seen=frozenset()):
    """A distribution and those that it needs, as far as they are installed."""
    found = {*seen, name}
    try:
        requirements = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:
        return found
    for requirement in requirements:
        words = requirement.split(";")
        if len(words) > 1 and "extra" in words[1]:
            continue
        other = words[0]
        for mark in "<>=!~[( ":
            other = other.partition(mark)[0]
        if other not in found:
            found |= _needed(other, found)
    return found
