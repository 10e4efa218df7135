"""Parts of a run are equal, hold together what one run holds, and hardly change with the files."""

import json
from pathlib import Path

import pytest
from command import modellint
from hypothesis import example, given
from hypothesis import strategies as st

from modellint.config.sharding import Shard, parse_shard
from modellint.config.targets import Target

NET = """
import torch
from torch import nn


class Net{number}(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, {number})

    def forward(self, x):
        return self.conv(x)
"""

names = st.lists(st.text("abc/ü\udc80", min_size=1, max_size=6), unique=True, max_size=40)
counts = st.integers(1, 9)


def targets(given_names):
    return [Target(name, f"/{name}") for name in sorted(given_names)]


def parts(given_names, count):
    return [Shard(number, count).of(targets(given_names)) for number in range(1, count + 1)]


@given(names, counts)
def test_parts_hold_each_target_once_and_differ_in_size_by_one(given_names, count):
    found = parts(given_names, count)
    assert sorted(t.shown for part in found for t in part) == sorted(given_names)
    sizes = [len(part) for part in found]
    assert max(sizes) - min(sizes) <= 1
    assert all(list(part) == sorted(part, key=lambda one: one.shown) for part in found)


@given(names, counts)
@example(["a", "b", "c", "ü", "aa", "a/", "aaa", "aa/", "a/a", "aaaa", "aaaaa"], 8)
def test_a_new_file_moves_one_other_over_each_border_at_most(given_names, count):
    before, after = (
        {one.shown: number for number, part in enumerate(parts(all_of_them, count)) for one in part}
        for all_of_them in (given_names, [*given_names, "new"])
    )
    for border in range(1, count):
        moved = [name for name in given_names if (before[name] < border) != (after[name] < border)]
        assert len(moved) <= 1


def test_where_the_project_lies_does_not_matter():
    here = [Target(name, f"/home/a/{name}") for name in "abcdef"]
    there = [Target(name, f"/runner/{name}") for name in "fedcba"]
    for number in (1, 2):
        first, second = Shard(number, 2).of(here), Shard(number, 2).of(there)
        assert {one.shown for one in first} == {one.shown for one in second}


@pytest.mark.parametrize(
    "text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "a/b", "1/2/3", "1.5/2", "²/3", "1/9999999", "/"]
)
def test_what_is_no_part_is_wrong_usage(text, tmp_path):
    (tmp_path / "net.py").write_text("")
    run = modellint("net.py", "--shard", text, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert "--shard" in run.stderr


def test_spaces_around_a_part_do_not_matter():
    assert parse_shard(" 2/4 ") == Shard(2, 4)


def test_the_reports_of_all_parts_are_that_of_the_whole(tmp_path):
    for number in range(1, 6):
        (tmp_path / f"net{number}.py").write_text(NET.format(number=number))

    def report(*arguments):
        run = modellint(".", "--format", "json", *arguments, cwd=tmp_path)
        return run.returncode, json.loads(run.stdout)

    status, whole = report()
    found = [report("--shard", f"{number}/7") for number in range(1, 8)]
    assert status == max(one for one, _ in found)
    assert min(one for one, _ in found) == 0
    for key in ("models", "findings"):
        entries = [entry for _, part in found for entry in part[key]]
        assert sorted(entries, key=str) == sorted(whole[key], key=str)
    assert all(part["tool"] == whole["tool"] for _, part in found)


def test_an_empty_part_is_told(tmp_path):
    (tmp_path / "plain.py").write_text("")
    numbers = [n for n in (1, 2) if not Shard(n, 2).of([Target("plain.py", "plain.py")])]
    run = modellint(".", "--shard", f"{numbers[0]}/2", "--list", cwd=tmp_path)
    assert run.returncode == 0
    run = modellint(".", "--shard", f"{numbers[0]}/2", cwd=tmp_path)
    assert run.returncode == 0
    assert f"{numbers[0]} of 2" in run.stderr


def test_a_baseline_is_written_by_a_whole_run_only(tmp_path):
    (tmp_path / "net.py").write_text("")
    run = modellint("net.py", "--shard", "1/2", "--write-baseline", "b.json", cwd=tmp_path)
    assert run.returncode == 2
    assert not Path(tmp_path, "b.json").exists()
