"""The page of nets as people have them, in a browser: a ResNet-50, a U-Net, a decoder, many."""

from pathlib import Path

import pytest
from browser import CUT, needed
from command import modellint as command
from torch import nn

from modellint import lint
from modellint.report import render

pytestmark = [pytest.mark.slow, needed, pytest.mark.usefixtures("silent")]

DRAWN = Path(__file__).parent / "drawn"
ROOT = DRAWN.parents[2]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of files, each made when it is first asked for."""
    folder = tmp_path_factory.mktemp("pages")

    def page(file):
        path = folder / f"{file.stem}.html"
        if not path.exists():
            command(file, "--format", "html", "-o", path, cwd=ROOT)
        return path

    return page


@pytest.fixture
def resnet(browser, pages):
    browser.open(pages(DRAWN / "resnet50.py"))


def pick(browser, name):
    """Choose a layer in the table, as its name's button does."""
    browser.run(
        "[...document.querySelectorAll('.pane .name button')]"
        f".find(b => b.textContent === {name!r}).click()"
    )


#: Where the chosen step and the chosen row are: whether each is within its pane and on the screen.
SEEN = """['.canvas [aria-selected=true]', '.pane .chosen'].map((selector) => {
  const one = document.querySelector(selector).getBoundingClientRect();
  const pane = document.querySelector(selector.split(' ')[0]).getBoundingClientRect();
  return one.top >= Math.max(pane.top, 46) && one.bottom <= Math.min(pane.bottom, innerHeight);
})"""


def test_a_resnet_50_is_three_screens_of_table(browser, resnet):
    rows = browser.run("document.querySelectorAll('.pane tbody tr').length")
    assert rows == 109
    assert browser.run("document.querySelector('.pane').scrollHeight") < 3.3 * 900
    overflow = "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)"
    assert browser.run(f"{overflow}(document.querySelector('.pane'))") == 0


def test_names_and_totals_stay_while_the_table_scrolls(browser, resnet):
    browser.run("document.querySelector('.pane').scrollTop = 1000")
    places = browser.run("""(() => {
      const box = (selector) => document.querySelector(selector).getBoundingClientRect();
      const heads = [...document.querySelectorAll('.pane th')];
      return { pane: [box('.pane').top, box('.pane').bottom], foot: box('.pane tfoot').bottom,
        heads: heads.filter((one) => one.checkVisibility())
          .map((one) => one.getBoundingClientRect().top) };
    })()""")
    top, bottom = places["pane"]
    assert all(abs(head - top) < 3 for head in places["heads"])
    assert abs(places["foot"] - bottom) < 3
    assert "25,557,032" in browser.run("document.querySelector('.pane tfoot').textContent")


def test_no_column_is_empty(browser, pages):
    for file in (DRAWN / "decoder.py", DRAWN / "resnet50.py"):
        browser.open(pages(file))
        full = browser.run("""[...document.querySelectorAll('.pane th')].map((_, at) =>
          [...document.querySelectorAll('.pane tbody tr')]
            .some((row) => row.children[at].textContent))""")
        assert len(full) >= 5
        assert all(full)


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (1280, 720), (390, 844)])
def test_what_is_chosen_in_the_table_is_in_sight_in_the_graph_too(browser, pages, width, height):
    browser.open(pages(DRAWN / "resnet50.py"), width=width, height=height)
    for name in ("layer3.4.conv2", "conv1", "fc"):
        pick(browser, name)
        assert browser.run(SEEN) == [True, True]
        assert browser.run("document.querySelector('.pane .chosen .name').textContent") == name


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_what_is_chosen_in_the_graph_is_in_sight_in_the_table_too(browser, pages, width, height):
    browser.open(pages(DRAWN / "resnet50.py"), width=width, height=height)
    for label in ("fc, Linear", "conv1, Conv2d"):
        browser.click(f'.step[aria-label^="{label}"]')
        assert browser.run(SEEN) == [True, True]
        chosen = browser.run("document.querySelector('.pane .chosen .name').textContent")
        assert label.startswith(chosen)


def test_sizes_are_numbers_or_formulas(browser, resnet):
    row = "document.querySelector('.pane tbody tr .shapes').textContent"
    step = "document.querySelectorAll('.canvas .step .size')[1].textContent"
    pick(browser, "layer1.0.conv1")
    assert browser.run(row) == "3×224×224 → 64×112×112"
    assert browser.run(step).endswith("64×112×112")
    browser.click(".switch button:last-of-type")
    assert browser.run(row) == "(N, 3, H, W) → (N, 64, (H - 1) // 2 + 1, (W - 1) // 2 + 1)"
    assert "(N, 64, (H - 1)" in browser.run(step)
    chosen = "document.querySelector('.pane .chosen .name').textContent"
    assert browser.run(chosen) == "layer1.0.conv1"
    browser.click(".switch button")
    assert browser.run(row) == "3×224×224 → 64×112×112"


def test_macs_say_at_which_size(browser, resnet):
    terms = browser.run("[...document.querySelectorAll('.facts dt')].map(t => t.textContent)")
    assert "MACs per sample at 224×224" in terms


def test_charts_have_a_scale_and_are_small_for_small_nets(browser, pages):
    widths = {}
    for file in (ROOT / "examples/digits.py", DRAWN / "resnet50.py"):
        browser.open(pages(file))
        widths[file.stem] = browser.run("document.querySelector('.chart').clientWidth")
        scales = browser.run("""[...document.querySelectorAll('.plot')].map((plot) =>
          [plot.querySelectorAll('.scale-y span').length,
           plot.querySelector('.scale-x').lastChild.textContent])""")
        layers = {"digits": "6", "resnet50": "109"}[file.stem]
        assert scales == [[3, layers]] * 3
    assert widths["digits"] < 150 < 300 < widths["resnet50"]


def test_a_finding_leads_to_its_step_where_that_is_no_layer(browser, pages):
    browser.open(pages(ROOT / "examples/unet.py"))
    browser.run("document.querySelector('.said .link').click()")
    label = "document.querySelector('.canvas [aria-selected=true]').getAttribute('aria-label')"
    assert browser.run(label).startswith("cat, 32×128×128")


def test_parameters_of_a_module_itself_stand_above_what_reads_them(browser, pages):
    browser.open(pages(DRAWN / "decoder.py"))
    places = browser.run("""['positions', 'add'].map((name) => {
      const step = document.querySelector(`.step[aria-label^="${name}"]`);
      return [step.getBoundingClientRect().top, step.getBoundingClientRect().bottom];
    })""")
    (_, end), (begin, _) = places
    assert 0 < begin - end < 60
    browser.click(".step.parameter")
    told = browser.run("document.querySelector('.told').textContent")
    assert "24,576 parameters" in told
    foot = browser.run("[...document.querySelectorAll('tfoot tr')].map(r => r.textContent)")
    # Six scales of 192 and the positions; the head's weight is the embedding's.
    assert foot[0].endswith(f"{6 * 192 + 128 * 192:,}")
    assert foot[1].endswith(f"{5000 * 192:,}")


def test_a_wide_graph_opens_where_the_model_begins(browser, pages):
    browser.open(pages(DRAWN / "wide.py"))
    wide, room, off = browser.run("""(() => {
      const canvas = document.querySelector('.canvas');
      const middle = ({left, width}) => left + width / 2;
      return [canvas.scrollWidth, canvas.clientWidth,
        middle(document.querySelector('.step').getBoundingClientRect())
          - middle(canvas.getBoundingClientRect())];
    })()""")
    assert wide > room
    assert abs(off) < 12


def test_unfolding_and_folding_leave_something_in_sight(browser, pages):
    seen = """(() => {
      const pane = document.querySelector('.canvas').getBoundingClientRect();
      return [...document.querySelectorAll('.canvas .step, .canvas .block:not(.open)')]
        .map((one) => one.getBoundingClientRect()).filter((one) => one.right > pane.left
          && one.left < pane.right && one.bottom > pane.top && one.top < pane.bottom).length;
    })()"""
    for file in (DRAWN / "wide.py", DRAWN / "resnet50.py"):
        browser.open(pages(file))
        for button in ("first-of-type", "first-of-type", "last-of-type", "last-of-type"):
            browser.click(f".folding button:{button}")
            assert browser.run(seen) > 0


@pytest.mark.parametrize("name", ["resnet50", "decoder", "wide"])
@pytest.mark.parametrize("symbolic", [False, True])
def test_nothing_is_cut_on_a_telephone(browser, pages, name, symbolic):
    browser.open(pages(DRAWN / f"{name}.py"), width=390, height=844, touch=True)
    if symbolic:
        browser.click(".switch button:last-of-type")
    assert browser.run(CUT) == []
    pane = "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)"
    assert browser.run(f"{pane}(document.querySelector('.pane'))") == 0
    browser.click("#tab-0")
    assert browser.run(CUT) == []


SMALL = """[...document.querySelectorAll('button, select, input, summary, .step, .picks')]
  .filter((one) => one.checkVisibility() && !one.closest('.unseen, thead')
    && !(one.matches('button') && one.closest('.picks')))
  .map((one) => [one.className.baseVal || one.className, one.textContent.slice(0, 30),
    Math.round(one.getBoundingClientRect().height)])
  .filter(([, , height]) => height < 44)"""


@pytest.mark.parametrize("width", [390, 1280])
def test_what_is_touched_is_as_large_as_a_finger(browser, pages, width):
    browser.open(pages(ROOT / "examples/digits.py"), width=width, touch=True)
    assert browser.run("matchMedia('(pointer: coarse)').matches")
    assert browser.run(SMALL) == []
    browser.click("#tab-0")
    assert browser.run(SMALL) == []


def test_the_source_is_wrapped_beside_its_shapes(browser, pages):
    for width in (1280, 390):
        browser.open(pages(DRAWN / "decoder.py"), width=width)
        notes, cut = browser.run("""(() => {
          const rows = [...document.querySelectorAll('.annotated .row')];
          const text = (row, part) => row.querySelector(part)?.textContent;
          return [rows.map((row) => [text(row, 'code'), text(row, '.note')]),
            rows.filter((row) => row.scrollWidth > row.clientWidth).length];
        })()""")
        assert ["            x = block(x)", "×6: (2, 64, 192)"] in notes
        assert cut == 0


TEN = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))


"""


def test_ten_models_have_a_line_and_a_tab_each(browser, tmp_path):
    file = tmp_path / "ten.py"
    widths = [8 * ((3 * at) % 10 + 2) for at in range(10)]
    lines = [f"def net{width:02}():\n    return Net({width})\n\n\n" for width in widths]
    file.write_text(TEN + "".join(lines) + "".join(f"net{width:02}()\n" for width in widths))
    page = tmp_path / "ten.html"
    command(file, "--format", "html", "-o", page, cwd=tmp_path)
    browser.open(page, width=390, height=844)
    assert browser.run(CUT) == []
    names = "[...document.querySelectorAll('.overview .picks .name')].map(n => n.textContent)"
    listed = browser.run(names)
    assert {f"net{width:02}" for width in widths} <= {*listed}
    browser.open(page)
    browser.click(".overview th:nth-child(4) button")
    by_size = browser.run(names)
    assert [one for one in by_size if one != "Net"] == [
        f"net{width:02}" for width in sorted(widths, reverse=True)
    ]
    browser.click(".overview .picks:nth-child(4) td:nth-child(2)")
    title = "document.querySelector('[role=tabpanel]:not([hidden]) h1').textContent"
    assert browser.run(title) == by_size[3]


def deep(stages, blocks, layers):
    """So many layers in blocks in stages."""

    def block():
        return nn.Sequential(*(nn.Conv2d(8, 8, 1) for _ in range(layers)))

    return nn.Sequential(*(nn.Sequential(*(block() for _ in range(blocks))) for _ in range(stages)))


def test_a_thousand_layers_unfold_level_by_level(browser, tmp_path):
    page = tmp_path / "deep.html"
    report = lint(deep(10, 10, 10), ["1,8,16,16"], pictures=True)
    page.write_text(render(report, "html"), "ascii")
    browser.open(page)
    items = "document.querySelectorAll('.canvas [role=treeitem]').length"
    seen = [browser.run(items)]
    assert browser.run("document.querySelectorAll('.pane tbody tr').length") == 250
    for _ in range(2):
        browser.click(".folding button")
        seen.append(browser.run(items))
    # The input and the output are steps too.
    assert seen == [12, 112, 1112]
    # How long that takes is measured by benchmarks/page.py; what it is made of is bounded here.
    assert browser.run("document.querySelectorAll('.canvas svg *').length") < 8 * 1112
    browser.click(".bench .more")
    pick(browser, "9.9.9")
    assert browser.run(SEEN) == [True, True]
    for _ in range(2):
        browser.click(".folding button:last-of-type")
    assert browser.run(items) == 12
