"""From what the lines of a run did to the source of a model with its notes, file by file."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from modellint.graph import Graph
from modellint.graph.line_values import LineValue, LineValues, NamedTensor
from modellint.results.annotated import AnnotatedSource, Annotation, LineTensor
from modellint.source.file import SourceFile
from modellint.source.statements import Function, branches, extent, functions, has_code
from modellint.source.walking import nodes_of

Span = tuple[int, int]


def annotated(
    graph: Graph, shown: Callable[[str], str], reason: str | None = None
) -> tuple[AnnotatedSource, ...]:
    """The files of a model that have something to tell, in which its lines were watched.

    `shown` turns an absolute path into what is printed; `reason` is what is said of a forward that
    stopped, at its line.
    """
    lines = graph.lines
    if lines is None:
        return ()
    stop = _stop(graph, lines)
    found = []
    for source in lines.sources:
        values = [one for one in lines.values if one.path == source.path]
        ran = [one for one in functions(source.tree) if _is_reached(one.body, lines, source)]
        stopped = stop[1] if stop is not None and stop[0] == source.path else None
        if not (values or ran):
            continue
        found.append(
            AnnotatedSource(
                path=shown(source.path),
                shown=tuple(_shown(graph, source, ran, values)),
                lines=tuple(sorted(map(_annotation, values), key=_place)),
                skipped=tuple(
                    sorted(
                        {
                            span
                            for function in ran
                            for span in _skipped(function, lines, source, stop is not None)
                        }
                    )
                ),
                stopped=stopped,
                reason=reason if stopped is not None else None,
            )
        )
    return tuple(found)


def _stop(graph: Graph, lines: LineValues) -> tuple[str, int] | None:
    """The line at which the forward stopped: that of the call, or the one of the files it is in."""
    if graph.mismatch is None:
        return None
    call = graph.mismatch.node.call
    if call is not None and any(call.path == source.path for source in lines.sources):
        return call.path, call.line
    return lines.stopped


def _is_reached(block: Sequence[ast.stmt], lines: LineValues, source: SourceFile) -> bool:
    first, last = block[0].lineno, extent(block[-1])[1]
    reached = lines.reached[source.path]
    return any(line in reached for line in range(first, last + 1))


def _shown(
    graph: Graph, source: SourceFile, ran: Sequence[Function], values: Sequence[LineValue]
) -> list[Span]:
    """The functions that ran or built a layer, and the heads of the classes around them."""
    built = {one.line for one in values if one.built}
    for module in graph.modules.values():
        site = module.construction
        if site is not None and site.path == source.path:
            built.add(site.line)
    spans = [extent(one) for one in ran]
    inside = [extent(one) for one in functions(source.tree)]
    for line in sorted(built):
        holding = [span for span in inside if span[0] <= line <= span[1]]
        # The outermost: a function is printed whole.
        spans.append(min(holding) if holding else _statement_at(source.tree, line))
    for declared in nodes_of(source.tree, ast.ClassDef):
        first, last = extent(declared)
        if any(first <= span[0] and span[1] <= last and span != (first, last) for span in spans):
            spans.append((first, max(first, declared.body[0].lineno - 1)))
    return _merged(spans)


def _statement_at(tree: ast.Module, line: int) -> Span:
    """The extent of the innermost statement at a line that has no blocks, else the line."""
    level: list[ast.stmt] = tree.body
    while level:
        found = next((one for one in level if extent(one)[0] <= line <= extent(one)[1]), None)
        if found is None:
            break
        below = [inner for block in branches(found) for inner in block]
        if isinstance(found, ast.ClassDef):
            below = found.body
        if not below:
            return extent(found)
        level = below
    return line, line


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The same lines in as few spans, in their order."""
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _skipped(
    function: Function, lines: LineValues, source: SourceFile, stopped: bool
) -> Iterator[Span]:
    """The blocks of a function that did not run, where something before or around them did."""
    reached = lines.reached[source.path]
    first, end = function.body[0].lineno, extent(function)[1]
    furthest = max(line for line in reached if first <= line <= end)
    for span in _in_block(function.body, lines, source):
        # What stands behind the line at which a forward failed may have been next.
        if not (stopped and span[0] > furthest):
            yield span


def _in_block(block: Sequence[ast.stmt], lines: LineValues, source: SourceFile) -> Iterator[Span]:
    code = [one for one in block if has_code(one)]
    ran = [_is_reached([one], lines, source) for one in code]
    for statement, reached in zip(code, ran, strict=True):
        if reached:
            for inner in branches(statement):
                if _is_reached(inner, lines, source):
                    yield from _in_block(inner, lines, source)
                elif not all(isinstance(one, ast.Raise) or not has_code(one) for one in inner):
                    yield inner[0].lineno, extent(inner[-1])[1]
    # What is left of a block behind a return.
    rest = len(ran) - ran[::-1].index(True) if True in ran else len(ran)
    left = [one for one in code[rest:] if not isinstance(one, (ast.FunctionDef, ast.ClassDef))]
    if left and not all(isinstance(one, ast.Raise) for one in left):
        yield extent(left[0])[0], extent(left[-1])[1]


def _annotation(value: LineValue) -> Annotation:
    first, last = map(_line_tensors, (value.first, value.last))
    return Annotation(
        value.line, value.end_line, value.count, first, last, value.between, value.built
    )


def _line_tensors(tensors: Sequence[NamedTensor]) -> tuple[LineTensor, ...]:
    return tuple(
        LineTensor(one.name, one.tensor.symbolic, one.tensor.example, one.tensor.dtype)
        for one in tensors
    )


def _place(one: Annotation) -> tuple[int, int]:
    return one.end_line, one.line
