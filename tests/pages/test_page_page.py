"""docs/page.md: its command and its Python do what they say."""

import shlex

from command import modellint
from documents import ROOT, block, marks


def test_every_block_is_tried_here():
    assert marks("page.md") == ["page", "python"]


def test_the_command_writes_the_page(tmp_path):
    _, *arguments = shlex.split(block("page.md", "page"))
    at = arguments.index("page.html")
    arguments[at] = tmp_path / "page.html"
    done = modellint(*arguments, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "")
    command = (tmp_path / "page.html").read_text("ascii")
    names = {}
    exec(block("page.md", "python").replace("examples/", f"{ROOT}/examples/"), names)
    assert len(command) > len(names["page"]) / 2
    assert '"rise3"' in command
    assert '"rise3"' in names["page"]
