"""The command line: options in, a report and an exit status out."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import closing
from typing import Any, NoReturn

import click

from modellint.cli.completion import rule_names, rules_and_categories
from modellint.cli.given import with_modules, with_taken
from modellint.cli.modes import WITH_TRAINING, check_modes, sizes_of
from modellint.cli.options import (
    acceptance_options,
    configuration_options,
    fix_options,
    level_options,
    process_options,
    shape_options,
)
from modellint.cli.output import has_links, terminal_width, wants_color, write, write_bytes
from modellint.cli.progress import Bar, wants_bar
from modellint.cli.remarks import noted, remarks, tell_crashes
from modellint.cli.streams import discard_output, prepare_streams
from modellint.cli.writing import (
    about_baseline,
    about_comparison,
    fixes_diff,
    would_fix,
    write_baseline,
    write_fixes,
    write_ignores,
)
from modellint.config.plans import Plans
from modellint.config.selection import find_rule
from modellint.config.settings import ALL_TRIALS, TRIALS, Settings
from modellint.config.targets import unusable
from modellint.engine.engine import lint_targets, list_models, plans_of, warm, watched_files
from modellint.engine.running import Pools
from modellint.errors import PluginError, UsageError, WorkerError
from modellint.report import FORMATS, View, render
from modellint.report.lines import printable
from modellint.report.rules_page import rule_page, rules_table
from modellint.results.error_kinds import KINDS, kind_page
from modellint.results.report import OWN_FAULTS, Report
from modellint.rules import SEVERITIES

#: As a shell reports a program that SIGINT ended.
_INTERRUPTED = 130
_WRONG_USAGE = 2


def _names(_context: click.Context, _option: click.Parameter, value: Any) -> tuple[str, ...]:
    """Split what may be repeated and separated by commas."""
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(name.strip() for part in parts for name in part.split(",") if name.strip())


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("targets", nargs=-1, metavar="TARGET...", type=click.Path(readable=False))
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="SPEC",
    help="Input shape, such as 1,3,32,32 or N,3,H,W or tokens=N,T:int64; repeat for several.",
)
@click.option(
    "--select",
    multiple=True,
    shell_complete=rules_and_categories,
    metavar="NAMES",
    callback=_names,
    help="Rules and categories that are on, separated by commas; also: all, default (the default).",
)
@click.option(
    "--ignore",
    multiple=True,
    shell_complete=rules_and_categories,
    metavar="NAMES",
    callback=_names,
    help="Rules and categories that are off.",
)
@click.option(
    "--extend-select",
    multiple=True,
    shell_complete=rules_and_categories,
    metavar="NAMES",
    callback=_names,
    help="Rules and categories that are on besides.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="full",
    show_default=True,
    help="How the report is written.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write the report there.",
)
@shape_options
@click.option(
    "--contract",
    is_flag=True,
    help="Also print the input sizes that each model accepts, tried by running it on shapes.",
)
@click.option(
    "--fail-level",
    type=click.Choice([*SEVERITIES, "never"]),
    show_default="warning",
    help="The lowest severity that fails the run.",
)
@click.option("--strict", is_flag=True, help="What could not be analysed fails the run.")
@level_options
@click.option("--statistics", is_flag=True, help="Also print how many findings each rule has.")
@configuration_options
@acceptance_options
@fix_options
@click.option("--rules", "show_rules", is_flag=True, help="List the rules.")
@click.option(
    "--explain",
    metavar="RULE",
    shell_complete=rule_names,
    help="Print the page of a rule or an error.",
)
@click.option(
    "--list",
    "show_list",
    is_flag=True,
    help="List the models and how each would be built and fed; runs no code of theirs.",
)
@click.option("--stdin-filename", metavar="FILE", help="What to call standard input (TARGET -).")
@process_options
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Whether to colour the report.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print findings and errors, no counts.")
@click.option("-v", "--verbose", is_flag=True, help="Print notes, times and what the models print.")
@click.option(
    "--version", "show_version", is_flag=True, help="Print the version; with -v, of all involved."
)
def command(targets: tuple[str, ...], **options: Any) -> int:
    """Lint the architecture of PyTorch models.

    TARGET is a .py file or a notebook, a directory, a selector such as file.py::Net, a module such
    as torchvision.models:resnet18, or - for standard input.
    The models are built and traced without memory for their weights, in a process of their own:
    modellint runs your file as pytest would.

    \b
    Exit status: 0 no finding at the fail level; 1 findings, or a file that fails;
    2 wrong usage, a plugin that does not load, or an internal error.
    """
    # What only one way of using it needs is imported there: a run over an unchanged file is short.
    if options["show_version"]:
        from modellint.cli.version_page import VERSION, version_page

        page = version_page(_settings(options)) if options["verbose"] else f"{VERSION}\n"
        write(page, None)
        return 0
    view = _view(options)
    targets = with_taken(targets, options)
    settings = _settings(options)
    check_modes(options, targets)
    targets = with_modules(targets, settings, options)
    if options["explain"] in KINDS:
        write(kind_page(options["explain"]), options["output"])
        return 0
    if options["explain"]:
        rule = find_rule(Plans(settings, loaded=False).here.rules, options["explain"])
        write(rule_page(rule, view), options["output"])
        return 0
    if options["show_rules"]:
        rules = Plans(settings, loaded=False).here.rules.values()
        write(rules_table(rules, view), options["output"])
        return 0
    if options["show_settings"]:
        from modellint.cli.settings_page import settings_page

        plans = plans_of(targets or ["."], settings, options["stdin_filename"] or "-")
        write(settings_page(plans), options["output"])
        return 0
    stdin, stdin_name = _stdin(targets, options)
    if options["show_list"]:
        from modellint.cli.listing import list_page

        report, models = list_models(targets, settings, stdin, stdin_name)
        write(list_page(models, report, view), options["output"])
        return report.exit_status
    with closing(Pools()) as pools:

        def lint(read: set[str] | None = None) -> int:
            status = _lint(targets, settings, options, view, stdin, stdin_name, pools, read)
            if options["watch"]:  # The next run has a file to lint, if this one had none.
                warm(targets, settings, pools)
            return status

        if not options["watch"]:
            return lint()
        if stdin is not None:
            raise UsageError("--watch looks at files: TARGET - is none")
        from modellint.cli.watching import watch

        return watch(lint, lambda: watched_files(targets, settings), quiet=view.quiet)


def main() -> NoReturn:
    """Run the command line and leave with its exit status."""
    prepare_streams()
    try:
        _stand_somewhere()
        status = command.main(standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as leave:
        status = leave.exit_code
    except click.ClickException as error:
        error.show()
        click.echo(_hint(error), nl=bool(_hint(error)), err=True)
        status = _WRONG_USAGE
    except (click.Abort, KeyboardInterrupt):
        status = _INTERRUPTED
    except (UsageError, PluginError, WorkerError) as error:
        click.echo(f"modellint: {printable(str(error))}", err=True)
        status = _WRONG_USAGE
    except BrokenPipeError:  # The reader, `head` say, has seen enough.
        discard_output()
        status = 1
    except Exception:  # The edge of the tool: 1 would say that the files have findings.
        traceback.print_exc()
        click.echo("modellint: internal error: the traceback above is worth a report", err=True)
        status = 2
    sys.exit(status)


def _stand_somewhere() -> None:
    """Raise `UsageError` in a folder that was deleted, as nothing there can be named."""
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError as error:
        raise UsageError("the current folder does not exist any more: change to another") from error


def _view(options: dict[str, Any]) -> View:
    color = wants_color(options["color"], options["output"], os.environ)
    width = terminal_width(options["output"], os.environ)
    return View(
        color=color,
        width=width,
        links=color and width is not None and has_links(os.environ),
        traceback=options["verbose"],
        layers=options["layers"],
        depth=options["depth"],
        contract=options["contract"],
        statistics=options["statistics"],
        quiet=options["quiet"],
        unsafe=options["unsafe_fixes"],
        annotated=options["annotate"],
        sizes=sizes_of(options),
    )


def _settings(options: dict[str, Any]) -> Settings:
    return Settings(
        inputs=options["inputs"],
        select=options["select"] or None,
        ignore=options["ignore"],
        extend_select=options["extend_select"],
        config=options["config"],
        isolated=options["isolated"],
        timeout=options["timeout"],
        memory=options["memory"],
        jobs=options["jobs"],
        fail_level=options["fail_level"],
        strict=options["strict"],
        min_severity=options["min_severity"],
        max_warnings=options["max_warnings"],
        exclude=options["exclude"],
        verbose=options["verbose"],
        confirmed=options["contract"],
        pictured=options["format_"] == "html",
        training=options["layers"] or options["format_"] in WITH_TRAINING,
        annotated=options["annotate"] or options["format_"] == "html",
        baseline=options["baseline"],
        compare=options["compare"],
        shard=options["shard"],
        cache=not options["no_cache"],
        cache_dir=options["cache_dir"] or None,
        python=options["python"],
        trials=ALL_TRIALS if options["fix"] or options["diff"] else TRIALS,
    )


def _lint(
    targets: tuple[str, ...],
    settings: Settings,
    options: dict[str, Any],
    view: View,
    stdin: bytes | None,
    name: str,
    pools: Pools,
    read: set[str] | None,
) -> int:
    started = time.perf_counter()
    problems = [problem for problem in map(unusable, targets) if problem is not None]
    usable = [target for target in targets if unusable(target) is None]
    report = _with_bar(usable, settings, stdin, name, pools, read, quiet=view.quiet)
    for problem in problems:
        click.echo(f"modellint: {printable(problem)}", err=True)
    if not usable:
        return _WRONG_USAGE
    if options["diff"]:
        return max(_show_diff(report, options, view, pools), _WRONG_USAGE * bool(problems))
    report, words, troubles = _acted_on(report, options, view, pools)
    acted = options["write_baseline"] is not None or options["add_ignore"] is not None
    # What the fixes make of standard input goes to standard output, whatever came of it.
    aside = options["fix"] and "-" in targets
    if aside:
        write_bytes(report.request.stdin)
    if not acted or report.findings or report.errors:
        write(render(report, options["format_"], view), options["output"], aside=aside)
    for line in (*report.warnings, *words) if not view.quiet else ():
        click.echo(f"modellint: {line}", err=True)
    for line in troubles:
        click.echo(f"modellint: {line}", err=True)
    if not report.models and not report.errors and not view.quiet:
        part = f"part {settings.shard} of " if settings.shard is not None else ""
        click.echo(f"modellint: no model found in {part}these targets", err=True)
        for note in report.notes if not options["verbose"] else ():
            click.echo(noted(note), err=True)
    if report.too_many:
        counted = f"{report.told('warning')} warnings, more than --max-warnings"
        click.echo(f"modellint: {counted} {report.max_warnings}", err=True)
    if any(problem.kind in OWN_FAULTS for problem in report.errors):
        click.echo("modellint: a rule or modellint itself failed; the report says where", err=True)
        if not options["verbose"]:
            tell_crashes(report)
    if options["verbose"]:
        for line in remarks(report):
            click.echo(line, err=True)
        click.echo(f"{time.perf_counter() - started:.1f} s", err=True)
    return _WRONG_USAGE if problems else max(report.exit_status, int(bool(troubles)))


def _acted_on(
    report: Report, options: dict[str, Any], view: View, pools: Pools
) -> tuple[Report, list[str], list[str]]:
    """What is left to report after files were written, what to tell of them, and what failed."""
    if options["write_baseline"] is not None:
        return *write_baseline(report, options["write_baseline"]), []
    if options["add_ignore"] is not None:
        return *write_ignores(report, options["add_ignore"]), []
    troubles: list[str] = []
    if options["fix"]:
        report, troubles = write_fixes(report, pools, unsafe=view.unsafe)
    words = [*about_baseline(report), *about_comparison(report, options["format_"])]
    return report, words, troubles


def _show_diff(report: Report, options: dict[str, Any], view: View, pools: Pools) -> int:
    """Print what the fixes would change, and nothing else on stdout; the run's exit status."""
    text, count, troubles = fixes_diff(report, pools, view)
    write(text, options["output"])
    told = [printable(f"{one.place}: {one.message}") for one in report.errors]
    words = [*report.warnings, *would_fix(count)] if not view.quiet else []
    for line in (*told, *troubles, *words):
        click.echo(f"modellint: {line}", err=True)
    if report.errors:
        return report.exit_status
    return int(bool(text or troubles))


def _with_bar(
    usable: Sequence[str],
    settings: Settings,
    stdin: bytes | None,
    name: str,
    pools: Pools,
    read: set[str] | None,
    *,
    quiet: bool,
) -> Report:
    """The report of a run, with a bar on the terminal while it goes on."""
    bar = Bar(sys.stderr) if wants_bar(quiet=quiet) else None
    try:
        if settings.compare is not None and usable:
            from modellint.engine.compare import lint_compared  # Few runs compare.

            return lint_compared(usable, settings, bar, pools)
        return lint_targets(usable, settings, stdin, name, bar, pools, read=read)
    finally:
        if bar is not None:
            bar.clear()


def _stdin(targets: tuple[str, ...], options: dict[str, Any]) -> tuple[bytes | None, str]:
    if not targets:
        raise UsageError(
            "nothing to lint: name a file or a directory, such as `modellint model.py` or "
            "`modellint .` (--help lists the options)"
        )
    if "-" not in targets:
        return None, "-"
    if not options["stdin_filename"]:
        raise UsageError("TARGET - needs --stdin-filename, the name that findings are reported at")
    return sys.stdin.buffer.read(), options["stdin_filename"]


def _hint(error: click.ClickException) -> str:
    """What to do about a file whose name looks like an option."""
    dashed = any(one.startswith("-") and os.path.isfile(one) for one in sys.argv[1:])  # noqa: PTH113
    if isinstance(error, click.NoSuchOption) and dashed:
        return "modellint: a file whose name begins with - goes after --"
    return ""
