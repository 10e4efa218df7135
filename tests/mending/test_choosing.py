"""Which fixes are made at once: none that touch, the gravest first, what is shared once."""

from dataclasses import replace

from findings import finding
from hypothesis import given
from hypothesis import strategies as st

from modellint.fixes.edits import Edit, apart, touch
from modellint.mending.choosing import count_unsafe, offered
from modellint.results.findings import TriedFix


def fixed(line, column, end, *, safe=True, severity="warning", model="Net"):
    fix = TriedFix(safe, "x=1", (Edit(line, column, line, end, "1", "net.py"),))
    return replace(finding(line, column=column, model=model), severity=severity, fix=fix)


FIXES = st.lists(
    st.builds(
        lambda line, column, width, safe, severity: fixed(
            line, column, column + width, safe=safe, severity=severity
        ),
        st.integers(1, 3),
        st.integers(1, 8),
        st.integers(0, 4),
        st.booleans(),
        st.sampled_from(["error", "warning", "info"]),
    ),
    max_size=8,
)


@given(FIXES, st.booleans())
def test_what_is_left_out_touches_what_is_made(findings, unsafe):
    fixes = offered(findings, unsafe=unsafe)
    made = apart(fixes, lambda one: one[1].edits)
    for at, (_, fix) in enumerate(made):
        assert unsafe or fix.safe
        assert not any(touch(fix.edits, other.edits) for _, other in made[:at])
    for one in fixes:
        assert one in made or any(touch(one[1].edits, other.edits) for _, other in made)
    ranks = [["error", "warning", "info"].index(one.severity) for one, _ in fixes]
    assert ranks == sorted(ranks)
    assert count_unsafe(findings) + len(offered(findings, unsafe=False)) == len(
        offered(findings, unsafe=True)
    )


def test_what_two_models_share_is_one_fix():
    shared = [fixed(1, 5, 6, model="A"), fixed(1, 5, 6, model="B"), fixed(2, 5, 6)]
    assert [one.model for one, _ in offered(shared, unsafe=False)] == ["A", "Net"]


def test_a_finding_without_a_fix_offers_none():
    assert offered([finding(1)], unsafe=True) == []
