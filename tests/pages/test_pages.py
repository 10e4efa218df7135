"""The pages of docs/: what a walk-through shows is what happens, and every page can be found."""

import doctest
import re
import shlex
import shutil
import tomllib

import pytest
from command import modellint
from documents import DOCS, ROOT
from notebook_files import written

import modellint as api

#: Pages of which every block is a step, tried here in order. Others have a test of their own.
WALKS = ["install.md", "first-run.md", "fixes.md", "python-api.md"]
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
STEP = re.compile(r"<!-- (\w+)(?:: ([^>]*?))? -->\n```\w+\n(.*?)```", re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder like a checkout, as far as the walk-throughs need one."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", WALKS)
def test_a_walk_through_shows_what_happens(page, folder):
    text = (DOCS / page).read_text("utf-8")
    steps = STEP.findall(text)
    assert len(steps) == text.count("\n```") / 2, "a block has no mark, so that nothing tries it"
    names = {}
    for verb, subject, block in steps:
        if verb == "file":
            (folder / subject).write_text(block, "utf-8")
        elif verb == "network":
            install(block)
        elif block.startswith(">>>"):
            follow(block, names, page)
        else:
            if verb == "edit":
                edit(folder / "net.py", *subject.split(" → "))
            run(block, folder)


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def run(block, folder):
    """Run the commands of a block; output that it shows must be the real one."""
    for given, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        program, *arguments = shlex.split(given)
        assert program == "modellint"
        done = modellint(*arguments, cwd=folder)
        assert done.returncode in (0, 1), done.stderr
        assert shown in ("", done.stdout)


def follow(block, names, page):
    """Run a session of the interpreter, which goes on with the names of those before it."""
    runner = doctest.DocTestRunner(verbose=False)
    out = []
    test = doctest.DocTestParser().get_doctest(block, names, page, page, 0)
    runner.run(test, out=out.append, clear_globs=False)
    assert not out, "".join(out)
    names.update(test.globs)


def install(block):
    """Nothing is installed by a test; the package and its extras must be those that there are."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pip, verb, what = shlex.split(block.removeprefix("$ "))
    name, _, extra = what.rstrip("]").partition("[")
    assert (pip, verb, name) == ("pip", "install", project["name"])
    assert not extra or extra in project["optional-dependencies"]


def test_the_api_page_names_everything_public():
    text = (DOCS / "python-api.md").read_text("utf-8")
    assert [name for name in api.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_every_block_is_tried_by_some_test():
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    with_blocks = [page for page in PAGES if "\n```" in (DOCS / page).read_text("utf-8")]
    assert [page for page in with_blocks if f'"{page}"' not in tests] == []


def test_the_index_leads_to_every_page():
    assert "(docs/README.md)" in (ROOT / "README.md").read_text("utf-8")
    found, pending = set(), ["README.md"]
    while pending:
        page = pending.pop()
        links = re.findall(r"\]\(([\w-]+\.md)[)#]", (DOCS / page).read_text("utf-8"))
        pending += {link for link in links if link in PAGES} - found
        found.update(links)
    in_readme = re.findall(r"\(docs/([\w-]+\.md)", (ROOT / "README.md").read_text("utf-8"))
    assert {*PAGES} <= {*found, *in_readme}


@pytest.mark.parametrize("page", ["../README.md", "../CONTRIBUTING.md", *PAGES])
def test_links_lead_somewhere(page):
    path = DOCS / page
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [one for one in targets if not (path.parent / one).exists()] == []


@pytest.mark.slow
def test_commands_within_sentences_run(tmp_path):
    """Those of `accepting-findings.md` change files and have a test of their own."""
    forms = (ROOT / ".github").rglob("*.yml")
    top = (ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    paths = (*top, *DOCS.rglob("*.md"), *forms)
    texts = [path.read_text("utf-8") for path in paths]
    given = {one for text in texts for one in re.findall(r"`modellint ([^`\n]*)`", text)}
    given = {one for one in given if not re.search("--add-ignore|baseline", one)}
    (tmp_path / "models").mkdir()
    for name in ("net.py", "models/net.py"):
        shutil.copy(ROOT / "examples" / "residual.py", tmp_path / name)
    cells = [(ROOT / "examples" / "residual.py").read_text("utf-8")]
    (tmp_path / "net.ipynb").write_bytes(written(cells))
    stands_for = {"NAME": "net.py", "PATH": "net.py", "RULE": "even-kernel"}
    for one in sorted(given):
        words = [stands_for.get(word, word) for word in shlex.split(one)]
        done = modellint(*words, *["."] * (words == ["--list"]), cwd=tmp_path)
        assert done.returncode in (0, 1), f"modellint {one}: {done.stderr}"
        assert done.stdout or {"-", "--output", "--diff"} & {*words}
    assert {"."} < given
    assert (tmp_path / "modellint.sarif").is_file()


def test_the_python_of_the_readme_runs(folder):
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 6, 3, padding=1)

        def forward(self, x):
            return self.conv1(x)

    (folder / "examples").rename(folder / "models")
    text = (ROOT / "README.md").read_text("utf-8")
    (block,) = [
        one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "import" in one
    ]
    exec(block, {"Net": Net})
