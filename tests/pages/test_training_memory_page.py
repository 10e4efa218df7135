"""docs/training-memory.md: its command, its Python and its budget do what they show."""

import doctest
import re
import shlex

from command import modellint
from documents import DOCS, ROOT, block, marks

PAGE = "training-memory.md"


def test_every_block_is_tried_here():
    assert marks(PAGE) == ["layers", "python", "budget"]


def test_the_command_prints_what_the_page_shows(request):
    command, _, output = block(PAGE, "layers").partition("\n")
    _, _, *arguments = shlex.split(command)
    printed = modellint(*arguments, cwd=ROOT).stdout
    if request.config.getoption("rewrite_golden"):
        page = DOCS / PAGE
        text = page.read_text("utf-8")
        page.write_text(text.replace(f"{command}\n{output}", f"{command}\n{printed}"), "utf-8")
    assert printed == output


def test_the_python_says_what_the_page_shows():
    test = doctest.DocTestParser().get_doctest(block(PAGE, "python"), {}, PAGE, None, 0)
    told = []
    doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert not told, "".join(told)


def test_the_budget_holds_a_model(tmp_path):
    (tmp_path / "models").mkdir()
    net = (ROOT / "examples" / "digits.py").read_text("utf-8").replace("Digits", "Net")
    (tmp_path / "models" / "net.py").write_text(net, "utf-8")
    config = block(PAGE, "budget")
    for limit, status in (("8G", 0), ("1M", 1)):
        (tmp_path / "pyproject.toml").write_text(config.replace("8G", limit), "utf-8")
        done = modellint("models", "--select", "budget", cwd=tmp_path)
        assert done.returncode == status, done.stdout


def test_the_table_is_of_thirty_models_within_ten_percent():
    text = (DOCS / PAGE).read_text("utf-8")
    rows = re.findall(r"^\| (\w\S+) \| \d+ \|.*\| ([+-]?\d+\.\d)% \|$", text, re.MULTILINE)
    assert len({name for name, _ in rows}) >= 30
    assert max(abs(float(off)) for _, off in rows) <= 10
