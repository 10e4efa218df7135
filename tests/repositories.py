"""Git repositories for tests: real ones, made in a folder of the test's own."""

import os
import shutil
import subprocess
import textwrap

import pytest

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

_ALWAYS = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Repository:
    """A repository in a folder, with one commit of the files that it is made of."""

    def __init__(self, folder, **files):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.commit(**files)

    def git(self, *arguments):
        """Run git there; what it prints."""
        local = [name for name in os.environ if name.startswith("GIT_")]
        environment = {k: v for k, v in os.environ.items() if k not in local} | _ALWAYS
        done = subprocess.run(
            ["git", "-C", str(self.folder), "-c", "protocol.file.allow=always", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        return done.stdout.strip()

    def write(self, **files):
        """Write files by their paths; in a name without any, `__` stands for `/`, before `.py`."""
        for name, text in files.items():
            path = self.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")

    def path(self, name):
        """The file that `write` writes under a name."""
        return self.folder / (name if "." in name else f"{name.replace('__', '/')}.py")

    def commit(self, **files):
        """Write files and commit everything that there is; the commit's name."""
        self.write(**files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def state(self):
        """All that a comparison must leave as it is: work tree, index, refs."""
        index = (self.folder / ".git" / "index").read_bytes()
        status = self.git("--no-optional-locks", "status", "--porcelain=v2")
        return index, status, self.git("for-each-ref")
