"""The walk-through of docs/writing-a-rule.md does what it says."""

import re
import runpy
import shlex
import tomllib

import pytest
from command import modellint
from documents import DOCS

from modellint.linting.plugins import GROUP, load_rules

PAGE = (DOCS / "writing-a-rule.md").read_text("utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A folder with the files of the page."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_shown_output_is_the_real_one(project):
    (shown,) = re.findall(r"<!-- command and output -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    command, _, output = shown.partition("\n")
    program, *arguments = shlex.split(command.removeprefix("$ "))
    assert program == "modellint"
    assert modellint(*arguments, cwd=project).stdout == output


def test_the_rule_is_like_any_other(project):
    assert "huge-kernel" in modellint("--rules", cwd=project).stdout
    assert "larger than we want" in modellint("--explain", "huge-kernel", cwd=project).stdout
    assert modellint("net.py", "--ignore", "huge-kernel", cwd=project).returncode == 0
    option = next(
        text for text in re.findall(r"```toml\n(.*?)```", PAGE, re.S) if "largest" in text
    )
    (project / "modellint.toml").write_text(FILES["modellint.toml"] + option, "utf-8")
    assert modellint("net.py", cwd=project).returncode == 0


def test_the_examples_run_as_the_page_runs_them():
    # The module's test is called as pytest would, once a case.
    test = runpy.run_path("test_rules.py")["test_example"]
    (mark,) = test.pytestmark
    assert [str(case) for case in mark.args[1]] == ["wide-layer flags 1", "wide-layer allows 1"]
    for case in mark.args[1]:
        test(case)


def test_the_whole_file_is_the_one_that_is_shown():
    rule = load_rules(["rules/"], installed=False)["wide-layer"]
    (shown,) = re.findall(r"<!-- whole file -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert rule.allowed[0].source == shown


def test_the_template_has_all_parts_of_a_page():
    rule = load_rules(["rules/"], installed=False)["wide-layer"]
    for part in ("Why it matters", "When it is fine", "Options"):
        assert f"**{part}.**" in rule.page


def test_the_entry_point_is_of_the_group_that_is_searched():
    (text,) = re.findall(r"<!-- entry point -->\n```toml\n(.*?)```", PAGE, re.DOTALL)
    assert list(tomllib.loads(text)["project"]["entry-points"]) == [GROUP]


def test_a_rule_that_raises_is_named_and_the_others_go_on(project):
    (project / "rules" / "broken.py").write_text(
        FILES["rules/huge_kernel.py"]
        .replace("huge_kernel", "broken_rule")
        .replace("yield", "1 / 0; yield"),
        "utf-8",
    )
    run = modellint("net.py", "--format", "concise", cwd=project)
    assert run.returncode == 2
    assert "plugin-error" in run.stdout
    assert "broken-rule" in run.stdout
    assert "broken.py, line 10" in run.stdout
    assert "warning[huge-kernel]" in run.stdout


def test_a_plugin_that_does_not_load_ends_the_run(project):
    (project / "rules" / "broken.py").write_text("import no_such_package", "utf-8")
    run = modellint("net.py", cwd=project)
    assert (run.returncode, run.stdout) == (2, "")
    assert "rules" in run.stderr
    assert "no_such_package" in run.stderr


def test_two_rules_of_one_name_end_the_run(project):
    (project / "rules" / "again.py").write_text(FILES["rules/huge_kernel.py"], "utf-8")
    run = modellint("net.py", cwd=project)
    assert run.returncode == 2
    assert "again.py" in run.stderr
    assert "huge_kernel.py" in run.stderr
