"""A diff is what changes, in the words of those that apply one."""

import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modellint.mending.diffs import diff

TEXTS = st.lists(st.sampled_from(["a", "b", "-- x.py", "++ x.py", "é\r", "@@ "]), max_size=12).map(
    "\n".join
)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@given(before=TEXTS, after=TEXTS, around=st.integers(0, 3))
def test_git_makes_the_one_of_the_other(tmp_path_factory, before, after, around):
    lines = list(diff("x.py", before, after, around))
    assert bool(lines) == (before != after)
    if not lines or not before or not after:
        return
    folder = tmp_path_factory.mktemp("diff")
    (folder / "x.py").write_bytes(before.encode())
    subprocess.run(
        ["git", "apply", "-p0", "--unidiff-zero", "--whitespace=nowarn", "-"],
        cwd=folder,
        input="".join(f"{line}\n" for line in lines).encode(),
        check=True,
        env={
            "GIT_CEILING_DIRECTORIES": str(folder.parent),
            "PATH": os.environ["PATH"],
        },
    )
    assert (folder / "x.py").read_bytes() == after.encode()
