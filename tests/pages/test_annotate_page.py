"""docs/annotate.md: its command and its Python print what they show."""

import doctest
import shlex

from command import modellint
from documents import ROOT, block, marks


def test_every_block_is_tried_here():
    assert marks("annotate.md") == ["annotate", "python"]


def test_the_command_prints_what_the_page_shows():
    command, _, output = block("annotate.md", "annotate").partition("\n")
    _, _, *arguments = shlex.split(command)
    assert modellint(*arguments, cwd=ROOT).stdout == output


def test_the_python_says_what_the_page_shows(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = block("annotate.md", "python")
    test = doctest.DocTestParser().get_doctest(text, {}, "annotate.md", None, 0)
    told = []
    doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert not told, "".join(told)
