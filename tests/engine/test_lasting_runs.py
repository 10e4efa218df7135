"""What lints one text after another: it can end a job, and knows what each result has read."""

import threading
from pathlib import Path

import pytest

from modellint.config.interpreters import OWN
from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from modellint.engine.memory import still_holds
from modellint.engine.project_index import ProjectIndex
from modellint.engine.running import Pools
from modellint.engine.server_pool import FORKS
from modellint.engine.subprocess_pool import SinglePool
from modellint.protocol.jobs import Job
from modellint.worker.warming import imported_late

NET = """
import torch
from torch import nn
from sizes import WIDTH


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {body}
        self.conv = nn.Conv2d(3, WIDTH, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


Net()(torch.rand(1, 3, 8, 8))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "sizes.py").write_text("WIDTH = 8\n")
    return tmp_path


def job(body):
    text = NET.format(body=body)
    return Job(str(Path("net.py").resolve()), "net.py", str(Path.cwd()), data=text.encode())


def ended_by_another_thread(pool):
    """How a job that would never end does when it is interrupted, and the job after it."""
    endless, short = job("while True: pass"), job("pass")
    kinds = []
    for message in pool.run(endless):
        if message["type"] == "stage" and message["name"] == "build":
            threading.Thread(target=pool.interrupt, args=(endless,)).start()
        kinds.append(message.get("kind") if message["type"] == "end" else message["type"])
    pool.interrupt(endless)
    return kinds[-1], [*pool.run(short)][-1]["kind"]


@pytest.mark.skipif(not FORKS, reason="nothing is shared where there is no fork")
def test_a_job_is_ended_and_the_next_one_runs(lasting_pool):
    assert ended_by_another_thread(lasting_pool) == ("lost", None)


@pytest.mark.slow
def test_a_job_in_a_process_of_its_own_is_ended_as_well():
    assert ended_by_another_thread(SinglePool(OWN)) == ("crash", None)


def heard_of(text, **more):
    heard = []
    lint_targets(
        ["-"], Settings(), text.encode(), "net.py", heard=lambda *one: heard.append(one), **more
    )
    ((work, outcome),) = heard
    return work, outcome


def test_a_result_is_out_of_date_once_a_file_that_it_read_says_something_else(folder):
    _, outcome = heard_of(NET.format(body="pass"))
    assert str(folder / "sizes.py") in outcome.read["files"]
    assert still_holds(outcome.read, OWN)
    (folder / "other.py").write_text("x = 1\n")
    assert still_holds(outcome.read, OWN)
    (folder / "sizes.py").write_text("WIDTH = 9\n")
    assert not still_holds(outcome.read, OWN)


def test_what_is_not_known_to_be_all_that_was_read_does_not_hold():
    _, outcome = heard_of(NET.format(body="import subprocess; subprocess.run(['true'])"))
    assert outcome.read["reasons"]
    assert not still_holds(outcome.read, OWN)
    assert not still_holds(None, OWN)


def test_an_index_answers_as_it_did_until_it_looks_again(folder):
    (folder / "net.py").write_text(NET.format(body="pass"))
    index = ProjectIndex((), lambda path: None)
    work, _ = heard_of(NET.format(body="pass"), index=index)
    assert work.job.programs == ()
    (folder / "train.py").write_text("import torch\nfrom net import Net\n\nNet()\n")
    assert heard_of(NET.format(body="pass"), index=index)[0].job.programs == ()
    index.look_again()
    programs = heard_of(NET.format(body="pass"), index=index)[0].job.programs
    assert programs == (str(folder / "train.py"),)


def test_only_installed_libraries_are_worth_importing_beforehand(monkeypatch, folder):
    import sys
    from types import ModuleType

    ours, strange = ModuleType("timm"), object()
    ours.__file__ = str(folder / "timm.py")
    monkeypatch.setitem(sys.modules, "timm", ours)
    monkeypatch.setitem(sys.modules, "einops", strange)
    numpy = pytest.importorskip("numpy")
    assert "site-packages" in numpy.__file__
    assert "numpy" in imported_late()
    assert not {"timm", "einops"} & {*imported_late()}


def test_pools_that_last_serve_several_runs():
    pools = Pools()
    try:
        for width in (8, 9):
            Path("sizes.py").write_text(f"WIDTH = {width}\n")
            text = NET.format(body="pass").encode()
            report = lint_targets(["-"], Settings(), text, "net.py", pools=pools)
            assert report.models[0].parameters == (27 + 1) * width
    finally:
        if not FORKS:
            pools.close()
