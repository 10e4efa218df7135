"""A revision's files out of git, and what is said where there is no such thing."""

import os
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest
from command import modellint
from repositories import Repository, needs_git

from modellint.engine import revisions
from modellint.engine.revisions import find_revision
from modellint.engine.trees import Tree
from modellint.worker.leftovers import remove_folder

pytestmark = needs_git


@pytest.fixture(autouse=True)
def forgotten():
    revisions._root_of.cache_clear()


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository", net="x = 1\n", **{"data.txt": "a\n"})


def written(repository, name, folder):
    folder.mkdir()
    with chdir(repository.folder):
        revision = find_revision(name, [str(repository.folder)])
        return revision, revision.write(str(folder))


def files(folder):
    """The files below a folder, with what they hold."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() or path.is_symlink()
    }


def test_the_files_are_those_that_were_committed(repository, tmp_path):
    (repository.folder / "bin").mkdir()
    program = repository.folder / "bin" / "größe x.py"
    program.write_bytes(b"\x00\xff\r\n" * 1000)
    program.chmod(0o755)
    (repository.folder / "empty").write_bytes(b"")
    (repository.folder / "link.py").symlink_to("net.py")
    commit = repository.commit()
    repository.write(net="x = 2\n")
    (repository.folder / "empty").unlink()
    revision, lacking = written(repository, "HEAD", tmp_path / "there")
    assert (revision.commit, lacking) == (commit, [])
    assert files(tmp_path / "there") == {
        "bin/größe x.py": b"\x00\xff\r\n" * 1000,
        "data.txt": b"a\n",
        "empty": b"",
        "link.py": b"x = 1\n",
        "net.py": b"x = 1\n",
    }
    assert os.access(tmp_path / "there" / "bin" / "größe x.py", os.X_OK)
    assert (tmp_path / "there" / "net.py").stat().st_mtime == revision.date


def test_what_no_model_reads_is_left_in_git(repository, tmp_path):
    left = ["page.html", "web/a.js", "a.PNG", "node_modules/x.py", ".github/y.yml", "a/.b/c.py"]
    kept = [".env", "data/words.txt", "js/net.py", "weights.bin", "conf/a.yaml"]
    for name in (*left, *kept):
        path = repository.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    repository.commit()
    written(repository, "HEAD", tmp_path / "there")
    assert sorted(files(tmp_path / "there")) == sorted([*kept, "net.py", "data.txt"])


@pytest.mark.parametrize("name", ["HEAD", "main", "HEAD~1", "v1", "{commit}", "side", "side..."])
def test_a_revision_has_many_names(repository, tmp_path, name):
    repository.git("tag", "-a", "-m", "one", "v1")
    repository.git("branch", "side")
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit(net="x = 2\n")
    expected = second if name in ("HEAD", "main") else first
    revision, _ = written(repository, name.format(commit=first[:10]), tmp_path / "there")
    assert revision.commit == expected


def test_three_dots_are_where_the_branch_left(repository, tmp_path):
    base = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "side")
    repository.commit(net="x = 2\n")
    repository.git("checkout", "-q", "main")
    repository.commit(**{"data.txt": "b\n"})
    revision, _ = written(repository, "side...", tmp_path / "there")
    assert revision.commit == base


def test_a_hook_of_another_repository_is_not_asked(repository, tmp_path, monkeypatch):
    other = Repository(tmp_path / "other", net="y = 1\n")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "nothing")
    written(repository, "HEAD", tmp_path / "there")
    assert (tmp_path / "there" / "net.py").read_text() == "x = 1\n"


def test_a_work_tree_of_its_own_is_a_repository(repository, tmp_path):
    repository.git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "side")
    with chdir(tmp_path / "tree"):
        revision = find_revision("main", [str(tmp_path / "tree" / "net.py")])
    assert revision.root == str(tmp_path / "tree")


def test_a_file_that_is_too_large_is_told_of(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(revisions, "_LARGEST", 3)
    _, lacking = written(repository, "HEAD", tmp_path / "there")
    assert len(lacking) == 1
    assert "net.py" in lacking[0]
    assert sorted(files(tmp_path / "there")) == ["data.txt"]


def test_a_folder_that_a_link_leads_into_is_of_the_repository(repository, tmp_path):
    (repository.folder / "models").mkdir()
    (repository.folder / "models" / "a.py").write_text("")
    (tmp_path / "link").symlink_to(repository.folder / "models")
    with chdir(tmp_path):
        revision = find_revision("HEAD", [str(tmp_path / "link" / "a.py")])
    assert revision.root == str(repository.folder)
    tree = Tree(str(tmp_path / "top"), revision.root)
    below = f"{tmp_path}/repository/models/a.py"
    assert tree.inside(str(tmp_path / "link" / "a.py")) == f"{tmp_path}/top{below}"


def test_paths_and_texts_lead_in_and_out(tmp_path):
    tree = Tree("/t/m", "/home/u/repo")
    assert tree.inside("/home/u/repo/a.py") == "/t/m/home/u/repo/a.py"
    assert tree.inside("/home/u/repository/a.py") == "/home/u/repository/a.py"
    assert tree.outside("no /t/m/home/u/repo/x: 1") == "no /home/u/repo/x: 1"
    told = {"/t/m/home/u/repo": ["/t/m/home/u/repo/a", 3, None]}
    assert tree.told(told) == {"/home/u/repo": ["/home/u/repo/a", 3, None]}
    assert tree.unmarked(tree.marked(told)) == told
    assert "/t/m" not in str(tree.marked(told))
    assert tree.taken_in({"/home/u/repo/a": "/home/u", "x": "/home/u/repo"}) == {
        "/t/m/home/u/repo/a": "/home/u",
        "x": "/t/m/home/u/repo",
    }


#: Trees that git itself would check out nothing of, or nothing all over again: mode, name and what
#: a file holds or a link leads to; of a folder, a file `x.py` that it holds.
TREES = {
    "a file behind a link of its name": [
        ("120000", "a.py", "{outside}/made.py"),
        ("100644", "a.py", "x = 1"),
    ],
    "a folder behind a link of its name": [
        ("120000", "a", "{outside}"),
        ("40000", "a", "x.py"),
    ],
    "a path from the root": [("100644", "{outside}/made.py", "x = 1")],
    "a path that leads up": [("100644", "../made.py", "x = 1")],
    "the folder above": [("40000", "..", "x.py"), ("100644", "..", "x = 1")],
    "a submodule above": [("160000", "..", "")],
    "a link to nowhere": [("120000", "a", "\0"), ("120000", "b", "")],
    "a name that is too long": [("100644", "a" * 300 + ".py", "x = 1")],
}


def tree_of(repository, tmp_path, entries):
    """A tree with whatever names, which git's own commands would refuse to make."""

    def kept(kind, data):
        path = tmp_path / "object"
        path.write_bytes(data)
        return repository.git("hash-object", "-t", kind, "-w", "--literally", str(path))

    rows = []
    for mode, name, held in entries:
        if mode == "40000":
            made = tree_of(repository, tmp_path, [("100644", held, "x = 1")])
        else:
            held = held.format(outside=tmp_path / "outside")
            made = "1" * 40 if mode == "160000" else kept("blob", held.encode())
        name = name.format(outside=tmp_path / "outside")
        rows.append(f"{mode} {name}\0".encode() + bytes.fromhex(made))
    return kept("tree", b"".join(rows))


@pytest.mark.parametrize("kind", TREES)
def test_a_hostile_tree_is_written_into_its_folder_or_left_out(repository, tmp_path, kind):
    (tmp_path / "outside").mkdir()
    good = ("100644", "good.py", "y = 2")
    tree = tree_of(repository, tmp_path, [*TREES[kind], good])
    commit = repository.git("commit-tree", tree, "-m", "m")
    before = {*tmp_path.iterdir()}
    written(repository, commit, tmp_path / "then")
    assert {*tmp_path.iterdir()} == before | {tmp_path / "then"}
    assert [*(tmp_path / "outside").iterdir()] == []
    assert (tmp_path / "then" / "good.py").read_text() == "y = 2"


def test_what_cannot_be_written_or_read_is_told_of(repository, tmp_path):
    entries = [("100644", "a" * 300 + ".py", "x = 1"), ("100644", "gone.py", "x = 3")]
    tree = tree_of(repository, tmp_path, entries)
    commit = repository.git("commit-tree", tree, "-m", "m")
    blob = repository.git("rev-parse", f"{commit}:gone.py")
    (repository.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    _, told = written(repository, commit, tmp_path / "then")
    assert sorted(one.partition(" ")[0] for one in told) == ["a" * 300 + ".py", "gone.py"]


@pytest.mark.slow
def test_folders_of_a_revision_may_be_nested_deeper_than_calls(repository, tmp_path):
    tree = tree_of(repository, tmp_path, [("100644", "x.py", "x = 1")])
    rows = tmp_path / "rows"
    for _ in range(1100):
        rows.write_bytes(b"40000 d\0" + bytes.fromhex(tree))
        tree = repository.git("hash-object", "-t", "tree", "-w", "--literally", str(rows))
    commit = repository.git("commit-tree", tree, "-m", "m")
    written(repository, commit, tmp_path / "then")
    assert Path(f"{tmp_path}/then/{'d/' * 1100}x.py").is_file()
    remove_folder(str(tmp_path / "then"))
    assert not (tmp_path / "then").exists()


def refused(folder, *arguments):
    """What the command says where it ends with wrong usage, having printed no report."""
    done = modellint(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("modellint: ")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_revision_that_there_is_not(repository):
    for name in ("nothing", "HEAD~9", "-x", "", "HEAD:net.py", "a b", "@{9999999}"):
        assert "--compare" in refused(repository.folder, "net.py", f"--compare={name}")


def test_no_repository_at_all(tmp_path):
    (tmp_path / "net.py").write_text("import torch\n")
    assert "no git repository" in refused(tmp_path, "net.py", "--compare", "HEAD")


def test_a_repository_without_a_commit(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "net.py").write_text("import torch\n")
    assert "no commit yet" in refused(tmp_path, "net.py", "--compare", "HEAD")


def test_a_target_outside(repository, tmp_path):
    (tmp_path / "net.py").write_text("import torch\n")
    told = refused(repository.folder, "net.py", "../net.py", "--compare", "HEAD")
    assert "../net.py" in told or str(tmp_path / "net.py") in told


def test_targets_in_two_repositories(repository, tmp_path):
    Repository(tmp_path / "other", net="y = 1\n")
    told = refused(repository.folder, "net.py", "../other/net.py", "--compare", "HEAD")
    assert "outside" in told


def test_a_shallow_clone_says_how_to_get_more(repository, tmp_path):
    repository.commit(net="x = 2\n")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{repository.folder}", str(clone)], check=True
    )
    told = refused(clone, "net.py", "--compare", "origin/release")
    assert "git fetch --depth=1 origin release:refs/remotes/origin/release" in told
    assert "shallow" in refused(clone, "net.py", "--compare", "HEAD~1")


@pytest.mark.parametrize(
    "options",
    [
        ["--fix"],
        ["--diff"],
        ["--add-ignore"],
        ["--write-baseline", "b.json"],
        ["--baseline", "b.json"],
        ["--shard", "1/2"],
        ["--list"],
        ["--rules"],
        ["--show-settings"],
        ["-", "--stdin-filename", "x.py"],
    ],
    ids=" ".join,
)
def test_what_a_comparison_has_no_place_for(repository, options):
    text = (repository.folder / "net.py").read_bytes()
    assert "--compare" in refused(repository.folder, "net.py", "--compare", "HEAD", *options)
    assert (repository.folder / "net.py").read_bytes() == text


def test_other_files_that_there_are_not(repository):
    for since in ("gone.py", "gone.py::Net", "net.py::Gone", "gone.json", "data.txt::Net"):
        assert since.partition("::")[0] in refused(
            repository.folder, "net.py", f"--compare={since}"
        )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', "{" * 9999, "no"])
def test_a_report_that_is_none(repository, text):
    (repository.folder / "r.json").write_text(text)
    assert "r.json" in refused(repository.folder, "net.py", "--compare", "r.json")


def test_a_disk_without_place_is_a_sentence(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert "no place" in refused(repository.folder, "net.py", "--compare", "HEAD")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(revisions, "_put", full)
    told = refused(repository.folder, "net.py", "--compare", "HEAD")
    assert "No space left" in told
    assert not [*tmp_path.glob("modellint-*")]


def test_without_git_a_sentence_says_so(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(repository.folder, "nothing")))
    assert "git" in refused(repository.folder, "net.py", "--compare", "HEAD")
