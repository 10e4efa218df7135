"""Which model is which of another report, and which findings are new."""

from dataclasses import replace

from reports import CONV, FINDING, MODEL

from modellint.comparing.comparison import compared
from modellint.graph import Saved
from modellint.results.report import Problem, Report

SAVED = Saved({"a.weight": (3, 3), "b.weight": (4, 4), "c.weight": (5, 5)})
NET = replace(MODEL, path="net.py", name="Net", class_name="Net", status="analysed", reason=None,
              layers={"conv1": CONV}, saved=SAVED)  # fmt: skip


def since(before, after, **options):
    return compared(before, after, "then", **options)


def states(before, after):
    found = since(Report(models=tuple(before)), Report(models=tuple(after))).compared.models
    return [(one.state, one.before and one.before.name, one.after and one.after.name)
            for one in found]  # fmt: skip


def test_a_model_is_known_by_its_file_and_name():
    other = replace(NET, name="Other", class_name="Other", saved=Saved({"x": (1,)}))
    assert states([NET, other], [other, NET]) == [
        ("same", "Other", "Other"),
        ("same", "Net", "Net"),
    ]


def test_a_model_is_known_in_another_file():
    assert states([NET], [replace(NET, path="models/net.py")]) == [("changed", "Net", "Net")]


def test_of_several_files_with_one_name_that_of_the_file_counts():
    a, b = replace(NET, path="a/net.py"), replace(NET, path="b/other.py")
    moved = [replace(a, path="c/net.py"), replace(b, path="c/other.py")]
    found = since(Report(models=(a, b)), Report(models=tuple(moved))).compared.models
    assert [(one.before.path, one.after.path) for one in found] == [
        ("a/net.py", "c/net.py"),
        ("b/other.py", "c/other.py"),
    ]


def test_a_model_is_known_by_what_it_is_made_of():
    new = replace(NET, name="LeNet", class_name="LeNet")
    assert states([NET], [new]) == [("changed", "Net", "LeNet")]
    wider = replace(new, saved=Saved({**SAVED.shapes, "d.weight": (6, 6)}))
    assert states([NET], [wider]) == [("changed", "Net", "LeNet")]
    foreign = replace(new, saved=Saved({"z.weight": (9,)}))
    assert states([NET], [foreign]) == [("added", None, "LeNet"), ("removed", "Net", None)]


def test_two_models_that_save_nothing_are_not_one():
    nothing = replace(NET, saved=Saved())
    assert states([nothing], [replace(nothing, name="Z", class_name="Z")]) == [
        ("added", None, "Z"),
        ("removed", "Net", None),
    ]


def test_what_could_not_be_analysed_is_not_compared():
    lost = replace(NET, status="not-analysed", reason="needs width")
    assert states([lost], [NET]) == [("unknown", "Net", "Net")]
    assert states([NET], [lost]) == [("unknown", "Net", "Net")]


def test_models_of_a_file_that_failed_are_not_new():
    failed = Report(errors=(Problem("net.py", 1, "syntax-error", "bad"),))
    (model,) = since(failed, Report(models=(NET,))).compared.models
    assert model.state == "unknown"
    (model,) = since(Report(models=(NET,)), failed).compared.models
    assert model.state == "unknown"


def test_errors_that_were_there_do_not_fail_the_run():
    error = Problem("net.py", 1, "import-error", "no")
    known = since(Report(errors=(error,)), Report(errors=(replace(error, line=9),)))
    assert (known.exit_status, known.errors) == (0, ())
    assert known.compared.known_errors
    assert since(Report(), Report(errors=(error,))).exit_status == 1


def finding(line=1, **fields):
    return replace(FINDING, path="net.py", model="Net", layer="conv1", layers=("conv1",), line=line,
                   end_line=line, column=1, **fields)  # fmt: skip


def report(text, *found, model=NET):
    return Report(models=(model,), findings=found, texts={"net.py": text})


LINE = "class Net:\n    a = 1\n    b = 2\n    b = 2\n"


def test_a_second_finding_on_a_line_of_the_same_text_is_new():
    before = report(LINE, finding(3))
    after = report(LINE, finding(3), replace(finding(4), layer="c", layers=("c",)))
    found = since(before, after)
    assert [one.line for one in found.findings] == [4]
    assert len(found.compared.known) == 1


def test_a_finding_of_another_rule_on_that_line_is_new():
    found = since(report(LINE, finding(3)), report(LINE, finding(3, rule="even-kernel")))
    assert [one.rule for one in found.findings] == ["even-kernel"]
    assert [one.rule for one in found.compared.gone] == [FINDING.rule]


def test_a_finding_that_a_further_model_shares_is_known():
    other = replace(NET, name="Wide", class_name="Wide", saved=Saved({"x": (1,)}))
    after = Report(
        models=(NET, other),
        findings=(finding(2), replace(finding(2), model="Wide")),
        texts={"net.py": LINE},
    )
    assert since(report(LINE, finding(2)), after).findings == ()


def test_a_line_that_was_edited_keeps_what_was_found_in_its_layer():
    edited = LINE.replace("a = 1", "a = 11")
    found = since(report(LINE, finding(2)), report(edited, finding(2)))
    assert (found.findings, found.compared.gone) == ((), ())
    elsewhere = replace(finding(2), layer="fc", layers=("fc",))
    assert since(report(LINE, finding(2)), report(edited, elsewhere)).findings == (elsewhere,)


def test_files_that_nobody_asked_for_have_no_models_that_are_gone():
    old = replace(NET, path="old.py", name="Old", class_name="Old", saved=Saved({"q": (1,)}))
    before = Report(models=(NET, old), findings=(replace(finding(2), path="old.py", model="Old"),))
    after = Report(models=(NET,))
    assert [one.state for one in since(before, after).compared.models] == ["same", "removed"]
    found = since(before, after, borrowed={"old.py"}).compared
    assert [one.state for one in found.models] == ["same"]
    assert found.gone == ()
