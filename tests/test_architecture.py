"""Imports run one way, and torch stays where it belongs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "modellint"
MODULES = sorted(PACKAGE.rglob("*.py"))
RULES = sorted(path for path in (ROOT / "rules").rglob("*.py") if path.name != "__init__.py")

#: Everything that a command without user code imports, and what must be importable without torch.
FRONT_END = {
    "__init__", "__main__", "_version", "accepting", "acting", "alone", "baseline", "cli",
    "command_options", "comments", "completion", "config", "output", "suppressing",
    "deaths", "engine", "errors", "frames", "launching", "limits", "listing", "paths", "pipeline",
    "plans", "plugins", "pool", "projects", "intake", "results", "rule_options", "rules",
    "running", "selection", "settings_page", "silencing", "source", "targets", "graph", "dims",
    "pytest_plugin", "pytest_models", "pytest_verdicts", "project_linter", "api",
    "discovery", "contract", "identity", "linting", "geometry", "costs", "drawing", "picture",
    "cache", "remembering", "installation", "readings", "states", "interpreters", "probing",
    "sharding", "elsewhere", "jobs", "preparing", "start", "admitted", "made", "equalities",
    "solutions", "confirming",
}  # fmt: skip
#: What no other part of the package may import: the edge that talks to the user.
EDGE = {
    "cli", "__main__", "api", "engine", "running", "pool", "alone", "launching", "listing",
    "intake", "targets", "selection", "accepting", "command_options", "config", "plans",
    "projects", "rule_options", "settings_page", "acting", "baseline", "suppressing",
    "completion", "output", "cache", "remembering", "installation", "interpreters",
    "probing", "pytest_plugin", "pytest_models", "pytest_verdicts", "project_linter",
    "sharding", "elsewhere", "preparing", "start",
}  # fmt: skip
#: The worker's side, which must run where only the standard library and torch are installed.
WORKER_SIDE = {
    "worker", "warming", "supervisor", "isolation", "hooks", "limits", "strays", "deaths",
    "failures", "pipeline", "linting", "silencing", "places", "frames", "paths", "results",
    "rules", "graph", "dims", "discovery", "loading", "building", "tracing", "inputs", "contract",
    "costs", "observing", "restoring", "lazy", "user_files", "feeds", "forwards",
    "forward_errors", "jobs", "admitted", "made", "equalities", "solutions", "confirming",
    "geometry", "source", "plugins", "errors", "readings", "states", "drawing", "picture",
}  # fmt: skip
#: Where torch's internals are used: by the tracer and what it replaces of torch's layers, by what
#: redirects construction to meta, and by what spares a worker the import of torch's compiler.
TRACING = {
    "tracing", "backend", "observing", "fx", "own_checks", "redirection", "shapes", "warming",
}  # fmt: skip
INTERNALS = {"torch.fx", "torch.overrides"}
#: Facts of a graph that rules share, and the words for them.
FACTS = {
    "admitted",
    "comments",
    "contract",
    "geometry",
    "costs",
    "flattening",
    "wording",
    "usage",
    "auxiliary",
    "written",
    "channels",
    "operations",
    "composition",
    "ranges",
    "remedies",
}
FOREIGN = {"click", "tabulate", "pathspec", "pytest"}


def imports_of(path, *, only_at_import=False):
    """The dotted names that a module imports; those of functions and TYPE_CHECKING if wanted."""
    tree = ast.parse(path.read_text("utf-8"))
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
        elif not (only_at_import and isinstance(node, ast.FunctionDef)):
            pending += ast.iter_child_nodes(node)


def own_modules(names):
    return {name.split(".")[1] for name in names if name.startswith("modellint.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_torch_stays_out_of_the_front_end(path):
    shown = path.relative_to(PACKAGE).with_suffix("").as_posix()
    if shown in FRONT_END or shown.startswith("report/"):
        names = {name.partition(".")[0] for name in imports_of(path, only_at_import=True)}
        assert "torch" not in names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_private_torch_stays_in_its_room(path):
    private = [
        name
        for name in imports_of(path)
        if name.startswith("torch.") and (name in INTERNALS or "._" in name)
    ]
    assert not private or path.stem in TRACING, f"imports {', '.join(private)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_below_imports_the_edge(path):
    name = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if name in EDGE or name == "__init__":
        return
    assert not own_modules(imports_of(path)) & EDGE


@pytest.mark.parametrize("name", sorted(WORKER_SIDE))
def test_the_worker_needs_no_package_but_torch(name):
    names = {used.partition(".")[0] for used in imports_of(PACKAGE / f"{name}.py")}
    assert not names & FOREIGN
    # `Report.render` is the front end's, though it hangs on the report.
    if name != "results":
        assert "report" not in own_modules(imports_of(PACKAGE / f"{name}.py"))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_use_what_any_plugin_may(path):
    names = list(imports_of(path))
    public = set(__import__("modellint").__all__)
    for name in names:
        head, _, rest = name.partition(".")
        assert head != "torch"
        if head == "modellint" and rest:
            first = rest.partition(".")[0]
            assert first in FACTS | public, f"{path.name} imports {name}"


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, modellint; print(sorted({'torch', 'click', 'numpy'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["--rules"], ["--explain", "even-kernel"], ["--list", "examples"]],
    ids=" ".join,
)
def test_commands_without_user_code_import_no_torch(arguments):
    code = (
        "import sys\n"
        f"sys.argv = ['modellint', *{arguments!r}]\n"
        "from modellint.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as leave:\n"
        "    assert not leave.code, leave.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)


def test_a_whole_run_keeps_torch_out_of_the_front_end():
    code = (
        "import sys\n"
        "from modellint import lint_paths\n"
        "assert lint_paths(['examples/residual.py']).ok\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_public_name_is_there():
    import modellint

    for name in modellint.__all__:
        assert getattr(modellint, name) is not None
    with pytest.raises(AttributeError):
        _ = modellint.nothing_of_the_kind
