"""The loop in a real browser."""

import json
import re
from pathlib import Path

import pytest

from tests.report import test_browser as reports
from tests.workbench import test_pages as pages
from tests.workbench.conftest import collection

opened, expect = pages.opened, pages.expect


def finish(page, number: int) -> None:
    """Label a whole batch by keys."""
    expect(page.locator("#place")).to_have_text(f"{number} to label")
    for _ in range(number):
        page.keyboard.press(str(int(pages.current(page)) % 3 + 1))
    pages.stored(page)


def test_batches_are_labelled_by_keys_and_the_curve_grows(serve, opened):
    bench = serve(collection(200, ids="secret disc {}"))
    page = opened(bench, "/loop")
    texts = []

    def listen(route):
        answer = route.fetch()
        texts.append(answer.text())
        route.fulfill(response=answer)

    # What is told of an image once it is answered is another matter.
    page.route(re.compile("/api/(?!answers)"), listen)
    for turn in range(1, 3):
        expect(page.get_by_role("button", name="Next batch")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/label?batch={turn}")
        finish(page, 25)
        expect(page.get_by_role("link", name="To the next batch")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/loop")
    expect(page.locator("#numbers")).to_contain_text("of 5 random images")
    expect(page.locator("#numbers .value").first).to_have_text("50")
    curve = page.get_by_role("img", name="Learning curve")
    expect(curve).to_be_visible()
    # Neither page nor wire tell which images are random, nor what was predicted of them.
    batch = json.loads([line for line in bench.events() if '"batch"' in line][-1])
    told = "".join(texts)
    assert "secret" not in told
    assert "random=1" not in told
    assert not any(str(each)[:7] in told for each in batch["values"][0])
    queues = [each["queue"] for each in pages.answers(bench)]
    assert sum(each == "batch=2&random=1" for each in queues) == 5
    assert sum(each == "batch=2" for each in queues) == 20


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_loop_fits_a_phone_and_has_no_serious_fault(serve, opened, colours):
    axe = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    rules = (Path(axe.__file__).parent / "axe.min.js").read_text()
    bench = serve(collection(200))
    session = bench.session()
    for _ in range(3):
        given = session.post(f"{bench.url}/api/batch", json={"rater": "ann"}).json()
        for row in session.get(f"{bench.url}/api/rows", params=given).json()["rows"]:
            bench.answer(session, row, "disc" if row % 2 else "ringed", queue="batch=1")
    page = opened(bench, "/loop", 390, color_scheme=colours, bypass_csp=True)
    page.get_by_role("img", name="Learning curve").wait_for()
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(reports._NAMELESS) == []
    assert page.evaluate(reports._FAINT) == []
    page.evaluate(rules)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [each for each in found if each["impact"] in ("serious", "critical")] == []


def test_without_a_model_the_page_says_what_is_missing(serve, opened):
    from dataclasses import replace

    bench = serve(replace(collection(9), predictions=None, features=None, model=""))
    page = opened(bench, "/loop")
    expect(page.locator("#problem")).to_contain_text("serve a run")
