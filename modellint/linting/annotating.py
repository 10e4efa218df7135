"""From what the lines of a run did to the source of a model with its notes, file by file."""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from modellint.graph import Graph
from modellint.graph.line_values import LineValue, LineValues, NamedTensor
from modellint.results.annotated import AnnotatedSource, Annotation, LayerPlace, LineTensor
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
        reached = lines.reached[source.path]
        ran = [one for one in functions(source.tree) if _is_reached(one.body, reached)]
        if not (values or ran):
            continue
        skipped = {span for one in ran for span in _skipped(one, reached, stop is not None)}
        stopped = stop[1] if stop is not None and stop[0] == source.path else None
        found.append(
            AnnotatedSource(
                path=shown(source.path),
                shown=tuple(_shown(source, ran, values, lines.built[source.path])),
                lines=tuple(sorted(map(_annotation, values), key=_place)),
                skipped=tuple(sorted(skipped)),
                stopped=stopped,
                reason=reason if stopped is not None else None,
                places=tuple(_places(graph, source)),
            )
        )
    if found and graph.mismatch is not None and not any(one.stopped for one in found):
        # In code of somebody else, which no line of these files called.
        found[-1] = replace(found[-1], reason=reason)
    return tuple(found)


def _places(graph: Graph, source: SourceFile) -> Iterator[LayerPlace]:
    """Where a file builds layers, and where it calls them."""
    for node in graph.nodes:
        built, call = node.construction, node.call
        if not node.is_layer:
            continue
        # Where Python tells no columns, as of code that was compiled without, there is no end.
        if built is not None and built.path == source.path and built.end_line:
            yield LayerPlace(
                node.key, True, built.line, built.column, built.end_line, built.end_column
            )
        if call is not None and call.path == source.path and call.end_column > 1:
            yield LayerPlace(
                node.key, False, call.line, call.column, call.end_line, call.end_column
            )


def _stop(graph: Graph, lines: LineValues) -> tuple[str, int] | None:
    """The line at which the forward stopped: that of the call, or the one of the files it is in."""
    if graph.mismatch is None:
        return None
    call = graph.mismatch.node.call
    if call is not None and any(call.path == source.path for source in lines.sources):
        return call.path, call.line
    return lines.stopped


def _is_reached(block: Sequence[ast.stmt], reached: Sequence[int]) -> bool:
    return _has_line((block[0].lineno, extent(block[-1])[1]), reached)


def _has_line(span: Span, lines: Sequence[int]) -> bool:
    """Whether one of the lines, which are in order, is within a span."""
    at = bisect_left(lines, span[0])
    return at < len(lines) and lines[at] <= span[1]


def _shown(
    source: SourceFile, ran: Sequence[Function], values: Sequence[LineValue], built: Sequence[int]
) -> list[Span]:
    """The functions that ran, those that built a layer of their classes, and lines with a note.

    Functions are whole, of the classes around them there is the head.
    """
    spans = [extent(one) for one in ran]
    noted = sorted({one.line for one in values if one.built})
    inside = [extent(one) for one in functions(source.tree)] if noted else []
    for line in noted:
        holding = [span for span in inside if span[0] <= line <= span[1]]
        # The outermost: a function is printed whole.
        spans.append(min(holding) if holding else _statement_at(source.tree, line))
    heads = []
    for declared in nodes_of(source.tree, ast.ClassDef):
        first, last = extent(declared)
        if any(first <= span[0] and span[1] <= last and span != (first, last) for span in spans):
            heads.append((first, max(first, declared.body[0].lineno - 1)))
            methods = [extent(one) for one in declared.body if isinstance(one, ast.FunctionDef)]
            spans += [span for span in methods if _has_line(span, built)]
    spans += [span for span in map(extent, _outside(source.tree)) if _has_line(span, built)]
    return _merged([*spans, *heads])


def _outside(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions that are written as methods and stand in no class: one may get them later."""
    for one in tree.body:
        if isinstance(one, ast.FunctionDef):
            first = [*one.args.posonlyargs, *one.args.args][:1]
            if [argument.arg for argument in first] == ["self"]:
                yield one


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
    """The same lines in spans that do not overlap, in their order.

    Neighbours stay apart: they may be in two cells of a notebook.
    """
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _skipped(function: Function, reached: Sequence[int], stopped: bool) -> Iterator[Span]:
    """The blocks of a function that did not run, where something before or around them did."""
    furthest = reached[bisect_right(reached, extent(function)[1]) - 1]
    for span in _in_block(function.body, reached):
        # What stands behind the line at which a forward failed may have been next.
        if not (stopped and span[0] > furthest):
            yield span


def _in_block(block: Sequence[ast.stmt], reached: Sequence[int]) -> Iterator[Span]:
    code = [one for one in block if has_code(one)]
    ran = [_is_reached([one], reached) for one in code]
    for statement, did in zip(code, ran, strict=True):
        if did:
            for inner in branches(statement):
                if _is_reached(inner, reached):
                    yield from _in_block(inner, reached)
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
