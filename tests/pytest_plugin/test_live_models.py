"""The fixture `modellint`: live models are linted as the configuration of the test's file says."""

import pytest
import torch
from torch import nn

from modellint.errors import UsageError
from modellint.pytest_plugin.fixture import ProjectLinter


class Even(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, padding=1)

    def forward(self, x):
        return self.conv(x)


@pytest.fixture
def linter(tmp_path):
    """What the fixture gives to a test of a project, by the text of the project's configuration."""

    def configured(text):
        # Beside this file's own folder, whose files the paths of the configuration lead to.
        (tmp_path / "modellint.toml").write_text(text, "utf-8")
        return ProjectLinter(tmp_path / "test_it.py")

    return configured


def rules(report):
    return {finding.rule: finding.severity for finding in report.findings}


def test_rules_and_severities_are_the_projects(linter):
    assert rules(linter("").lint(Even()))["even-kernel"] == "warning"
    assert "even-kernel" not in rules(linter('ignore = ["even-kernel"]').lint(Even()))
    report = linter('[severity]\neven-kernel = "error"').lint(Even())
    assert rules(report)["even-kernel"] == "error"
    assert linter('fail-level = "error"').lint(Even()).ok


def test_arguments_are_put_over_the_configuration(linter):
    project = linter('select = ["efficiency"]')
    assert project.lint(Even()).ok
    assert not project.lint(Even(), extend_select=["even-kernel"]).ok
    assert project.lint(Even(), select=["even-kernel"], fail_level="error").ok


def test_a_model_that_is_not_clean_is_told_with_a_way_out(linter):
    with pytest.raises(AssertionError) as raised:
        linter("").assert_clean(Even())
    text = str(raised.value)
    for part in ("Even", "warning[even-kernel]", "help:", "# modellint: ignore[", "ignore=['even-"):
        assert part in text
    linter("").assert_clean(Even(), ignore=["even-kernel"])


def test_only_what_fails_is_named_as_to_be_accepted(linter):
    with pytest.raises(AssertionError) as raised:
        linter('[severity]\nbudget = "info"').assert_clean(
            Even(), options={"budget": {"parameters": 1}}, extend_select=["budget"]
        )
    assert "info[budget]" in str(raised.value)
    assert "ignore=['even-kernel']" in str(raised.value)


def test_what_is_said_of_a_model_counts_for_it(tmp_path, monkeypatch):
    (tmp_path / "shown_net.py").write_text(
        "from torch import nn\n\n\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 8, 4, padding=1)\n\n"
        "    def forward(self, x):\n"
        "        return self.conv(x)\n"
    )
    (tmp_path / "modellint.toml").write_text(
        "[per-file-ignores]\n"
        '"shown_net.py::Net" = ["even-kernel"]\n'
        '[budget."shown_net.py::Net"]\n'
        'parameters = "100"\n'
        "[[models]]\n"
        'path = "shown_net.py"\n'
        'model = "Net"\n'
        'inputs = ["N,3,40,40"]\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    from shown_net import Net

    report = ProjectLinter(tmp_path / "tests" / "test_it.py").lint(Net())
    assert list(rules(report)) == ["budget"]
    assert report.models[0].inputs[0].example[-2:] == (40, 40)


def test_a_wrong_configuration_is_said(linter):
    with pytest.raises(UsageError, match=r"modellint\.toml"):
        linter("selekt = []").lint(Even())


def test_equal_models_have_equal_reports_of_plain_data():
    import json

    import modellint

    first, second = (modellint.lint(Even()).to_dict() for _ in range(2))
    assert first == second == json.loads(json.dumps(first))


def test_the_fixture_takes_what_the_functions_take(linter):
    project = linter("")
    for given in ("1,3,8,8", torch.rand(1, 3, 8, 8), [(1, 3, 8, 8)]):
        assert rules(project.lint(Even, given, select="even-kernel")) == {"even-kernel": "warning"}
    project.assert_clean(
        nn.DataParallel(Even()), args=[torch.rand(1, 3, 8, 8)], ignore="even-kernel"
    )
    with pytest.raises(UsageError, match="model: an int"):
        project.lint(5)
    with pytest.raises(UsageError, match="fail_level: there is no 'warn'; did you mean 'warning'"):
        project.lint(Even(), fail_level="warn")
