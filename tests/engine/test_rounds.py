"""Fixes are made round after round: in memory, never for the worse, and written once."""

import os
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from findings import finding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reports import BARE

from modellint.config.settings import Request, Settings
from modellint.engine import fixing, rounds
from modellint.engine.fixing import fix_files
from modellint.engine.rounds import mend
from modellint.engine.running import Pools
from modellint.errors import UsageError
from modellint.fixes.edits import Edit
from modellint.results.baselined import Baselined
from modellint.results.findings import TriedFix
from modellint.results.report import Report
from modellint.source.file import parse_source, text_digest

#: What a word of the lists below becomes, and whether that is safe. `b` leads to the finding `a`,
#: which is less grave, `c` to an error, `d` to one unless it is changed alone, `e` and `f` to each
#: other, and `g` into what is no Python.
WORDS = {
    "a": ("A", True),
    "b": ("a", True),
    "u": ("U", False),
    "c": ("error", True),
    "d": ("D", True),
    "e": ("f", True),
    "f": ("e", True),
    "g": ("(", True),
}


def linted(path, data):
    """A lint of a file that is lists of words: each word of the table is a finding with a fix."""
    source = parse_source(path, data)
    words = [
        (row, column, column + len(word), word)
        for row, line in enumerate(source.lines, 1)
        for column, word in _words(line)
    ]
    found = []
    for row, column, end, word in words:
        if word == "error" or (word == "D" and len([1 for *_, one in words if one == "D"]) > 1):
            broken = replace(finding(row, path=path, rule="broken"), severity="error")
            found.append(replace(broken, column=column, message="broken"))
        if word in WORDS:
            text, safe = WORDS[word]
            edit = Edit(row, column, row, end, text, path)
            fix = TriedFix(safe, f"{word} at {row}:{column}", (edit,), text_digest(source.text))
            one = replace(finding(row, path=path, column=column, rule=f"no-{word}"), fix=fix)
            found.append(replace(one, severity="info") if word == "a" else one)
    model = replace(BARE, path=path, name="Net", status="analysed", line=1)
    return Report(models=(model,), findings=tuple(found))


def _words(line):
    at = 1
    for word in line.split(" "):
        yield at, word
        at += len(word) + 1


class Linter:
    """Lints files of words on disk, or as they would be, and counts how often.

    A file that `sees` the others fails where one of them, on disk, has had a fix made.
    """

    def __init__(self):
        self.runs = 0

    def __call__(self, given, settings, stdin, stdin_name, *, pools=None, changed=None, index=None):
        self.runs += 1
        if changed is None:
            changed = {path: Path(path).read_bytes() for path in given}
            bent = {path for path, data in changed.items() if b"A" in data or b"U" in data}
            parts = [linted(path, data) for path, data in changed.items()]
            for at, (path, data) in enumerate(changed.items()):
                if b"sees" in data and bent - {path}:
                    (model,) = parts[at].models
                    broken = replace(model, status="failed")
                    parts[at] = Report(models=(broken,))
        else:
            parts = [linted(path, data) for path, data in changed.items()]
        request = Request(tuple(given), settings, str(Path.cwd()), stdin, stdin_name)
        return replace(Report().merged(*parts), request=request)


@pytest.fixture(autouse=True)
def linter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    linter = Linter()
    for module in (rounds, fixing):
        monkeypatch.setattr(module, "lint_targets", linter)
    return linter


def report_of(linter, **files):
    """The report on files of words."""
    names = [f"{name}.py" for name in files]
    for name, text in zip(names, files.values(), strict=True):
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return linter(names, Settings(), None, "-")


def mended(report, *, unsafe=False):
    with closing(Pools()) as pools:
        return mend(report, unsafe=unsafe, pools=pools)


def test_safe_fixes_are_made_and_the_others_counted(linter):
    done = fix_files(report_of(linter, net="a = u + x\n"), unsafe=False)
    assert Path("net.py").read_text() == "A = u + x\n"
    assert (done.made, done.troubles) == ({"net.py": 1}, ())
    assert [one.rule for one in done.report.findings] == ["no-u"]
    assert (done.report.fixed.made, done.report.fixed.unsafe) == (1, 1)


def test_unsafe_ones_are_made_when_asked_for(linter):
    done = fix_files(report_of(linter, net="a = u + x\n"), unsafe=True)
    assert Path("net.py").read_text() == "A = U + x\n"
    assert (done.report.fixed.made, done.report.fixed.unsafe) == (2, 0)


def test_what_a_fix_leads_to_is_fixed_in_the_next_round(linter):
    done = fix_files(report_of(linter, net="b = b\n"), unsafe=False)
    assert Path("net.py").read_text() == "A = A\n"
    assert done.made == {"net.py": 4}


def test_a_file_without_fixes_is_not_linted_again(linter):
    report = report_of(linter, net="x = u\n")
    before = linter.runs
    done = fix_files(report, unsafe=False)
    assert linter.runs == before
    assert replace(done.report, fixed=None) == report


def test_what_makes_it_worse_is_not_made(linter):
    done = fix_files(report_of(linter, net="a = c\n"), unsafe=False)
    assert Path("net.py").read_text() == "A = c\n"
    assert done.made == {"net.py": 1}


def test_fixes_that_are_worse_together_are_made_one_by_one(linter):
    done = fix_files(report_of(linter, net="a = d + d\n"), unsafe=False)
    assert Path("net.py").read_text() == "A = D + d\n"
    assert done.made == {"net.py": 2}


def test_what_becomes_no_python_is_told_and_the_rest_is_made(linter):
    done = fix_files(report_of(linter, net="a = g\n", other="a = 1\n"), unsafe=False)
    assert Path("net.py").read_text() == "A = g\n"
    assert Path("other.py").read_text() == "A = 1\n"
    (trouble,) = done.troubles
    assert trouble.startswith("net.py ")


def test_what_only_leads_to_another_finding_of_its_level_is_not_made(linter):
    done = fix_files(report_of(linter, net="a = e\n"), unsafe=False)
    assert Path("net.py").read_text() == "A = e\n"
    assert not done.troubles


def test_a_file_that_has_changed_stays_as_it_is(linter):
    report = report_of(linter, net="a = 1\n", other="a = 1\n")
    Path("net.py").write_text("a = 1  # mine\n")
    done = report.fix()
    assert Path("net.py").read_text() == "a = 1  # mine\n"
    assert Path("other.py").read_text() == "A = 1\n"
    (trouble,) = done.troubles
    assert "net.py" in trouble and "changed" in trouble
    assert done.made == {"other.py": 1}


def test_a_file_that_changes_while_it_is_fixed_stays_as_it_is(linter, monkeypatch):
    report = report_of(linter, net="a = 1\n")

    def meanwhile(*arguments, changed=None, **more):
        if changed is not None:
            Path("net.py").write_text("a = 1  # mine\n")
        return linter(*arguments, changed=changed, **more)

    monkeypatch.setattr(rounds, "lint_targets", meanwhile)
    done = report.fix()
    assert Path("net.py").read_text() == "a = 1  # mine\n"
    assert done.made == {}
    assert "changed" in done.troubles[0]


def test_other_line_ends_are_no_other_text(linter):
    report = report_of(linter, net="a = 1\nx = 2\n")
    Path("net.py").write_bytes(b"a = 1\r\nx = 2\r\n")
    report.fix()
    assert Path("net.py").read_bytes() == b"A = 1\r\nx = 2\r\n"


def test_a_file_that_is_gone_is_told(linter):
    report = report_of(linter, net="a = 1\n", other="a = 1\n")
    Path("net.py").unlink()
    report = replace(report, request=replace(report.request, given=("other.py",)))
    done = report.fix()
    assert Path("other.py").read_text() == "A = 1\n"
    assert "net.py" in done.troubles[0]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_a_read_only_file_is_told_and_the_rest_is_fixed(linter):
    report = report_of(linter, net="a = 1\n", other="a = 1\n")
    Path("net.py").chmod(0o444)
    done = report.fix()
    assert Path("net.py").read_text() == "a = 1\n"
    assert Path("other.py").read_text() == "A = 1\n"
    assert done.made == {"other.py": 1}
    assert "net.py" in done.troubles[0] and "read-only" in done.troubles[0]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_mode_and_link_stay(linter, tmp_path):
    (tmp_path / "deep").mkdir()
    real = tmp_path / "deep" / "real.py"
    real.write_text("a = 1\n")
    real.chmod(0o750)
    Path("net.py").symlink_to(real)
    linter(["net.py"], Settings(), None, "-").fix()
    assert Path("net.py").is_symlink()
    assert real.read_text() == "A = 1\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o750
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["real.py"]


def test_a_fix_that_two_models_share_is_made_once(linter):
    report = report_of(linter, net="a = 1\n")
    (one,) = report.findings
    both = replace(report, findings=(one, replace(one, model="Other")))
    done = fix_files(both, unsafe=False)
    assert Path("net.py").read_text() == "A = 1\n"
    assert done.made == {"net.py": 1}


def test_what_does_another_file_harm_is_taken_back(linter):
    # Alone `main.py` may be fixed: nobody sees it.
    report = report_of(linter, net="a = u\n", main="sees = a\n")
    before = Path("net.py").stat().st_mode
    done = fix_files(report, unsafe=True)
    assert Path("net.py").read_text() == "a = u\n"
    assert Path("net.py").stat().st_mode == before
    assert Path("main.py").read_text() == "sees = A\n"
    assert done.made == {"main.py": 1}
    (trouble,) = done.troubles
    assert "net.py" in trouble and "main.py" in trouble
    assert sorted(one.rule for one in done.report.findings) == ["no-a", "no-u"]


def test_what_a_baseline_holds_back_stays_as_it_is(linter):
    report = report_of(linter, net="a = e + u\n")
    held = tuple(one for one in report.findings if one.rule in ("no-e", "no-u"))
    new = tuple(one for one in report.findings if one.rule == "no-a")
    kept = replace(report, findings=new, baseline=Baselined("base.json", len(held), held=held))
    done = fix_files(kept, unsafe=False)
    # The line that it is known by has changed.
    assert Path("net.py").read_text() == "A = e + u\n"
    assert done.made == {"net.py": 1}


def test_an_installed_package_is_left_alone(linter):
    Path("site-packages").mkdir()
    report = report_of(linter, **{"site-packages/net": "a = 1\n"})
    done = report.fix()
    assert Path("site-packages/net.py").read_text() == "a = 1\n"
    assert "installed" in done.troubles[0]


def test_standard_input_is_fixed_in_the_report(linter):
    data = b"a = 1\r\n"
    request = Request(("-",), Settings(), str(Path.cwd()), data, "net.py")
    report = replace(linted("net.py", data), request=request)
    with closing(Pools()) as pools:
        done = mend(report, unsafe=False, pools=pools)
    assert done.changed == {"net.py": b"A = 1\r\n"}
    assert not Path("net.py").exists()


def test_only_a_report_of_files_makes_fixes(linter, tmp_path):
    with pytest.raises(UsageError):
        Report().fix()
    report = report_of(linter, net="a = 1\n")
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="linted in"):
        report.fix()


TEXTS = st.lists(
    st.lists(st.sampled_from([*WORDS, "x", "y"]), min_size=1, max_size=4).map(" + ".join),
    min_size=1,
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lines=TEXTS,
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=4, max_size=4),
    unsafe=st.booleans(),
)
def test_whatever_the_fixes_the_file_runs_and_none_that_fits_is_left(linter, lines, ends, unsafe):
    text = "".join(map("".join, zip(lines, ends, strict=False)))
    report = report_of(linter, net=text)
    done = mended(report, unsafe=unsafe)
    after = done.after.get("net.py", text.encode())
    again = linted("net.py", after)
    assert not any(one.severity == "error" for one in again.findings)
    # A diff is of what would be written.
    written = fix_files(report, unsafe=unsafe)
    assert Path("net.py").read_bytes() == after
    assert sum(written.made.values()) == done.count(unsafe=unsafe).made
    left = {one.rule for one in again.findings if one.fix and (unsafe or one.fix.safe)}
    assert left <= {"no-c", "no-d", "no-e", "no-f", "no-g"}
    assert text.count("b") + text.count("a") == after.decode().count("A")
