"""Whatever arrives from a worker is a message that fits its type, or a crash of one file."""

from __future__ import annotations

import json
import random
import socket
import struct
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import pytest
import reports
import torch
from torch import nn

import modellint
from modellint.discovery.candidates import discover
from modellint.engine import server_pool
from modellint.engine.running import Outcome, Work, run_file
from modellint.protocol.frames import frame
from modellint.protocol.jobs import Job
from modellint.protocol.messages import (
    FROM_FILE,
    FROM_START,
    FROM_SUPERVISOR,
    OutcomeJson,
    ReadJson,
)
from modellint.protocol.reading import Foreign, read, read_message
from modellint.protocol.states import QUESTIONS
from modellint.report import FORMATS
from modellint.results.report import Report
from modellint.source.file import parse_source, text_digest

SOURCE = b"""
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
    def forward(self, x):
        return self.conv(x)
"""
CANDIDATES = discover(parse_source("net.py", SOURCE))
JOB = Job("/nowhere/net.py", "net.py", "/nowhere", timeout=5.0)
WORK = Work(JOB, CANDIDATES)
STAGES = [
    {"type": "stage", "name": name, "model": "Net", "line": 4, "assumed": False}
    for name in ("build", "trace")
]
END = {
    "type": "end",
    "kind": None,
    "changed": ["writes x"],
    "late": [],
    "leaving": False,
    "read": {"reasons": [], "files": {}},
    "printed": "a\nb",
    "strays": True,
}
DIED = {
    "type": "end",
    "kind": "crash",
    "message": "the process crashed (SIGSEGV)",
    "line": 3,
    "printed": "",
    "strays": False,
}


class Joined(nn.Module):
    """A model whose report has of everything something."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2)
        self.pool = nn.AvgPool2d(2)
        self.again = nn.Conv2d(8, 8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.pool(self.down(x))
        result: torch.Tensor = torch.cat([y[..., :-3, :-3], self.again(y)], 1)
        return result


@pytest.fixture(scope="module")
def report() -> Any:
    """The JSON of a report of Net, as a worker sends it."""
    found = modellint.lint(Joined(), ["N,3,32,32"], pictures=True)
    model = replace(found.models[0], path="net.py", name="Net")
    made = reports.REPORT
    findings = tuple(replace(one, model="Net") for one in found.findings)
    parts = replace(found, models=(model,), findings=findings, errors=made.errors, notes=made.notes)
    return json.loads(json.dumps(parts.to_dict(pictures=True, annotated=True)))


def trial_of(report: Any) -> list[Any]:
    """What a worker says of a finding whose fix it has tried."""
    edits = [
        {"path": "net.py", "line": 7, "column": 37, "end_line": 7, "end_column": 38, "text": "5"},
        {"path": "net.py", "line": 7, "column": 38, "end_line": 7, "end_column": 38, "text": ", 2"},
    ]
    text = parse_source("net.py", SOURCE).text
    fix = {"safe": False, "message": "5×5", "edits": edits, "digest": text_digest(text)}
    told = {**report["findings"][0], "help": "a 5×5 kernel", "fix": fix}
    stage = {"type": "stage", "name": "fixes", "model": None, "line": 1, "assumed": False}
    return [stage, {"type": "fixed", "findings": [told]}]


def answered(data: bytes) -> Outcome:
    """What comes of a file whose supervisor answers with some bytes, then hangs up."""

    class Pool:
        def start(self) -> None:
            """There is nothing to start."""

        def run(self, job: Job) -> Generator[Any, None, None]:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
                theirs.setblocking(False)
                theirs.send(data)
                theirs.shutdown(socket.SHUT_WR)
                yield from server_pool._exchange(ours, job)

        def close(self) -> None:
            """Nothing stays open."""

    return run_file(Pool(), WORK)


def hold(outcome: Outcome) -> Report:
    """The report of an outcome, which everything that reads one can read."""
    whole = Report().merged(*outcome.reports)
    for name in FORMATS:
        text = whole.render(name, layers=True, contract=True, statistics=True)
        if name == "json":
            json.loads(text, parse_constant=pytest.fail)
    assert whole.annotated() == Report(models=whole.models).annotated()
    assert whole.exit_status in (0, 1, 2)
    again = Outcome.from_dict(json.loads(json.dumps(outcome.to_dict())))
    assert Report().merged(*again.reports).to_dict() == whole.to_dict()
    # Each model is told of once, whatever was said.
    assert [(one.path, one.name) for one in whole.models] == [("net.py", "Net")]
    return whole


def test_what_a_worker_says_is_read_as_it_was_said(report: Any) -> None:
    messages = [*STAGES, {"type": "report", "report": report}, END]
    whole = hold(answered(b"".join(map(frame, messages))))
    assert whole.models[0].status == report["models"][0]["status"]
    assert whole.models[0].layers.keys() == {one["key"] for one in report["models"][0]["layers"]}
    assert len(whole.remarks) == 4


def test_a_fix_takes_the_place_of_what_was_told_of_its_finding(report: Any) -> None:
    messages = [*STAGES, {"type": "report", "report": report}, *trial_of(report), END]
    whole = hold(answered(b"".join(map(frame, messages))))
    assert len(whole.findings) == len(report["findings"])
    ((finding, fix),) = whole.fixes.items()
    assert (finding.help, fix.message, len(fix.edits)) == ("a 5×5 kernel", "5×5", 2)


def test_a_fix_that_no_trial_can_have_is_foreign(report: Any) -> None:
    said = b"".join(map(frame, [*STAGES, {"type": "report", "report": report}]))
    _, fixed = trial_of(report)
    for change in ({"edits": []}, {"safe": "yes"}, {"digest": None}, {"more": 1}):
        wrong = json.loads(json.dumps(fixed))
        wrong["findings"][0]["fix"] |= change
        with pytest.raises(Foreign):
            read_message(frame(wrong), FROM_FILE)
    # Of another file, or of a finding that nobody was told of.
    elsewhere, unknown = (json.loads(json.dumps(fixed)) for _ in range(2))
    elsewhere["findings"][0]["fix"]["edits"][1]["path"] = "good.py"
    unknown["findings"][0]["line"] += 1
    # Or told with the report, where none was tried yet.
    early = json.loads(json.dumps(report))
    early["findings"][0] = fixed["findings"][0]
    for data in (
        said + frame(elsewhere) + frame(END),
        said + frame(unknown) + frame(END),
        frame({"type": "report", "report": early}) + frame(END),
    ):
        whole = hold(answered(data))
        assert [one.kind for one in whole.errors if one.path == "net.py"] == ["crash"]
        assert not whole.fixes


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        (frame({}), FROM_FILE),
        (frame([]), FROM_FILE),
        (frame(None), FROM_FILE),
        (frame({"type": ["stage"]}), FROM_FILE),
        (frame({"type": "stage"}), FROM_FILE),
        (frame({**STAGES[0], "line": True}), FROM_FILE),
        (frame({**STAGES[0], "line": 0}), FROM_FILE),
        (frame({**STAGES[0], "more": 1}), FROM_FILE),
        (frame({**STAGES[0], "name": "sleep"}), FROM_FILE),
        (frame({**STAGES[0], "model": 3}), FROM_FILE),
        (frame(END), FROM_FILE),
        (frame({"type": "no-torch", "message": "gone"}), FROM_FILE),
        (frame({"type": "done", "changed": [], "late": [], "read": []}), FROM_FILE),
        (frame({**DIED, "kind": "internal-error"}), FROM_SUPERVISOR),
        (frame({**DIED, "kind": "lost"}), FROM_SUPERVISOR),
        (frame({"type": "ready", "message": "well"}), FROM_START),
        (b"\0\0\0\2{]", FROM_FILE),
        (b"\0\0\0\2\xff\xfe", FROM_FILE),
        (struct.pack(">I", 200_000) + b"[" * 200_000, FROM_FILE),
    ],
)
def test_what_is_no_message_is_foreign(data: bytes, kinds: Any) -> None:
    with pytest.raises(Foreign):
        read_message(data, kinds)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "kindness"),
        ("line", -1),
        ("message", None),
        ("path", ["net.py"]),
    ],
)
def test_what_does_not_fit_is_told_by_its_place(report: Any, key: str, value: Any) -> None:
    message = json.loads(json.dumps({"type": "report", "report": report}))
    message["report"]["errors"][1][key] = value
    with pytest.raises(Foreign, match=rf"\.report\.errors\[1\]\.{key}"):
        read_message(frame(message), FROM_FILE)


def test_a_worker_may_tell_of_all_that_is_asked_of_paths() -> None:
    assert {*QUESTIONS} == {*ReadJson.__annotations__} - {"imports", "variables", "reasons"}


def test_a_number_that_is_none_is_foreign(report: Any) -> None:
    report = json.loads(json.dumps(report))
    report["models"][0]["picture"]["borders"][0]["edge"] = float("nan")
    with pytest.raises(Foreign, match="edge"):
        read({"reports": [{"report": report, "remarks": []}], "read": None}, OutcomeJson)


@pytest.mark.parametrize("stages", [0, 1, 2])
@pytest.mark.parametrize(
    "data", [b"\0\0\0\2{}", b"\xff" * 64, frame(DIED | {"type": "stop"}), frame(STAGES)]
)
def test_what_breaks_in_is_a_crash_of_the_file(data: bytes, stages: int) -> None:
    sent = b"".join(map(frame, STAGES[:stages])) + data + frame(END)
    whole = hold(answered(sent))
    assert [(one.kind, one.path) for one in whole.errors] == [("crash", "net.py")]
    assert whole.models[0].status == "failed"


def test_a_model_that_is_told_of_twice_or_not_asked_for_is_foreign(report: Any) -> None:
    said = frame({"type": "report", "report": report})
    for other in ({"name": "Other"}, {"path": "good.py"}):
        foreign = json.loads(json.dumps(report))
        foreign["models"][0] |= other
        outcome = answered(frame({"type": "report", "report": foreign}) + frame(END))
        assert [one.kind for one in hold(outcome).errors] == ["crash"]
    twice = json.loads(json.dumps(report))
    twice["models"] *= 2
    assert len(hold(answered(said + said + frame(END))).models) == 1
    assert len(hold(answered(frame({"type": "report", "report": twice}) + frame(END))).models) == 1


#: What a mutation puts in the place of something else.
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 3, 1 << 40, 1 << 70, -(1 << 70), 10**400, 0.5, -1.5, 1e308, 1e-320,
    float("inf"), float("-inf"), float("nan"), "", "x", "net.py", "Net", "analysed", "partial",
    "crash", "error", "\ud800", "\0\x1b[31m\n", "N", "9" * 5000, [], [[]], [1, "H"], [None], {},
    {"type": "end"}, {"": ""}, {"min": 1},
]  # fmt: skip


def mutated(draw: random.Random, message: Any) -> Any:
    """A message with one to three of its parts replaced, left out, doubled or moved."""
    changed = json.loads(json.dumps(message))
    for _ in range(draw.randint(1, 3)):
        holder, key = draw.choice([*_places(changed)])
        how = draw.randrange(6)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, list):
            holder.insert(key, draw.choice(holder))
        elif how == 2 and isinstance(holder, dict):
            holder[draw.choice(["more", "type", "line", "class"])] = holder.pop(key)
        elif how == 3:
            other, at = draw.choice([*_places(changed)])
            holder[key] = json.loads(json.dumps(other[at]))
        else:
            holder[key] = draw.choice(ODD)
        if not [*_places(changed)]:
            break
    return changed


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each place of a nested value, by what holds it and the key."""
    pending = [value]
    while pending:
        holder = pending.pop()
        if isinstance(holder, dict | list):
            for key in [*holder] if isinstance(holder, dict) else range(len(holder)):
                yield holder, key
                pending.append(holder[key])


def scrambled(draw: random.Random, data: bytes) -> bytes:
    """Bytes of which some are others, gone, or repeated."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(changed))
        how = draw.randrange(3)
        if how == 0:
            changed[at] = draw.randrange(256)
        elif how == 1:
            del changed[at : at + draw.randint(1, 40)]
        else:
            changed[at:at] = changed[draw.randrange(len(changed)) :][: draw.randint(1, 40)]
        changed = changed or bytearray(1)
    return bytes(changed)


def random_value(draw: random.Random, depth: int = 0) -> Any:
    """Any JSON, with the words of messages among its keys."""
    if depth > 3 or draw.random() < 0.4:
        return draw.choice(ODD)
    keys = ["type", "kind", "report", "models", "line", "name", "message", "read", "errors"]
    values = [random_value(draw, depth + 1) for _ in range(draw.randrange(5))]
    if draw.random() < 0.4:
        return values
    return dict(zip(draw.sample(keys, len(values)), values, strict=True))


def attack(draw: random.Random, report: Any) -> bytes:
    """The bytes that one hostile process might answer with."""
    messages: list[Any] = [*STAGES, {"type": "report", "report": report}, *trial_of(report)]
    messages.append(draw.choice([END, DIED]))
    how = draw.randrange(4)
    at = draw.randrange(len(messages))
    if how == 0:
        messages[at] = random_value(draw)
    elif how == 1:
        draw.shuffle(messages)
    elif how == 2:
        messages[at] = mutated(draw, messages[at])
    else:
        # Most of the bytes, and so of what can go wrong, are of the report and the fixes.
        at = draw.choice([2, 2, 4])
        messages[at] = mutated(draw, messages[at])
    data = b"".join(map(frame, messages))
    return scrambled(draw, data) if draw.random() < 0.25 else data


def shorter(report: Any) -> Any:
    """The report with its lists cut, so that mutations meet each key of it."""
    for model in report["models"]:
        model["picture"]["borders"] = model["picture"]["borders"][:1]
        for border in model["picture"]["borders"]:
            border["weights"] = border["weights"][:2]
    return report


@pytest.mark.parametrize(
    ("first", "count"),
    [(0, 100), pytest.param(1_000_000, 10_000, marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_no_answer_of_a_worker_breaks_a_run(report: Any, first: int, count: int) -> None:
    report = shorter(json.loads(json.dumps(report)))
    for seed in range(first, first + count):
        data = attack(random.Random(seed), report)
        try:
            hold(answered(data))
        except BaseException as error:
            error.add_note(f"by the answer of seed {seed}")
            raise
