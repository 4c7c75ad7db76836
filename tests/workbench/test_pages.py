"""The workbench in a real browser."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.report import test_browser as reports
from tests.workbench.conftest import Bench, collection, galaxies

HOSTILE = ("<img src=x onerror=alert(1)>", "a\"b'&amp;</script>", "${1}{{7*7}}")


expect = reports._API.expect
expect.set_options(timeout=60_000)  # a machine may be busy; what is expected comes


# What each page has when it is there.
READY = {
    "/": "#count:not(:empty)", "/label": "#choices button", "/queues": "#queues li",
    "/raters": "#agreement > *", "/export": "h2",
    "/map": "#legend li, #problem:not([hidden])",
    "/loop": "#next:not(:disabled), #problem:not([hidden])",
}  # fmt: skip


@pytest.fixture
def opened(browser) -> Iterator[Callable]:
    """Opens pages of a bench; asserts in the end that nothing failed and no other server was asked.

    `context` is that of an earlier page, for another tab of the same browser.
    """
    contexts, wrong = [], []

    def note(request, bench: Bench):
        if not request.url.startswith(bench.url + "/"):
            wrong.append(request.url)

    def failed(request):
        if "ERR_ABORTED" not in request.failure:  # of a page that is left, or a tile
            wrong.append(f"{request.failure} {request.url}")

    def refused(status: int, url: str):
        # 400 is a wrong filter, which the page tells of.
        if status not in (200, 303, 304, 400):
            wrong.append(f"{status} {url}")

    def said(text: str):
        if "Failed to load resource" not in text:
            wrong.append(text)

    def open_page(bench: Bench, path: str = "/", width: int = 1280, context=None, **options):
        if context is None:
            context = browser.new_context(viewport={"width": width, "height": 800}, **options)
            contexts.append(context)
            context.on("request", lambda request: note(request, bench))
            context.on("requestfailed", failed)
            context.on("response", lambda response: refused(response.status, response.url))
            context.on("console", lambda message: said(message.text))
            context.on("weberror", lambda error: wrong.append(str(error.error)))
            context.request.get(bench.links[-1])
        page = context.new_page()
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.goto(bench.url + path)
        page.locator(READY[path.partition("?")[0]]).first.wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def kinds(bench: Bench) -> list[str]:
    return [json.loads(line)["kind"] for line in bench.events()]


def answers(bench: Bench) -> list[dict]:
    return [each for each in map(json.loads, bench.events()) if each["kind"] == "answer"]


def stored(page) -> None:
    expect(page.locator("#saved")).to_have_text("all stored")


def until(page, script, argument=None):
    """Wait until a script gives true.

    Playwright's own `wait_for_function` tries again by `eval`, which the pages forbid.
    """
    end = time.monotonic() + 30
    while not page.evaluate(script, argument):
        assert time.monotonic() < end, script
        page.wait_for_timeout(20)


def pick(page, label: str, value: str) -> None:
    """Choose from a list, whose options are made when it is come to."""
    page.get_by_label(label, exact=True).focus()
    page.get_by_label(label, exact=True).select_option(value)


def current(page) -> str:
    return page.locator("#image").get_attribute("data-row")


def test_the_grid_of_a_survey_has_few_nodes_wherever_it_is_scrolled_to(serve, opened):
    bench = serve(collection(26_000))
    page = opened(bench)
    expect(page.locator("#count")).to_have_text("26,000 images")
    for place in (0, 0.5, 1):
        page.evaluate(f"scrollTo(0, {place} * (document.body.scrollHeight - innerHeight))")
        if place != 0.5:
            last = page.locator(f'#grid img[alt="Image g{25_999 * place}"]')
            expect(last).to_be_in_viewport()
        assert page.evaluate("document.querySelectorAll('*').length") < 400


def test_the_address_holds_the_filters(serve, opened):
    bench = serve(collection(60, redshift=[k / 10 for k in range(60)]))
    page = opened(bench)
    pick(page, "label", "With bar")
    expect(page.locator("#count")).to_have_text("20 of 60 images")
    pick(page, "Another column", "column.redshift")
    page.get_by_label("redshift", exact=True).fill("0..2")
    page.get_by_label("redshift", exact=True).press("Enter")
    expect(page.locator("#count")).to_have_text("7 of 60 images")
    assert page.url.endswith("/?label=With+bar&column.redshift=0..2")
    again = opened(bench, page.url.removeprefix(bench.url), context=page.context)
    expect(again.locator("#count")).to_have_text("7 of 60 images")
    assert again.get_by_label("label", exact=True).input_value() == "With bar"
    assert again.get_by_label("redshift", exact=True).input_value() == "0..2"
    page.go_back()
    expect(page.locator("#count")).to_have_text("20 of 60 images")
    expect(page.locator("#grid li")).to_have_count(20)
    pick(page, "label", "")
    pick(page, "Order", "-column.redshift")
    expect(page.locator("#grid img").first).to_have_attribute("alt", "Image g59")


def test_a_wrong_filter_is_one_line(serve, opened):
    page = opened(serve(collection()))
    page.get_by_label("probability", exact=True).fill("high")
    page.get_by_label("probability", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("expected numbers")


def test_the_keyboard_leads_through_the_grid(serve, opened):
    page = opened(serve(collection(2000)))
    page.locator("#grid a").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    focused = "document.activeElement.firstChild.src.match(/image.(\\d+)/)[1]"
    across = int(page.evaluate(focused)) - 1
    assert 3 < across < 20
    page.keyboard.press("End")
    assert page.evaluate(focused) == "1999"
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_text("g1999")
    assert current(page) == "1999"


def test_a_hundred_keys_are_a_hundred_rows_in_order(serve, opened):
    bench = serve(collection(110))
    page = opened(bench, "/label")
    for number in range(100):
        assert current(page) == str(number)
        page.keyboard.press("123"[number % 3])
    stored(page)
    given = answers(bench)
    assert [each["image"] for each in given] == [f"g{k}" for k in range(100)]
    names = bench.collection.questions.task.names
    assert [each["answer"] for each in given] == [[names[k % 3]] for k in range(100)]
    assert {each["rater"] for each in given} == {"ann"}
    assert not any(each["shown"] for each in given)


def test_the_next_three_images_are_there_before_their_turn(serve, opened):
    page = opened(serve(collection()), "/label")
    page.wait_for_load_state("networkidle")
    page.context.route("**/image/**", lambda route: None)  # no further one arrives
    shown = "(({complete, naturalWidth}) => complete && naturalWidth)"
    for number in range(1, 5):
        page.keyboard.press("1")
        assert current(page) == str(number)
        there = page.evaluate(f"{shown}(document.querySelector('#image img'))")
        assert bool(there) == (number < 4)


def test_undo_goes_back_also_after_a_reload(serve, opened):
    bench = serve(collection())
    page = opened(bench, "/label")
    for key in "12s31":
        page.keyboard.press(key)
    stored(page)
    assert current(page) == "5"
    page.keyboard.press("z")
    expect(page.locator("#image")).to_have_attribute("data-row", "4")
    page.reload()
    page.locator("#choices button").first.wait_for()
    assert current(page) == "2"  # skipped, and so not answered
    for row in ("3", "1", "0"):
        page.keyboard.press("z")
        expect(page.locator("#image")).to_have_attribute("data-row", row)
    page.keyboard.press("z")
    expect(page.locator("#saved")).to_have_text("nothing to undo")
    assert kinds(bench).count("answer") == 4
    assert kinds(bench).count("undo") == 4
    page.keyboard.press("3")
    stored(page)
    assert answers(bench)[-1]["image"] == "g0"


def test_no_prediction_and_no_name_arrives_before_the_answer(serve, opened):
    bench = serve(collection(number=9, ids="secret disc {}"))
    page = opened(bench, "/export")
    texts = {}

    def listen(route):
        answer = route.fetch()
        if "/image/" not in route.request.url:
            texts[route.request.url] = answer.text() + str(answer.headers)
        route.fulfill(response=answer)

    page.route("**/*", listen)
    page.goto(f"{bench.url}/label")
    page.locator("#choices button").first.wait_for()
    page.wait_for_load_state("networkidle")
    about = texts.pop(f"{bench.url}/api/about")
    assert "secret" not in "".join(texts.values())
    assert "secret" not in page.content()
    # Of the model, ranges over all images at most.
    for value in bench.collection.predictions.values[0]:
        assert str(value)[:6] not in "".join(texts.values()) + page.content()
    assert len(about) < 4000
    page.keyboard.press("2")
    before = page.get_by_label("The image before")
    expect(before).to_contain_text("secret disc 0")
    row = before.locator("tbody tr").nth(1)
    model = bench.collection.predictions.values[0, 1]
    expect(row).to_have_text(f"With bar100.0\u00a0%{100 * model:.1f}\u00a0%0.0\u00a0%")
    assert "secret disc 1" not in page.content()


def test_a_tree_asks_what_is_reachable_and_a_step_back_clears_what_followed(serve, opened):
    bench = serve(galaxies())
    page = opened(bench, "/label")
    question, trail = page.locator("#question"), page.locator("#trail")
    first = question.inner_text()
    page.keyboard.press("2")
    expect(question).to_have_text("Could this be a disk viewed edge-on?")
    page.keyboard.press("1")
    expect(trail).to_have_text("features or disk › yes")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Backspace")
    expect(question).to_have_text(first)
    expect(trail).to_have_text("")
    page.keyboard.press("1")
    expect(question).to_have_text("How rounded is it?")
    page.keyboard.press("9")  # there is no ninth answer
    for key in ("2", "2"):
        page.keyboard.press(key)
    expect(page.locator("#image")).to_have_attribute("data-row", "1")
    stored(page)
    (given,) = answers(bench)
    assert given["answer"] == ["Class1.1", "Class7.2", "Class6.2"]
    expect(page.get_by_label("The image before").locator("table")).to_have_count(3)


def test_the_grid_shows_predictions_when_asked_and_that_is_noted(serve, opened):
    bench = serve(collection(6))
    page = opened(bench)
    expect(page.locator("#grid small").first).to_have_text("g0")
    assert kinds(bench) == []
    page.get_by_label("Show the model").check()
    told = bench.collection.predicted([0])[0]
    text = f"{told['prediction']}, {100 * told['probability']:.1f}\u00a0%"
    expect(page.locator("#grid small").first).to_have_text(text)
    assert kinds(bench) == ["shown"]
    label = opened(bench, "/label", context=page.context)
    label.keyboard.press("1")
    stored(label)
    assert answers(bench)[0]["shown"]


def test_addresses_where_nothing_is_and_strangers_get_a_page(serve, browser):
    bench = serve(collection(3))
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page, said = context.new_page(), []
    for link, status, text in (
        (f"{bench.url}/", 403, "Open the link that hubblefork serve has printed."),
        (f"{bench.url}/?token=guess", 403, "This link was used or is an old one"),
        (bench.links[-1], 200, "Galaxies"),
        (f"{bench.url}/nothing<b>", 404, "Nothing is at this address"),
        (f"{bench.url}/look?at=99", 200, "No such image"),
    ):
        assert page.goto(link).status == status
        expect(page.locator("body")).to_contain_text(text)
        faults = Axe().run(page).response["violations"]
        said += [each["id"] for each in faults if each["impact"] in ("serious", "critical")]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
    assert said == []
    answer = bench.session().get(f"{bench.url}/nothing")
    assert answer.json() == {"error": "nothing is at /nothing"}


def test_two_tabs_of_two_raters_lose_nothing(serve, opened):
    bench = serve(collection(20))
    ann = opened(bench, "/label")
    bob = opened(bench, "/label", context=ann.context)
    bob.get_by_label("Rater").fill("bob")
    bob.get_by_label("Rater").press("Tab")
    bob.locator("#question").click()
    expect(bob.locator("#place")).to_have_text("20 to label")
    for _ in range(4):
        ann.keyboard.press("1")
        bob.keyboard.press("2")
    ann.keyboard.press("1")
    stored(ann)
    bob.keyboard.press("2")  # who is told what the other has answered by now
    stored(bob)
    ann.keyboard.press("z")
    expect(ann.locator("#image")).to_have_attribute("data-row", "4")
    given = [(each["rater"], each["image"]) for each in answers(bench)]
    assert sorted(given) == [(who, f"g{k}") for who in ("ann", "bob") for k in range(5)]
    assert kinds(bench).count("undo") == 1
    expect(bob.get_by_label("The image before")).to_contain_text("All 2 raters")


def test_hostile_names_are_text(serve, opened):
    # `opened` fails for any dialog, error or request that one of them would cause.
    columns = {HOSTILE[0]: list(HOSTILE) * 3}
    bench = serve(collection(9, names=HOSTILE, ids="<svg onload=alert(2)>{}", **columns))
    page = opened(bench)
    expect(page.locator("#grid span").first).to_have_text(HOSTILE[0])
    page.get_by_label("Show the model").check()
    pick(page, "Another column", f"column.{HOSTILE[0]}")
    pick(page, HOSTILE[0], HOSTILE[1])
    expect(page.locator("#count")).to_have_text("3 of 9 images")
    page = opened(bench, "/label", context=page.context)
    expect(page.locator("#choices button").first).to_have_text(f"1 {HOSTILE[0]}")
    page.keyboard.press("1")
    expect(page.get_by_label("The image before")).to_contain_text("<svg onload=alert(2)>0")


def test_labels_are_downloaded(serve, opened):
    bench = serve(collection())
    page = opened(bench, "/label")
    page.keyboard.press("1")
    stored(page)
    page.goto(f"{bench.url}/export")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith('"g0","disc","ann"')


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_pages_fit_a_phone_have_names_and_letters_stand_out(serve, opened, colours):
    bench = serve(galaxies())
    context = None
    for path in ("/?show=model", "/label", "/export"):
        page = opened(bench, path, 390, context, color_scheme=colours)
        context = page.context
        if path == "/label":
            bench.answer(bench.session(), 0, "Class1.3", rater="bob")
            for key in "112":
                page.keyboard.press(key)
            page.locator("#before table").first.wait_for()
        if path.startswith("/?"):
            page.locator("#grid small").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(reports._NAMELESS) == []
        assert page.evaluate(reports._FAINT) == []
        found = Axe().run(page).response["violations"]
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
