"""Paths as a code host sees them: from the root of the checkout, wherever the run stood."""

from __future__ import annotations

import os
from pathlib import Path

from modellint.source.paths import absolute_path

#: The variables by which the hosts' runners say where the checkout is.
GITHUB, GITLAB = "GITHUB_WORKSPACE", "CI_PROJECT_DIR"


def checkout_path(path: str, variable: str) -> str:
    """A printed path relative to the folder that an environment variable names, if below it."""
    root = os.environ.get(variable)
    here = Path(absolute_path(path))
    if not root or not here.is_relative_to(root):
        return path
    return here.relative_to(root).as_posix()
