"""The pages in a real browser: they open from a file, ask for nothing, and can be used."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from hubblefork.report import figures, style
from hubblefork.report.components import (
    Card,
    Command,
    Fold,
    Group,
    Groups,
    Mosaic,
    Page,
    Panel,
    Section,
    Sheet,
    Table,
    Tile,
)
from hubblefork.report.figures import Chart
from hubblefork.report.image_groups import ImageGroup, ImageRows
from hubblefork.report.page import write_page
from hubblefork.report.reliability_charts import reliability_diagram
from hubblefork.report.run_data import RunData
from hubblefork.report.run_page import write_report
from hubblefork.workflow.compare import compare
from hubblefork.workflow.evaluation_outputs import FORMAT
from hubblefork.workflow.inspect import inspect

_API = pytest.importorskip("playwright.sync_api", reason="drives a browser: needs playwright")

# The smallest phones in use, and a laptop.
_WIDTHS = (360, 1280)

# Elements that a person can use or look at, without a name that can be read to them.
_NAMELESS = """
[...document.querySelectorAll(
  "img:not([role=img] img), [role=img], button, summary, a, [role=region]"
)].filter((each) => !(
  each.getAttribute("alt") || each.getAttribute("aria-label") || each.textContent.trim()
)).map((each) => each.outerHTML.slice(0, 200))
"""

# The contrast of letters with what is behind them (WCAG 2.1): the places where it is below 4.5.
_FAINT = """
(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => numbers(colour).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, place) => sum + c * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (each) => {
    const colour = getComputedStyle(each).backgroundColor;
    return numbers(colour)[3] === 0 && each.parentElement ? behind(each.parentElement) : colour;
  };
  const found = new Set();
  for (const each of document.querySelectorAll("body *")) {
    if (![...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    if (!each.getClientRects().length || ["SCRIPT", "STYLE"].includes(each.tagName)) continue;
    const pair = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => b - a);
    if ((pair[0] + 0.05) / (pair[1] + 0.05) < 4.5) found.add(each.outerHTML.slice(0, 120));
  }
  return [...found];
})()
"""


@pytest.fixture
def opened(browser):
    """Opens a page from its file, offline; asserts in the end that it asked for nothing else."""
    contexts, wrong = [], []

    def note(request):
        if not request.url.startswith(("file:", "data:")):
            wrong.append(request.url)

    def open_page(path: Path, width: int = 1280, **options):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, offline=True, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", note)
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def as_fine_as_users_see_them():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CHART_DPI", "SHEET_DPI"):
            patch.setattr(figures, name, getattr(style, name))
        yield


@pytest.fixture(scope="module")
def pages(as_fine_as_users_see_them, tmp_path_factory, runs_to_show, shapes) -> dict[str, Path]:
    """A page of each kind."""
    folder = tmp_path_factory.mktemp("pages")
    of_classes, others, of_votes = runs_to_show
    runs = {"first": of_classes, "second": others}
    for name, run in runs.items():
        (folder / name).mkdir()
        run.predictions.save(folder / name / "predictions.csv")
        metrics = {"format": FORMAT, "source": "simulated"}
        metrics |= {"calibration": None, "prediction_sets": None} | run.metrics
        (folder / name / "metrics.json").write_text(json.dumps(metrics))
    for name, run in {"classes": of_classes, "votes": of_votes}.items():
        write_report(run, folder / f"{name}.html")
    write_page(explained(of_classes), folder / "explanation.html", "explain")
    return {
        "explanation": folder / "explanation.html",
        "classes": folder / "classes.html",
        "votes": folder / "votes.html",
        "inspection": inspect(shapes, out=folder / "inspection.html", size=24).page,
        "compare": compare([folder / name for name in runs], out=folder / "compare.html").page,
    }


def explained(run: RunData) -> Page:
    """A page of explanations with a part of each kind."""
    tiles = [
        Tile(
            run.image(each),
            f"Image {each}",
            "completely_round_smooth",
            {"confidence": "90 %"},
            wrong,
        )
        for each, wrong in zip(
            run.predictions.table()["id"][:9], [True, False, None] * 3, strict=True
        )
    ]
    panel = Panel(
        "chart", "A chart", "What is to be seen.", Chart(lambda: reliability_diagram(run))
    )
    rows = ImageRows(
        [ImageGroup("conv1: 3 channels", [np.eye(8), np.zeros((8, 8)), tiles[0].image])]
    )
    mosaic = Mosaic("All images", 3, [tiles[0].image, None, *[each.image for each in tiles[:7]]])
    table = run.predictions.table().iloc[:5].round(3).astype(str)
    section = Section("Mistakes", [
        "What to look for.", Groups([Group("Errors", tiles)] * 3, "three"),
        Sheet(tiles, "predictions", "All"), Table.of("Mistakes", table), panel,
        Panel("rows", "Channels", "", rows),
        Fold("3 more", ["Further images.", mosaic, Command("hubblefork explain RUN")]),
    ])  # fmt: skip
    cards = [Card("Correct", "9", "of ten")]
    return Page("A run", "explained", ["It works."], [section] * 2, cards, ["Few images."])


@pytest.mark.parametrize("kind", ["classes", "votes", "inspection", "compare", "explanation"])
def test_a_page_fits_its_window_and_has_names_for_everything(kind, pages, opened):
    for width in _WIDTHS:
        page = opened(pages[kind], width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(_NAMELESS) == []
    assert page.evaluate("[...document.images].every((each) => each.naturalWidth > 0)")


def test_a_name_in_a_table_is_not_broken_inside_a_word(opened, tmp_path):
    columns = ["Class", "Precision", "Recall", "F1", "Test images"]
    table = Table("Recall", columns, [["Completely round, smooth", *["67.8 to 84.2 %"] * 4]])
    write_page(Page("A run", "tested", [], [Section("Classes", [table])]), tmp_path / "a.html", "t")
    page = opened(tmp_path / "a.html", 360)
    lines = page.evaluate("""() => {
      const text = document.querySelector("th[scope=row]").firstChild;
      return text.data.trim().split(" ").map((word) => {
        const range = document.createRange(), start = text.data.indexOf(word);
        range.setStart(text, start);
        range.setEnd(text, start + word.length);
        return range.getClientRects().length;
      });
    }""")
    assert lines == [1, 1, 1]


def shown(page) -> list[str]:
    """The images of the galleries that are to be seen."""
    images = page.locator(".galleries img:visible")
    return images.evaluate_all("(all) => all.map((each) => each.alt)")


def test_a_click_on_a_cell_shows_its_images_and_another_hides_them(pages, opened):
    page = opened(pages["classes"], 360)
    assert shown(page) == []
    cells = page.locator(".confusion button")
    for place in (0, 1):
        cells.nth(place).click()
        # The browser tells of an opened gallery a moment after it has opened it.
        _API.expect(cells.nth(place)).to_have_attribute("aria-expanded", "true")
        number = int(cells.nth(place).locator("small").inner_text().replace(",", ""))
        assert len(shown(page)) == min(number, 40)
    predicted, true = "edge-on", "round"
    assert all(f"predicted {predicted}, true class {true}" in alt for alt in shown(page))
    assert (
        page.locator("#told").inner_text().startswith(f"‘{true}’, misclassified as ‘{predicted}’")
    )
    _API.expect(cells.nth(0)).to_have_attribute("aria-expanded", "false")
    cells.nth(1).click()
    assert shown(page) == []


def test_the_keyboard_leads_through_the_cells(pages, opened):
    page = opened(pages["classes"])
    focused = "document.activeElement.getAttribute('aria-controls')"
    page.locator(".confusion button").first.focus()
    for key, cell in (
        ("ArrowDown", "cell-1-0"),
        ("ArrowRight", "cell-1-1"),
        ("ArrowUp", "cell-0-1"),
    ):
        page.keyboard.press(key)
        assert page.evaluate(focused) == cell
    page.keyboard.press("Enter")
    assert "predicted edge-on, true class round" in shown(page)[0]
    page.keyboard.press("Space")
    assert shown(page) == []
    page.keyboard.press("Tab")
    assert page.evaluate(focused) is None


def test_without_scripts_every_gallery_can_be_opened(pages, opened):
    page = opened(pages["classes"], java_script_enabled=False)
    summaries = page.locator(".galleries summary")
    assert summaries.count() == page.locator(".confusion button").count()
    assert summaries.first.is_visible()
    summaries.first.click()
    assert page.locator(".galleries img").first.is_visible()
    assert not page.get_by_text("Choose a cell").is_visible()


# Of the letters of charts: how many dots high they are shown, where that is less than eleven.
_SMALL = """
[...document.querySelectorAll(".chart svg text")].filter((each) => each.getClientRects().length)
  .map((each) => {
    const shown = each.getScreenCTM();
    const size = parseFloat(getComputedStyle(each).fontSize) * Math.hypot(shown.a, shown.b);
    return [size, each.textContent];
  }).filter(([size]) => size < 11)
"""

_PAPERS = "(all) => all.map((each) => getComputedStyle(each).backgroundColor)"
_UNFOLD = "for (const each of document.querySelectorAll('details')) each.open = true"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("kind", ["classes", "votes", "inspection", "compare", "explanation"])
def test_a_page_can_be_read_in_both_colour_schemes(kind, width, pages, opened):
    """Screenshots to look at are written where HUBBLEFORK_SCREENSHOTS names a folder."""
    folder = os.environ.get("HUBBLEFORK_SCREENSHOTS")
    papers = set()
    page = opened(pages[kind], width)
    page.evaluate(_UNFOLD)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        if folder:
            page.screenshot(path=f"{folder}/{kind}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate(_FAINT) == []
        papers |= set(page.locator(".chart").evaluate_all(_PAPERS))
    assert len(papers) in (0, 2)
    assert page.evaluate(_SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for chart in page.locator(".chart").all():
        inside = chart.locator("svg:visible")
        assert inside.count() == 1
        assert inside.get_attribute("class") == ("wide" if width > 1000 else "narrow")


@pytest.mark.parametrize("kind", ["classes", "votes", "inspection", "compare", "explanation"])
def test_no_serious_fault_of_accessibility_is_found(kind, pages, opened):
    axe = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    rules = (Path(axe.__file__).parent / "axe.min.js").read_text()
    page = opened(pages[kind], 390, bypass_csp=True)
    page.evaluate(_UNFOLD)
    page.evaluate(rules)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [each for each in found if each["impact"] in ("serious", "critical")] == []


def test_sections_fold_without_scripts_and_are_open_when_printed(pages, opened):
    page = opened(pages["classes"], java_script_enabled=False)
    data = page.locator("#part-8, #part-9, #part-10").last
    assert not data.is_visible()
    page.emulate_media(media="print")
    assert data.is_visible()
    page.emulate_media(media="screen")
    page.locator("nav a").last.click()
    assert data.is_visible()
    assert page.locator("nav").bounding_box()["y"] == 0
