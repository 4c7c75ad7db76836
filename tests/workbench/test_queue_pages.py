"""Queues, agreement of raters and two runs, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from hubblefork.workbench.raters import agreement
from hubblefork.workbench.store import read_labels
from tests.workbench import test_pages as pages
from tests.workbench.conftest import Bench, collection, compared, galaxies, serving
from tests.workbench.test_pages import HOSTILE, answers, expect, stored

opened = pages.opened

SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    pytest.importorskip("uvicorn")
    with serving(compared(), tmp_path_factory.mktemp("queues") / "labels.jsonl") as running:
        yield running


def grid_count(page) -> int:
    return int(page.locator("#count").inner_text().split()[0])


def test_a_queue_is_chosen_by_keys_and_its_name_is_stored(bench: Bench, opened):
    page = opened(bench, "/queues")
    page.get_by_role("link", name="Label: Most confident mistakes").focus()
    page.keyboard.press("Enter")
    page.locator("#choices button").first.wait_for()
    asked = [pages.current(page)]
    page.keyboard.press("1")
    asked.append(pages.current(page))
    page.keyboard.press("2")
    stored(page)
    mistakes = bench.collection.questions.task.worst(
        bench.collection.true, bench.collection.predictions.values
    )
    assert asked == [str(row) for row in mistakes[:2]]
    given = answers(bench)[-2:]
    assert [(each["queue"], each["shown"]) for each in given] == [("queue=mistakes", True)] * 2
    page = opened(bench, "/queues", context=page.context)
    item = page.get_by_role("listitem").filter(has_text="Most confident mistakes")
    expect(item).to_contain_text(f"{len(mistakes)} images, {len(mistakes) - 2} to label")
    page.get_by_role("link", name="Label: Random audit").click()
    page.locator("#choices button").first.wait_for()
    # One that nothing was told of yet.
    seen = {each["image"] for each in answers(bench)}
    while f"g{pages.current(page)}" in seen:
        page.keyboard.press("s")
    page.keyboard.press("1")
    stored(page)
    assert (answers(bench)[-1]["queue"], answers(bench)[-1]["shown"]) == (
        "queue=random-audit", False,
    )  # fmt: skip


def test_a_queue_opens_as_images_and_a_click_goes_on_in_its_order(bench: Bench, opened):
    page = opened(bench, "/?queue=corrected")
    rows = bench.collection.pair.corrected.tolist()
    assert grid_count(page) == len(rows)
    expect(page.get_by_label("Queue", exact=True)).to_have_value("corrected")
    page.locator("#grid a").nth(1).click()
    expect(page.locator("#name")).to_have_text(f"g{rows[1]}")
    page.keyboard.press("l")
    page.locator("#choices button").first.wait_for()
    unseen = [row for row in rows if f"g{row}" not in {each["image"] for each in answers(bench)}]
    assert pages.current(page) == str(rows[1])
    page.keyboard.press("3")
    turn = unseen.index(rows[1]) + 1 if rows[1] in unseen else 0
    following = unseen[turn % len(unseen)]
    assert pages.current(page) == str(following)
    page.keyboard.press("3")
    stored(page)
    clicked, offered = answers(bench)[-2:]
    assert clicked["queue"] == f"queue=corrected&at={rows[1]}"
    assert offered["queue"] == "queue=corrected"
    page = opened(bench, "/", context=page.context)
    pages.pick(page, "Queue", "broken")
    expect(page.locator("#count")).to_contain_text(f"{len(bench.collection.pair.broken)} of 60")


def test_two_runs_are_counted_and_each_count_opens_its_images(bench: Bench, opened):
    page = opened(bench, "/queues")
    table, pair = page.locator("#runs table"), bench.collection.pair
    right = [each.correct for each in pair.answers]
    numbers = [
        (right[0] & right[1]).sum(), pair.test.only_second, pair.test.only_first,
        (~right[0] & ~right[1]).sum(),
    ]  # fmt: skip
    assert table.locator("td").all_inner_texts() == [str(each) for each in numbers]
    assert sum(numbers) == len(pair.rows)
    expect(page.locator("#runs")).to_contain_text("weak, then runs/good, on the 40 test images")
    page.locator("#runs").get_by_role("link", name="Broken").focus()
    page.keyboard.press("Enter")
    page.locator("#count:not(:empty)").wait_for()
    assert grid_count(page) == pair.test.only_first


def test_no_queue_sends_a_prediction_before_the_answer(serve, opened):
    bench = serve(compared(), "unseen.jsonl")
    page = opened(bench, "/export")
    texts = []

    def listen(route):
        answer = route.fetch()
        texts.append(answer.text() + str(answer.headers))
        route.fulfill(response=answer)

    page.route("**/api/**", listen)
    names = ["least-certain", "mistakes", "mislabels", "least-typical", "runs-differ", "corrected",
             "broken", "random-audit"]  # fmt: skip
    for name in names:
        page.goto(f"{bench.url}/label?queue={name}")
        page.locator("#choices button").first.wait_for()
    page.goto(f"{bench.url}/queues")
    page.locator("#queues li").first.wait_for()
    page.wait_for_load_state("networkidle")
    received = "".join(texts)
    assert received.count('"rows":[') == len(names)
    shown = bench.collection
    told = [*shown.predictions.values[:, 0], *shown.predictions.typicality]
    told += [*shown.pair.answers[1].values[:, 0], *shown.mislabels["p_label"]]
    # Ranges over all images are in the list of filters.
    ends = {str(end) for each in shown.filters for end in (each.get("low"), each.get("high"))}
    assert [each for each in map(str, told) if each[:8] in received and each not in ends] == []
    assert "g12" not in received  # no name either


def test_agreement_of_two_raters_is_shown_and_leads_to_where_they_differ(serve, opened):
    bench = serve(compared())
    session = bench.session()
    names = bench.collection.questions.task.names
    for row in range(8):
        bench.answer(session, row, names[row % 3], rater="ann")
        bench.answer(session, row, names[row % 2], rater="bob")
    page = opened(bench, "/raters")
    table = agreement(read_labels(bench.labels)).set_index("raters")
    kappa = table.loc["ann, bob", "cohen_kappa"]
    row = page.locator("#agreement tr").filter(has_text="ann, bob")
    expect(row).to_contain_text(f"{kappa:.3f}")
    alpha = table.loc["all", "krippendorff_alpha"]
    expect(page.locator("#agreement tr").nth(1)).to_contain_text(f"{alpha:.3f}")
    expect(page.locator("#against")).to_contain_text("Beside the labels")
    with page.expect_download() as download:
        page.get_by_role("link", name="All as CSV").click()
    assert "krippendorff_alpha" in download.value.path().read_text().splitlines()[0]
    page.get_by_role("link", name="Images on which raters differ").click()
    page.locator("#count:not(:empty)").wait_for()
    assert grid_count(page) == sum(row % 3 != row % 2 for row in range(8))


def test_volunteers_stand_beside_an_expert(serve, opened):
    bench = serve(galaxies())
    session = bench.session()
    for row in range(3):
        bench.answer(session, row, "Class1.1", "Class7.2", "Class6.2")
    page = opened(bench, "/raters")
    expect(page.locator("#agreement")).to_contain_text("No image has answers of two raters yet")
    first = page.locator("#against table").first.locator("tbody tr")
    mean = bench.collection.true[:3, :3].mean(axis=0)
    text = "".join(f"{100 * each:.1f}\u00a0%" for each in mean)
    expect(first).to_contain_text("3" + text)


def test_hostile_names_are_text(serve, opened):
    bench = serve(collection(9, names=HOSTILE))
    session = bench.session()
    for rater in HOSTILE[:2]:
        for row in range(3):
            bench.answer(session, row, HOSTILE[row], rater=rater)
    page = opened(bench, "/raters")
    expect(page.locator("#against table").first).to_contain_text(HOSTILE[0])
    expect(page.locator("#agreement")).to_contain_text(f"{HOSTILE[0]}, {HOSTILE[1]}")
    page.goto(f"{bench.url}/?queue={HOSTILE[0]}")
    expect(page.get_by_role("alert")).to_contain_text(f"no queue is called '{HOSTILE[0]}'")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_pages_fit_a_phone_and_have_no_serious_fault(bench: Bench, opened, colours):
    session = bench.session()
    for rater in ("ann", "bob", "cleo"):
        bench.answer(session, 7, "disc", rater=rater)
    context = None
    for path in ("/queues", "/raters"):
        page = opened(bench, path, 390, context, color_scheme=colours)
        context = page.context
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        found = Axe().run(page).response
        assert len(found["passes"]) > 10
        faults = [each for each in found["violations"] if each["impact"] in SERIOUS]
        assert [each["id"] for each in faults] == []
