"""The page "What the project's other files show": its example is what the command prints."""

from __future__ import annotations

import shutil

from command import modellint
from documents import DOCS, ROOT

PAGE = (DOCS / "other-files.md").read_text("utf-8")


def test_the_example_is_what_is_listed(tmp_path):
    shutil.copytree(ROOT / "tests" / "projects" / "wave_vocoder", tmp_path / "project")
    (tmp_path / "project" / ".git").mkdir()
    _, _, rest = PAGE.partition("```console\n$ modellint ")
    command, _, rest = rest.partition("\n")
    done = modellint(*command.split(), cwd=tmp_path / "project")
    assert done.stdout == rest.partition("```")[0]
