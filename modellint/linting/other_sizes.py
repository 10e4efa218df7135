"""Which findings fall away where an input or an argument that was only assumed is another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from modellint.graph import Graph
from modellint.rules import SEVERITIES, Finding, Rule, Severity, Skip

#: Sides to try, those of data sets, and how many of them.
_SIDES = (128, 256, 64, 32, 96, 512)
_ENOUGH = 2

Found = tuple[Rule, Finding]


def falling_away(
    graph: Graph,
    found: list[Found],
    options: Mapping[str, Mapping[str, Any]],
    severity: Callable[[Rule, Finding], Severity],
) -> frozenset[int]:
    """The places of those findings that the model has at the assumed size and not at another.

    Remarks, and what a rule itself says of the example's size alone, are not asked about.
    """
    asked = {
        at: (rule, finding)
        for at, (rule, finding) in enumerate(found)
        if not finding.assumes_size and SEVERITIES.index(severity(rule, finding)) < _REMARK
    }
    if not asked or not graph.guessed or graph.mismatch is not None:
        return frozenset()
    if _may_be_a_tuple(graph):
        return frozenset(asked)
    return _gone(asked, _elsewhere(graph), options)


def _may_be_a_tuple(graph: Graph) -> bool:
    """Whether an input that nobody said anything of is taken apart by numbers: `x[0]`, `x[1]`."""
    assumed = [
        given.node for given in graph.inputs if given.origins and given.origins.rank == "assumed"
    ]
    for node in graph.calls("getitem"):
        index = node.arguments.get("index")
        first = index[0] if isinstance(index, tuple) and index else index
        if type(first) is int and any(node.inputs[0] is given for given in assumed):
            return True
    return False


def falling_away_elsewhere(
    others: Callable[[], Iterable[Graph]],
    found: list[Found],
    options: Mapping[str, Mapping[str, Any]],
    severity: Callable[[Rule, Finding], Severity],
) -> frozenset[int]:
    """The places of those findings that one of other graphs of the model does not have."""
    asked = {
        at: (rule, finding)
        for at, (rule, finding) in enumerate(found)
        if SEVERITIES.index(severity(rule, finding)) < _REMARK
    }
    return _gone(asked, others(), options) if asked else frozenset()


def _gone(
    asked: Mapping[int, Found], others: Iterable[Graph], options: Mapping[str, Mapping[str, Any]]
) -> frozenset[int]:
    gone: set[int] = set()
    for other in others:
        rules = {rule.name: rule for rule, _ in asked.values()}
        keys = {name: _found_at(rule, other, options.get(name, {})) for name, rule in rules.items()}
        gone |= {at for at, (rule, one) in asked.items() if one.call.key not in keys[rule.name]}
    return frozenset(gone)


def _found_at(rule: Rule, graph: Graph, options: Mapping[str, Any]) -> frozenset[str]:
    """The keys of what a rule finds; nothing where it raises, so that nothing rests on it."""
    try:
        verdicts = list(rule(graph, **options))
    except Exception:  # A plugin may raise anything, and the model itself was fine with it.
        return frozenset()
    return frozenset(one.call.key for one in verdicts if not isinstance(one, Skip))


_REMARK = SEVERITIES.index("info")


def _elsewhere(graph: Graph) -> Iterator[Graph]:
    """The model at other sizes that it takes."""
    free = {name for name in graph.symbols if name.rstrip("0123456789") in ("D", "H", "W", "L")}
    if graph.rerun is None or not free:
        return
    made = 0
    for side in _SIDES:
        sizes = {**graph.symbols, **dict.fromkeys(free, side)}
        if sizes == graph.symbols or not all(c.holds(sizes) for c in graph.constraints):
            continue
        other = graph.rerun(dict.fromkeys(free, side))
        if other is not None and other.mismatch is None:
            yield other
            made += 1
        if made == _ENOUGH:
            return
