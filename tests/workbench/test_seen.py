"""An answer is blind only where neither its rater nor the browser was told of the prediction."""

from dataclasses import replace

import pytest

from tests.workbench import test_map as maps
from tests.workbench import test_pages as pages
from tests.workbench.conftest import Bench, collection, compared, serving

opened, expect = pages.opened, pages.expect


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """With many more images than a window has, so that some of each queue are not shown."""
    pytest.importorskip("uvicorn")
    shown = replace(compared(400), features=collection(400).features)
    with serving(shown, tmp_path_factory.mktemp("seen") / "labels.jsonl") as running:
        yield running


def in_the_grid(page) -> list[str]:
    """The rows whose images are shown."""
    page.locator("#grid small").first.wait_for()
    expect(page.locator("#grid li:not(:has(small))")).to_have_count(0)
    links = [each.get_attribute("href") for each in page.locator("#grid a:has(img[src])").all()]
    return [link.rpartition("at=")[2].partition("&")[0] for link in links]


def grid(page, bench: Bench, query: str) -> list[str]:
    page.goto(f"{bench.url}/?{query}")
    return in_the_grid(page)


def by_looking(page, bench: Bench) -> list[str]:
    page.goto(f"{bench.url}/look?queue=least-typical&at=11")
    page.locator("#name:not(:empty)").wait_for()
    return ["11"]


def by_skipping(page, bench: Bench) -> list[str]:
    skipped, before = [], len(bench.events())
    page.goto(f"{bench.url}/label?queue=mislabels")
    page.locator("#choices button").first.wait_for()
    for _ in range(3):
        skipped.append(pages.current(page))
        page.keyboard.press("s")
    skipped.append(pages.current(page))  # and this one is left
    for _ in range(600):
        if len(bench.events()) == before + 4:
            return skipped
        page.wait_for_timeout(50)
    raise AssertionError("what was shown is not noted")


def by_the_map(page, bench: Bench) -> list[str]:
    """Pointed at before the colours are those of predictions."""
    page.goto(f"{bench.url}/map")
    page.locator("#legend li").first.wait_for()
    row = maps.alone(bench)
    page.mouse.move(*maps.on_map(page, bench.collection.map.places[row]))
    expect(page.locator("#shown a")).to_have_text(f"g{row}")
    pages.pick(page, "Colour", "prediction")
    page.get_by_role("button", name="Ringed").wait_for()
    return [str(row)]


WAYS = {
    "queue": lambda page, bench: grid(page, bench, "queue=mistakes"),
    "order": lambda page, bench: grid(page, bench, "order=-probability"),
    "filter": lambda page, bench: grid(page, bench, "prediction=disc"),
    "predictions": lambda page, bench: grid(page, bench, "show=model"),
    "look": by_looking,
    "skip": by_skipping,
    "map": by_the_map,
}


@pytest.mark.parametrize("way", WAYS)
def test_what_was_seen_of_a_prediction_anywhere_is_known_when_it_is_answered(bench, opened, way):
    page = opened(bench, "/export")
    page.evaluate("(name) => sessionStorage.setItem('rater', name)", f"rater {way}")
    told = WAYS[way](page, bench)
    assert 0 < len(told) < 100
    other = next(str(row) for row in range(400) if str(row) not in told)
    for row in (told[0], told[-1], other):
        page.goto(f"{bench.url}/label?at={row}")
        page.locator("#choices button").first.wait_for()
        page.keyboard.press("1")
        pages.stored(page)
    *seen, unseen = pages.answers(bench)[-3:]
    assert [each["rater"] for each in (*seen, unseen)] == [f"rater {way}"] * 3
    assert [each["shown"] for each in seen] == [True, True]
    assert (unseen["image"], unseen["shown"]) == (f"g{other}", False)


def test_what_tells_nothing_leaves_an_answer_blind(bench, opened):
    page = opened(bench, "/?queue=random-audit&label=disc&order=column.id")
    page.evaluate("sessionStorage.setItem('rater', 'blind')")
    before = len(bench.events())
    page.reload()
    rows = in_the_grid(page)
    page.goto(f"{bench.url}/look?label=disc&at={rows[0]}")
    page.locator("#name:not(:empty)").wait_for()
    assert len(bench.events()) == before
    page.keyboard.press("l")
    page.locator("#choices button").first.wait_for()
    page.keyboard.press("1")
    pages.stored(page)
    assert not pages.answers(bench)[-1]["shown"]


def test_a_name_that_is_given_after_a_look_does_not_make_it_blind(bench):
    looked, other = bench.session(), bench.session()
    rows = {"rater": "user", "rows": [300, 301]}
    assert looked.post(f"{bench.url}/api/shown", json=rows).status_code == 200
    bench.answer(looked, 300, "disc", rater="who came by this name later")
    bench.answer(other, 301, "disc", rater="somebody else")
    bench.answer(other, 300, "disc", rater="user")  # in whatever browser
    assert [each["shown"] for each in pages.answers(bench)[-3:]] == [True, False, True]


def test_copies_of_an_image_are_known_by_their_pixels(serve):
    shown = collection(9)
    table = shown.dataset.table.copy()
    table.loc[5, "digest"] = table["digest"][2]
    bench = serve(replace(shown, dataset=replace(shown.dataset, table=table)))
    session = bench.session()
    session.post(f"{bench.url}/api/look", json={"rater": "ann", "row": 2})
    for row, seen in ((5, True), (6, False)):
        bench.answer(session, row, "disc", rater="ann")
        assert pages.answers(bench)[-1]["shown"] is seen


def test_maps_of_the_evidence_are_for_the_browser_that_was_told(bench):
    answer = bench.session().get(f"{bench.url}/map/row-9/0")
    assert (answer.status_code, answer.json()["error"]) == (
        400, "image 9 has to be explained first",
    )  # fmt: skip


def test_no_response_tells_of_an_image_unless_it_is_noted(bench):
    """All that can be asked for, searched for each image's own numbers."""
    session, found = bench.session(), bench.collection.predictions
    paths = [
        "/api/about", "/api/rows?queue=mistakes", "/api/queues?rater=eve", "/api/loop?rater=eve",
        "/api/raters", "/api/tiles?rows=350,351", "/api/image/350", "/labels.csv",
        "/api/map/groups?column=prediction",
    ]  # fmt: skip
    asked = [session.get(f"{bench.url}{path}").text for path in paths]
    before = len(bench.events())
    numbers = {str(float(each))[:8] for each in (*found.values[350], *found.typicality[350:352])}
    ends = {
        str(end)[:8]
        for each in bench.collection.filters
        for end in (each.get("low"), each.get("high"))
    }
    assert [each for each in numbers - ends if each in "".join(asked)] == []
    for path, content in (
        ("/api/shown", {"rows": [350]}), ("/api/look", {"row": 351}),
        ("/api/offered", {"rows": [352], "query": "queue=mistakes"}),
        ("/api/answers", {"row": 353, "answer": ["disc"], "queue": "", "key": "seen 353"}),
    ):  # fmt: skip
        assert (
            session.post(f"{bench.url}{path}", json={"rater": "eve"} | content).status_code == 200
        )
    assert [each.count('"shown"') for each in bench.events()[before:]] == [1, 1, 1, 1, 1]
    for row in range(350, 354):
        bench.answer(session, row, "disc", rater="fay")
    assert all(each["shown"] for each in pages.answers(bench)[-4:])
