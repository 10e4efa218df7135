"""The models of a file, with what its project's other files show of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from modellint.discovery.candidates import NOTHING_RUNS, Candidate, discover
from modellint.discovery.stated_builds import build_comments
from modellint.programs.evidence import Seen, seen_in_project
from modellint.source.file import SourceFile, deep_trees


def discover_in_project(
    source: SourceFile,
    programs: Sequence[str],
    root: str,
    shown: Callable[[str], str],
    consulted: set[str] | None = None,
) -> tuple[Candidate, ...]:
    """Find the models of a file in file order, built and fed as the project does.

    `programs` are the other files that may do so, the likeliest first; `root` is the project's
    folder, and `shown` turns a path into what reports print. Nothing of them runs. The files and
    folders that were looked for are added to `consulted`.
    """
    candidates = discover(source)
    stated = build_comments(source)
    asking = {_callee(one) for one in candidates if _asks(one)} - stated.keys()
    if not asking:
        return candidates
    with deep_trees():
        every = [source.path, *programs]
        seen = seen_in_project(source, asking, every, root, shown, consulted)
    return tuple(
        _with(one, seen[_callee(one)]) if _asks(one) and _callee(one) in seen else one
        for one in candidates
    )


def _callee(candidate: Candidate) -> str:
    """What is called to build a candidate: its class, or the function that makes it."""
    return candidate.name if candidate.kind == "factory" else candidate.class_name


def _asks(candidate: Candidate) -> bool:
    """Whether a file leaves open how a model of it is built or fed."""
    if candidate.kind == "instance" or candidate.skip is not None or candidate.part_of is not None:
        return False
    if candidate.missing == NOTHING_RUNS:
        return False
    return not _is_shown(candidate) or not candidate.inputs


def _is_shown(candidate: Candidate) -> bool:
    """Whether the file itself builds what is called, or somebody states how it is built."""
    return any(hint.built is not None for hint in candidate.inputs) or any(
        call.node is not None or call.text is not None or call.origin.startswith("class method")
        for call in candidate.calls
    )


def _with(candidate: Candidate, seen: Seen) -> Candidate:
    if _is_shown(candidate):
        return replace(candidate, inputs=(*candidate.inputs, *seen.hints))
    told = bool(candidate.calls) and not all(call.assumed for call in candidate.calls)
    if seen.inside is not None and not told and not (seen.loosely and candidate.calls):
        return replace(candidate, part_of=seen.inside)
    if seen.calls:
        known = {str(call): call for call in candidate.calls}
        found = [known.get(str(call), call) for call in seen.calls]
        certain = [call for call in found if not call.assumed]
        assumed = [call for call in found if call.assumed]
        calls = (*certain, *candidate.calls, *assumed) if told else (*seen.calls, *candidate.calls)
        inputs = (*candidate.inputs, *seen.hints)
        return replace(candidate, calls=(*dict.fromkeys(calls),), inputs=inputs, missing=None)
    if candidate.missing is not None and seen.missing is not None:
        return replace(candidate, missing=f"{seen.missing}: {candidate.missing}")
    return candidate
