"""What the command line does about findings in place of reporting them: files that it writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modellint.cli.output import write
from modellint.engine.running import Pools
from modellint.report.lines import plural, printable
from modellint.report.view import View
from modellint.results.findings import Diagnostic
from modellint.results.places import place_of
from modellint.results.report import FixCount, Report
from modellint.source.paths import shown_path
from modellint.suppression.adding import add_ignores
from modellint.suppression.baseline import Baseline

#: The formats that tell what became of models.
_COMPARING = ("full", "github", "html", "json", "markdown")


def write_baseline(report: Report, path: str) -> tuple[Report, list[str]]:
    """Write the findings of a report as a baseline; give what is left to report, and a word."""
    write(Baseline.of(report, path).text(), path)
    told = f"{plural(len(report.findings), 'finding')} written to {shown_path(path)}"
    return replace(report, findings=()), [told]


def write_ignores(report: Report, reason: str) -> tuple[Report, list[str]]:
    """Write an ignore comment at each finding; give what is left to report, and some words."""
    done = add_ignores(report, reason)
    told = [
        f"{printable(path)}: {plural(count, 'ignore comment')} written"
        for path, count in sorted(done.written.items())
    ]
    told = told or ["no ignore comment written"]
    left = [f"{_place(finding)}: {why}" for finding, why in done.left]
    return replace(report, findings=tuple(finding for finding, _ in done.left)), told + left


def write_fixes(report: Report, pools: Pools, *, unsafe: bool) -> tuple[Report, list[str]]:
    """Make the fixes of a report; give what is left to report, and what could not be fixed."""
    from modellint.engine.fixing import fix_files  # Few runs write fixes.

    fixed = fix_files(report, unsafe=unsafe, pools=pools)
    return fixed.report, [*map(printable, fixed.troubles)]


def fixes_diff(report: Report, pools: Pools, view: View) -> tuple[str, FixCount, list[str]]:
    """What `write_fixes` would change as a diff, how many fixes that is, and what hinders some."""
    from modellint.engine.rounds import mend
    from modellint.mending.diffs import diff
    from modellint.mending.rewriting import texts_of

    mended = mend(report, unsafe=view.unsafe, pools=pools)
    lines = [
        line
        for path, data in sorted(mended.changed.items())
        for (name, before), after in zip(
            texts_of(path, mended.before[path]).items(), texts_of(path, data).values(), strict=True
        )
        for line in diff(printable(name), before, after)
    ]
    text = "".join(f"{_painted(line, view)}\n" for line in lines)
    return text, mended.count(unsafe=view.unsafe), [*map(printable, mended.troubles)]


def would_fix(count: FixCount) -> Iterator[str]:
    """How many fixes a diff shows, and how many more there are."""
    if count.made or count.unsafe:
        more = f", {count.unsafe} more with --unsafe-fixes" if count.unsafe else ""
        yield f"would fix {count.made}{more}"


def _painted(line: str, view: View) -> str:
    """A line of a diff; where it is coloured, and so for a reader, nothing in it acts on him."""
    if not view.color:
        return line
    text = "\t".join(map(printable, line.split("\t")))
    if line.startswith(("---", "+++")):
        return view.paint(text, bold=True)
    colors = {"-": "red", "+": "green", "@": "cyan"}
    return view.paint(text, fg=colors[line[0]]) if line[0] in colors else text


def about_baseline(report: Report) -> Iterator[str]:
    """What a baseline held back, and which of its entries no longer match."""
    if report.baseline is None:
        return
    path = printable(report.baseline.path)
    if report.baseline.known:
        yield f"{plural(report.baseline.known, 'finding')} left out: in {path}"
    for key in report.baseline.gone:
        yield f"{path}: no longer found: {printable(str(key))}"


def about_comparison(report: Report, form: str) -> Iterator[str]:
    """What a comparison came to, where the format has no place for it."""
    if report.compared is not None and form not in _COMPARING:
        from modellint.report.comparison import comparison_notes  # Few runs compare.

        yield from comparison_notes(report.compared)


def _place(finding: Diagnostic) -> str:
    return printable(place_of(finding.path, finding.line, cell=finding.cell))
