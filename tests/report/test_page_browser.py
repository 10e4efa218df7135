"""The page in a real browser: it is silent, tabs, folds and sorts work, and it can be read."""

from dataclasses import replace

import pytest
from browser import needed
from reports import REPORT
from torch import nn

from modellint import lint
from modellint.report import render
from modellint.results.picture import Picture, Step
from modellint.results.report import Report

pytestmark = [pytest.mark.slow, needed, pytest.mark.usefixtures("silent")]


class Part(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.two = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return (x + self.two(self.one(x).relu())).relu()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5)
        self.body = nn.Sequential(*(Part(8) for _ in range(20)))
        self.head = nn.Linear(8 * 28 * 28, 10)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).flatten(1))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of one model, two that say little, and what failed."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    report = lint(Net(), ["1,3,32,32"], pictures=True)
    path.write_text(render(report.merged(REPORT), "html"), "ascii")
    return path


def tab(browser):
    return browser.run("document.querySelector('[role=tab][aria-selected=true]').textContent")


def open_net(browser, page, **how):
    browser.open(page, **how)
    names = browser.run("[...document.querySelectorAll('[role=tab]')].map(t => t.textContent)")
    at = next(place for place, name in enumerate(names) if "test_page_browser" in name)
    browser.click(f"#tab-{at}")
    return f"#panel-{at}"


@pytest.fixture(params=[(1280, False), (1280, True), (390, False), (390, True)])
def look(request):
    width, dark = request.param
    return {"width": width, "dark": dark}


def test_every_tab_is_silent_and_fits(browser, page, look):
    browser.open(page, **look)
    assert tab(browser).endswith("Report")
    for at in range(browser.run("document.querySelectorAll('[role=tab]').length")):
        browser.click(f"#tab-{at}")
        shown = browser.run("document.querySelectorAll('[role=tabpanel]:not([hidden])').length")
        assert shown == 1
        wide = browser.run("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
    assert browser.messages == []
    assert browser.requests == [page.absolute().as_uri()]


def test_only_what_is_opened_is_made(browser, page):
    browser.open(page)
    filled = (
        "[...document.querySelectorAll('[role=tabpanel]')].filter(p => p.children.length).length"
    )
    assert browser.run(filled) == 1
    browser.click("#tab-2")
    assert browser.run(filled) == 2


def test_the_keyboard_moves_among_tabs(browser, page):
    browser.open(page)
    names = browser.run("[...document.querySelectorAll('[role=tab]')].map(t => t.textContent)")
    browser.run("document.querySelector('#tab-0').focus()")
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "ArrowLeft", "Home"):
        browser.press(key)
        assert browser.run("document.activeElement.getAttribute('aria-selected')") == "true"
        seen.append(names.index(tab(browser)))
    last = len(names) - 1
    assert seen == [1, 2, 1, last, 0, last, 0]


def test_the_address_names_the_tab(browser, page):
    browser.open(page)
    browser.click("#tab-3")
    fragment = browser.run("location.hash")
    name = tab(browser)
    browser.open(page, fragment=fragment)
    assert tab(browser) == name


def items(browser, panel):
    return browser.run(
        f"[...document.querySelectorAll('{panel} [role=treeitem]')]"
        ".map(i => [i.getAttribute('aria-label'), i.getAttribute('aria-expanded')])"
    )


def test_blocks_fold_by_mouse_and_keyboard(browser, page):
    panel = open_net(browser, page)
    before = items(browser, panel)
    assert len(before) <= 60
    folded = [label for label, expanded in before if expanded == "false"]
    assert len(folded) == 20
    browser.click(f"{panel} [role=treeitem][aria-expanded=false]")
    assert len(items(browser, panel)) == len(before) + 5
    assert browser.run("document.activeElement.getAttribute('aria-expanded')") == "true"
    browser.press("ArrowLeft")
    assert items(browser, panel) == before
    browser.press("ArrowRight", "ArrowDown")
    assert browser.run("document.activeElement.getAttribute('aria-label')").startswith("one")
    browser.press("ArrowLeft", "Enter")
    assert items(browser, panel) == before
    # The room between the parts of an open block is no button.
    browser.run(f"""(() => {{
      const card = document.querySelector('{panel} .block.open > .card');
      const clientY = card.getBoundingClientRect().bottom - 3;
      card.dispatchEvent(new MouseEvent('click', {{ bubbles: true, clientY }}));
    }})()""")
    assert items(browser, panel) == before


def test_a_connection_leads_past_what_it_skips(browser, page):
    panel = open_net(browser, page)
    browser.click(f"{panel} .tools button")
    crossed = browser.run(f"""(() => {{
      const boxes = [...document.querySelectorAll('{panel} .step')];
      const rects = boxes.map(b => b.getBoundingClientRect());
      let overlaps = 0;
      rects.forEach((a, i) => rects.forEach((b, j) => {{
        if (i < j && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
          overlaps += 1;
      }}));
      return [boxes.length, overlaps];
    }})()""")
    assert crossed[0] > 60
    assert crossed[1] == 0
    # Nothing lies outside of the block that it belongs to.
    outside = browser.run(f"""[...document.querySelectorAll('{panel} .block.open')].filter((b) => {{
      const card = b.querySelector(':scope > .card').getBoundingClientRect();
      const all = b.getBoundingClientRect();
      return all.left < card.left - 2 || all.right > card.right + 2 || all.bottom > card.bottom + 2;
    }}).length""")
    assert outside == 0


def test_columns_sort_both_ways_and_back(browser, page):
    panel = open_net(browser, page)
    head = f"{panel} .pane th:nth-child(5)"
    column = (
        f"[...document.querySelectorAll('{panel} .pane tbody tr')].slice(0, 250)"
        ".map(r => Number(r.children[4].textContent.replaceAll(',', '')))"
    )
    before = browser.run(column)
    assert max(before) == 8 * 28 * 28 * 10 + 10
    ways = {}
    for way in ("descending", "ascending", "none"):
        browser.click(f"{head} button")
        assert browser.run(f"document.querySelector('{head}').getAttribute('aria-sort')") == way
        ways[way] = browser.run(column)
    assert ways["descending"] == sorted(before, reverse=True)
    assert ways["ascending"] == sorted(before)
    assert ways["none"] == before
    browser.run(f"document.querySelector('{head} button').focus()")
    browser.press("Enter")
    assert browser.run(column) == ways["descending"]


def test_a_layer_of_the_table_is_shown_in_the_graph(browser, page):
    panel = open_net(browser, page)
    browser.run(
        f"[...document.querySelectorAll('{panel} tbody button')]"
        ".find(b => b.textContent === 'body.7.two').click()"
    )
    chosen = browser.run(
        f"document.querySelector('{panel} [role=treeitem][aria-selected=true]')"
        ".getAttribute('aria-label')"
    )
    assert chosen.startswith("two, Conv2d, 8×28×28")
    assert "584 parameters" in browser.run(f"document.querySelector('{panel} .told').textContent")


CONTRAST = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const parts = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const card = one.matches('.step, .block') ? one.querySelector(':scope > .card') : null;
      const color = card ? getComputedStyle(card).fill : getComputedStyle(one).backgroundColor;
      if (parts(color)[3] === 255) return parts(color);
    }
    return parts(getComputedStyle(document.body).backgroundColor);
  };
  const poor = [];
  const walker = document.createTreeWalker(document.querySelector('#page'), NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const a = light(parts(element instanceof SVGElement ? style.fill : style.color));
    const b = light(ground(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push([text.data.slice(0, 30), element.className, ratio]);
  }
  return poor;
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_its_ground(browser, page, dark):
    open_net(browser, page, dark=dark)
    assert browser.run(CONTRAST) == []
    browser.run("document.querySelector('.switch button:last-of-type').click()")
    browser.run("document.querySelector('.pane .name button').click()")
    assert browser.run(CONTRAST) == []
    browser.click("#tab-0")
    browser.run("document.querySelectorAll('.opens[aria-expanded=false]').forEach(b => b.click())")
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    browser.run("document.querySelectorAll('.chip').forEach(c => c.click())")
    assert browser.run(CONTRAST) == []
    browser.run("document.querySelectorAll('.chip').forEach(c => c.click())")
    assert browser.run(CONTRAST) == []
    grounds = "getComputedStyle(document.body).backgroundColor"
    before = browser.run(grounds)
    browser.click(".theme")
    assert browser.run(grounds) != before
    assert browser.run(CONTRAST) == []


def test_hostile_names_are_only_shown(browser, tmp_path):
    name = "</script><img src=x onerror='document.title=1'>"
    model = next(one for one in REPORT.models if one.layers)
    report = Report(
        models=(replace(model, name=name, path=name, accepts=name, status="partial", reason=name),)
    )
    path = tmp_path / "odd.html"
    path.write_text(render(report, "html"), "ascii")
    browser.open(path)
    assert tab(browser) == name
    assert browser.run("document.querySelectorAll('#page img').length") == 0
    assert browser.messages == []
    assert len(browser.requests) == 1


def test_of_thousands_of_layers_few_are_made_at_first(browser, tmp_path):
    steps = tuple(
        Step(
            f"layers.{at}", "conv2d", "Conv2d", f"layers.{at}", (8,), (8,), (at - 1,) if at else ()
        )
        for at in range(4000)
    )
    model = next(one for one in REPORT.models if one.layers)
    layer = next(iter(model.layers.values()))
    layers = {step.key: replace(layer, key=step.key, path=step.key) for step in steps}
    report = Report(models=(replace(model, layers=layers, picture=Picture(steps)),))
    path = tmp_path / "deep.html"
    path.write_text(render(report, "html"), "ascii")
    browser.open(path)
    assert browser.run("document.querySelectorAll('[role=treeitem]').length") <= 60
    assert browser.run("document.querySelectorAll('tbody tr').length") < 300
    browser.click(".more")
    assert browser.run("document.querySelectorAll('tbody tr').length") == 4000
    browser.run("[...document.querySelectorAll('tbody button')].at(-1).click()")
    assert browser.run("document.querySelector('[role=treeitem][aria-selected=true]') !== null")
    assert browser.messages == []


def test_hundreds_of_models_have_tabs(browser, tmp_path):
    one = lint(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), ["1,3,16,16"], pictures=True)
    models = tuple(
        replace(one.models[0], name=f"net{at}", path=f"m{at % 7}.py") for at in range(400)
    )
    # Each tab has a sign, and the word that only those hear who do not see it.
    findings = tuple(
        replace(one.findings[0], model=model.name, path=model.path) for model in models
    )
    path = tmp_path / "many.html"
    path.write_text(render(Report(models=models, findings=findings), "html"), "ascii")
    browser.open(path, width=390)
    assert browser.run("document.querySelectorAll('[role=tab]').length") == 401
    assert browser.run("document.documentElement.scrollWidth") == 390
    browser.run("document.querySelector('#tab-0').focus()")
    browser.press("End")
    assert tab(browser).endswith("net399")
    assert browser.run("document.documentElement.scrollWidth") == 390
    shown = "document.querySelector('[role=tabpanel]:not([hidden]) h1').textContent"
    assert browser.run(shown) == "net399"
    assert browser.messages == []
