"""The findings of the page, in a browser: worst first, filtered, sorted, opened, explained."""

from dataclasses import replace

import pytest
from browser import CUT, needed
from test_compared_report import REPORT as COMPARED
from torch import nn

from modellint import lint
from modellint.report import render
from modellint.results.report import Problem, Report

pytestmark = [pytest.mark.slow, needed, pytest.mark.usefixtures("silent")]


def net():
    """A warning of a border that is trimmed, and remarks of biases and a fixed size."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 5), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 28 * 28, 10)
    )


@pytest.fixture(scope="module")
def report():
    """Thirty files of one net each, and one that cannot be imported."""
    one = lint(net(), ["1,3,32,32"], pictures=True)
    models, findings = [], []
    for at in range(30):
        path = f"nets/net{at:02}.py"
        models.append(replace(one.models[0], name=f"Net{at:02}", path=path))
        findings += [replace(found, model=f"Net{at:02}", path=path) for found in one.findings]
    error = Problem("nets/broken.py", 1, "import-error", "no module named 'absent'")
    return replace(one, models=tuple(models), findings=tuple(findings), errors=(error,))


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("findings") / "page.html"
    path.write_text(render(report, "html"), "ascii")
    return path


ROWS = """[...document.querySelectorAll('.findings .entry')].map((entry) => ({
  severity: entry.querySelector('.grave').textContent,
  rule: entry.querySelector('.rule').textContent,
  where: entry.querySelector('.where').textContent,
}))"""


def rows(browser):
    """The lines of the list, all of them."""
    browser.run("document.querySelector('.findings .more').click()")
    return browser.run(ROWS)


def counts(report):
    severities = [one.severity for one in report.findings] + ["error"] * len(report.errors)
    return {name: severities.count(name) for name in ("error", "warning", "info")}


def test_the_worst_come_first_and_all_are_there(browser, page, report):
    browser.open(page)
    severities = [row["severity"] for row in rows(browser)]
    assert severities == [name for name, times in counts(report).items() for _ in range(times)]
    assert severities[0] == "error"


def test_chips_count_what_the_headline_counts(browser, page, report):
    browser.open(page)
    chips = browser.run("[...document.querySelectorAll('.chip')].map((one) => one.textContent)")
    head = browser.run("document.querySelector('h1').textContent")
    assert chips == head.split(", ")[1:]


def test_severities_rules_and_text_filter_together(browser, page, report):
    browser.open(page)
    browser.click(".chip.info")
    assert {row["severity"] for row in rows(browser)} == {"error", "warning"}
    browser.click(".chip.info")
    rule = next(one.rule for one in report.findings if one.severity == "warning")
    browser.run(f"""(() => {{
      const select = document.querySelector('.filters select');
      select.value = {rule!r};
      select.dispatchEvent(new Event('change'));
      const input = document.querySelector('.filters input');
      input.value = 'NET07';
      input.dispatchEvent(new Event('input'));
    }})()""")
    found = rows(browser)
    assert [(row["rule"], row["where"].partition(":")[0]) for row in found] == [
        (one.rule, one.path)
        for one in report.findings
        if one.rule == rule and one.path == "nets/net07.py"
    ]
    whole = len(report.findings) + len(report.errors)
    told = browser.run("document.querySelector('.filters output').textContent")
    assert told == f"{len(found)} of {whole}"


def test_columns_sort_findings(browser, page):
    browser.open(page)
    head = ".findings th.where"
    browser.click(f"{head} button")
    places = [row["where"] for row in rows(browser)]
    assert places == sorted(places)
    browser.click(f"{head} button")
    assert [row["where"] for row in rows(browser)] == sorted(places, reverse=True)


def test_a_line_opens_by_the_keyboard_to_source_and_help(browser, page):
    browser.open(page)
    line = ".findings .entry:nth-of-type(3)"
    browser.run(f"document.querySelector('{line} .opens').focus()")
    shown = f"document.querySelector('{line} .detail')?.checkVisibility() ?? false"
    states = [browser.run(shown)]
    for _ in range(2):
        browser.press("Enter")
        states.append(browser.run(shown))
    assert states == [False, True, False]
    browser.press("Enter")
    assert browser.run(f"document.querySelector('{line} article').textContent.length") > 40


def test_a_rule_tells_what_it_is_about_and_shows_what_it_hits(browser, page, report):
    browser.open(page)
    pages = {rule.name: rule for rule in report.rules}
    names = browser.run(
        "[...document.querySelectorAll('.rules summary b')].map(b => b.textContent)"
    )
    assert {*names} == {one.rule for one in report.findings}
    name = names[0]
    browser.click(f"#rule-{name} summary")
    text = browser.run(f"document.querySelector('#rule-{name} .text').innerText")
    words = pages[name].text.replace("`", "").replace("*", "").split()
    assert text.replace("`", "").replace("*", "").split()[:20] == words[:20]
    files = f"[...document.querySelectorAll('#rule-{name} .page li')]"
    assert browser.run(f"{files}.length") == 30
    browser.run(f"{files}[4].querySelector('button').click()")
    found = rows(browser)
    assert {row["rule"] for row in found} == {name}
    assert {row["where"].partition(":")[0] for row in found} == {"nets/net04.py"}


def test_a_model_is_opened_from_its_finding(browser, page):
    browser.open(page)
    browser.run("document.querySelectorAll('.findings .models .link')[7].click()")
    name = browser.run("document.querySelector('[role=tab][aria-selected=true]').textContent")
    title = "document.querySelector('[role=tabpanel]:not([hidden]) h1').textContent"
    assert name.endswith(browser.run(title))


def test_models_that_share_a_finding_share_a_line(browser, tmp_path):
    one = lint(net(), ["1,3,32,32"])
    names = [f"net{at}" for at in range(5)]
    report = Report(
        models=tuple(replace(one.models[0], name=name) for name in names),
        findings=tuple(replace(found, model=name) for name in names for found in one.findings),
        rules=one.rules,
    )
    path = tmp_path / "alike.html"
    path.write_text(render(report, "html"), "ascii")
    browser.open(path)
    assert len(browser.run(ROWS)) == len(one.findings)
    warnings = sum(found.severity == "warning" for found in one.findings)
    assert f"{warnings} warning" in browser.run("document.querySelector('h1').textContent")
    browser.click("#tab-3")
    open_panel = "document.querySelector('[role=tabpanel]:not([hidden])')"
    mine = f"{open_panel}.querySelectorAll('.entry').length"
    assert browser.run(mine) == len(one.findings)


@pytest.mark.parametrize("width", [1280, 390])
def test_what_became_of_models_stands_above_and_is_not_cut(browser, tmp_path, width):
    path = tmp_path / "compared.html"
    path.write_text(render(COMPARED, "html"), "ascii")
    browser.open(path, width=width)
    assert browser.run("document.querySelector('h2').textContent").startswith("Compared: ")
    changed = browser.run("document.querySelectorAll('.compared').length")
    assert changed == sum(one.state != "same" for one in COMPARED.compared.models)
    assert browser.run(CUT) == []


def test_the_theme_is_remembered_until_the_system_has_it_too(browser, page):
    ground = "getComputedStyle(document.body).backgroundColor"
    browser.open(page)
    light = browser.run(ground)
    browser.click(".theme")
    dark = browser.run(ground)
    assert dark != light
    browser.open(page, remember=True)
    assert browser.run(ground) == dark
    browser.click(".theme")
    browser.open(page, dark=True, remember=True)
    assert browser.run(ground) == dark
    browser.click(".theme")
    browser.open(page, dark=True, remember=True)
    assert browser.run(ground) == light


def test_without_scripts_the_findings_are_text(browser, page, report):
    browser.scripts(on=False)
    try:
        browser.open(page)
        text = browser.run("document.body.innerText")
    finally:
        browser.scripts(on=True)
    assert all(f"{one.place}:" in text for one in report.findings)
