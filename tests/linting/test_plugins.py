"""Rules are found in distributions, files and folders, and what goes wrong is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import modellint
from modellint.errors import PluginError
from modellint.linting.plugins import installed_plugins, load_rules, rules_of

HEADLINES = {
    "edge-losing-padding",
    "even-kernel",
    "over-padding",
    "parameter-heavy-linear",
    "pointwise-padding",
    "shape-mismatch",
}


def rule_file(path: Path, name: str, before: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        dedent(before)
        + dedent(
            f'''
            from modellint import rule

            @rule("advice", aliases=["{name.replace("_", "-")}-too"])
            def {name}(graph, *, limit: int = 3):
                """Says nothing."""
                yield from ()
            '''
        )
    )
    return path


def distribution(folder: Path, name: str, module: str) -> None:
    """An installed distribution as importlib.metadata sees one, with one entry point."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[modellint.rules]\n{name} = {module}\n")


def test_the_built_in_rules_are_a_plugin_like_any_other() -> None:
    rules = load_rules()
    assert set(rules) >= HEADLINES
    assert list(rules) == sorted(rules)
    assert rules.loaded["even-kernel"].origin == "modellint"
    assert Path(rules.loaded["even-kernel"].path).name == "even_kernel.py"


def test_a_file_and_a_folder_are_plugins(tmp_path: Path) -> None:
    single = rule_file(tmp_path / "json.py", "alone")
    rule_file(tmp_path / "rules" / "one.py", "first", before="from .two import second\n")
    rule_file(tmp_path / "rules" / "two.py", "second")
    rule_file(tmp_path / "rules" / "deeper" / "__init__.py", "third")
    rules = load_rules([single, tmp_path / "rules"])
    assert {"alone", "first", "second", "third"} | HEADLINES <= set(rules)
    assert Path(rules.loaded["second"].path).name == "two.py"
    assert rules["first"].options == {"limit": 3}


def test_an_installed_distribution_brings_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path, "strict-nets", "strict_nets_one")
    rule_file(tmp_path / "strict_nets_one.py", "thin_nets")
    monkeypatch.syspath_prepend(str(tmp_path))
    rules = load_rules()
    assert rules.loaded["thin-nets"].origin == "strict-nets"


def test_a_distribution_that_does_not_import_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path, "broken-nets", "broken_nets")
    rule_file(tmp_path / "broken_nets.py", "any_nets", before="import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match=r"broken-nets .*no_such_package") as raised:
        load_rules()
    assert isinstance(raised.value.__cause__, ImportError)


def test_two_rules_of_one_name_are_an_error_that_names_both(tmp_path: Path) -> None:
    first = rule_file(tmp_path / "first.py", "same_name")
    second = rule_file(tmp_path / "second.py", "same_name")
    with pytest.raises(PluginError) as raised:
        load_rules([first, second])
    assert str(first) in str(raised.value)
    assert str(second) in str(raised.value)


def test_an_alias_must_not_be_another_rules_name(tmp_path: Path) -> None:
    first = rule_file(tmp_path / "first.py", "thing")
    second = rule_file(tmp_path / "second.py", "thing_too")
    with pytest.raises(PluginError, match="thing-too"):
        load_rules([first, second])


@pytest.mark.parametrize("content", ["import no_such_package", "raise SystemExit(3)", "def ("])
def test_a_file_that_does_not_load_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(PluginError, match=r"mine\.py"):
        load_rules([path])


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="nowhere"):
        load_rules([tmp_path / "nowhere"])


def test_a_file_given_twice_is_one_plugin(tmp_path: Path) -> None:
    path = rule_file(tmp_path / "mine.py", "mine")
    assert "mine" in load_rules([path, str(path), path])


def test_the_same_rules_load_where_no_distribution_is_installed() -> None:
    rules = load_rules()
    # Without site-packages there is nothing but the standard library.
    code = (
        f"import sys; sys.path.append({str(Path(modellint.__file__).parent.parent)!r})\n"
        "from modellint.linting.plugins import Plugin, rules_of\n"
        f"print(*rules_of({installed_plugins()!r}))\n"
        "assert 'torch' not in sys.modules"
    )
    run = [sys.executable, "-I", "-S", "-c", code]
    found = subprocess.run(run, capture_output=True, text=True, check=True)
    assert found.stdout.split() == list(rules)


def test_an_installed_plugin_is_handed_over_under_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path, "wide-nets", "wide_nets.rules")
    (tmp_path / "wide_nets").mkdir()
    (tmp_path / "wide_nets" / "widths.py").write_text("LIMIT = 3\n")
    imports = "from wide_nets.widths import LIMIT\n"
    rule_file(tmp_path / "wide_nets" / "rules.py", "wide_nets", before=imports)
    monkeypatch.syspath_prepend(str(tmp_path))
    plugin = next(one for one in installed_plugins() if one.distribution == "wide-nets")
    # As in an interpreter that has no such distribution.
    monkeypatch.undo()
    for name in [name for name in sys.modules if name.partition(".")[0] == "wide_nets"]:
        monkeypatch.delitem(sys.modules, name)
    loaded = rules_of([plugin]).loaded["wide-nets"]
    assert loaded.origin == "wide-nets"
    assert Path(loaded.path) == tmp_path / "wide_nets" / "rules.py"
