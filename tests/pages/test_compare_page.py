"""docs/compare.md: its commands do what the page says, in a repository with its example."""

import re
import shlex
import shutil

import pytest
from command import modellint
from documents import DOCS, ROOT, block, marks
from repositories import Repository, needs_git

pytestmark = [pytest.mark.slow, needs_git]

DIGITS = (ROOT / "examples" / "digits.py").read_text("utf-8")
#: What the page says has become of its example.
CHANGED = [
    (
        "self.fc1 = nn.Linear(32 * 4 * 4, 256)",
        "self.conv3 = nn.Conv2d(32, 32, 3, padding=1)\n"
        "        self.fc1 = nn.Linear(32 * 4 * 4, 128)",
    ),
    ("nn.Linear(256, 10)", "nn.Linear(128, 10)"),
    ("x = torch.relu(self.fc1(", "x = torch.relu(self.conv3(x))\n        x = torch.relu(self.fc1("),
]


@pytest.fixture
def repository(tmp_path):
    found = Repository(tmp_path / "repository", digits=DIGITS)
    text = DIGITS
    for before, after in CHANGED:
        assert before in text
        text = text.replace(before, after)
    found.path("digits").write_text(text, "utf-8")
    return found


def steady(text):
    """A text without the name of a commit, which is that of this very tree."""
    return re.sub(r"\([0-9a-f]{9}\)", "(1a2b3c4d5)", text)


def test_every_block_is_tried_here():
    assert marks("compare.md") == ["compare", "gate", "others"]


def test_the_command_prints_what_the_page_shows(repository, request):
    command, _, output = block("compare.md", "compare").partition("\n")
    _, _, *arguments = shlex.split(command)
    printed = steady(modellint(*arguments, cwd=repository.folder).stdout)
    if request.config.getoption("rewrite_golden"):
        page = DOCS / "compare.md"
        text = page.read_text("utf-8")
        page.write_text(text.replace(f"{command}\n{output}", f"{command}\n{printed}"), "utf-8")
    assert printed == output


def test_the_gate_lets_pass_what_was_there(repository):
    _, *arguments = shlex.split(block("compare.md", "gate"))
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert modellint(".", cwd=repository.folder).returncode == 1
    assert modellint(*arguments, cwd=repository.folder).returncode == 0


def test_other_sides_are_compared_with(repository):
    for name in ("new", "old", "net"):
        shutil.copy(repository.path("digits"), repository.path(name))
        text = repository.path(name).read_text("utf-8")
        repository.path(name).write_text(text.replace("Digits", "Net"), "utf-8")
    repository.path("old").write_text(DIGITS.replace("Digits", "Net"), "utf-8")
    told = []
    for line in block("compare.md", "others").splitlines():
        _, *arguments = shlex.split(line)
        done = modellint(*arguments, cwd=repository.folder)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert "new.py:7: Net has changed since old.py::Net" in told[0]
    assert "1 model as before" in told[2]
