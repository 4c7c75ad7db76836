"""The map: places, areas, groups of columns, and its page in a real browser."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.path import Path as Outline

from hubblefork.core.errors import RequestError
from hubblefork.workbench.map import MOST_CORNERS, SIDE, ImageMap, corners, inside, places
from hubblefork.workbench.map_colours import groups
from tests.report import test_browser as reports
from tests.workbench import test_pages as pages
from tests.workbench.conftest import collection
from tests.workbench.test_queue_pages import SERIOUS, Axe

opened, expect = pages.opened, pages.expect

RANDOM = np.random.default_rng(0)


def test_an_area_is_what_matplotlib_says_of_it():
    points = RANDOM.integers(1, 2000, (3000, 2))
    for number in (3, 5, 12):
        outline = RANDOM.integers(0, 1000, (number, 2)) * 2
        points[:, 0] |= 1  # corners are even: no point lies on one
        found = inside(points.astype(np.uint16), outline)
        near = Outline(np.vstack([outline, outline[:1]]), closed=True)
        # Where an outline crosses itself, matplotlib counts turns; of a triangle both are one.
        if number == 3:
            assert found.tolist() == near.contains_points(points).tolist()
        x, y = points.T
        crossings = sum(
            ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0 or 1))
            for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, 0), strict=True)
        )
        assert found.tolist() == (crossings % 2 == 1).tolist()


@pytest.mark.parametrize(
    "area", ["", "1.2", "1.2-3.4", "a.b-c.d-e.f", "1.2-3.4-5", "1.2-3.4-5.6.7", "-1.2-3.4-5.6",
             "1.2-3.4-5.999999", "²·1-3.4-5.6", "-".join(["1.2"] * (MOST_CORNERS + 1))],
)  # fmt: skip
def test_what_is_no_area_is_one_line(area):
    with pytest.raises(RequestError, match="expected 3 to 48 corners"):
        corners(area)


def test_images_beyond_the_sample_lie_with_those_like_them():
    group = np.arange(300) % 3
    features = 20 * np.eye(3)[group] + RANDOM.normal(size=(300, 3))
    found = places(features.astype(np.float32), sample=60).astype(float)
    centres = np.array([np.median(found[group == each], axis=0) for each in range(3)])
    nearest = np.linalg.norm(found[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == group).mean() > 0.98
    assert found.min() >= 1
    assert found.max() < SIDE - 1


def test_places_are_computed_once_and_kept(tmp_path, capsys):
    features = RANDOM.normal(size=(30, 4)).astype(np.float32)
    path = tmp_path / "predictions" / "m-map.npz"
    with pytest.raises(RequestError, match="open the page Map"):
        ImageMap(features, path).inside("0.0-9.0-9.9")
    first = ImageMap(features, path)
    first.compute()
    written = path.stat().st_mtime_ns
    again = ImageMap(features, path)
    assert again.places.tolist() == first.places.tolist()
    again.compute()
    assert path.stat().st_mtime_ns == written
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    third = ImageMap(features, path)
    third.compute()
    assert "damaged" in capsys.readouterr().err
    assert ImageMap(features, path).places.tolist() == first.places.tolist()


def test_a_map_needs_a_model_and_some_images():
    with pytest.raises(RequestError, match="serve a run"):
        ImageMap(None).compute()
    for number in (1, 2, 3):
        for features in (np.ones((number, 2)), RANDOM.normal(size=(number, 2))):
            with pytest.raises(RequestError, match="needs 4 or more"):
                ImageMap(features.astype(np.float32)).compute()


@pytest.mark.filterwarnings("error")
def test_features_that_say_little_have_a_map_and_those_that_are_no_numbers_a_line():
    same = np.full((40, 6), 0.1, np.float32)
    assert (places(same) == places(same)[0]).all()
    assert abs(int(places(same)[0, 0]) - SIDE // 2) < 3  # in the middle
    two = places(np.repeat([[0.0, 0.1], [1.0, 0.1]], 20, axis=0))
    assert (two[0] != two[-1]).any()
    for few in (
        RANDOM.normal(size=(5, 90)),
        RANDOM.normal(size=(40, 1)),
        1e30 * same + RANDOM.random((40, 6)) * 1e30,
    ):
        found = places(few)
        assert len(np.unique(found, axis=0)) == len(few)
    for wrong in (np.nan, np.inf):
        features = RANDOM.normal(size=(9, 4))
        features[3, 1] = wrong
        with pytest.raises(RequestError, match=r"for 1 of 9 images, .* image 3"):
            places(features)


def test_the_filter_of_a_group_gives_exactly_its_images():
    columns = {
        "mass": np.where(RANDOM.random(90) < 0.1, np.nan, RANDOM.normal(size=90)),
        "small": RANDOM.normal(size=90).astype(np.float32),
        "tied": RANDOM.choice([1.0, 2.0, np.inf], 90, p=[0.8, 0.1, 0.1]),
        "whole": pd.array([None, *range(89)], "Int64"),
        "bar": RANDOM.random(90) < 0.5,
        "survey": RANDOM.choice(["sdss", "decals", None], 90),
        "empty": np.full(90, np.nan),
    }
    shown = collection(90, **columns)
    for each in shown.filters:
        if each["kind"] == "text":
            continue
        found, codes = groups(shown, each["name"])
        assert sum(group["count"] for group in found) == 90
        for code, group in enumerate(found):
            rows = np.flatnonzero(codes == code).tolist()
            assert len(rows) == group["count"] > 0
            if group["value"] is not None:
                assert shown.rows({each["name"]: group["value"]}).tolist() == rows
    assert [each["text"] for each in groups(shown, "column.empty")[0]] == ["no value"]
    with pytest.raises(RequestError, match=r"column\.id has too many different values"):
        groups(shown, "column.id")
    with pytest.raises(RequestError, match="no column is called 'lable'"):
        groups(shown, "lable")


# Browser.

COLOURS = """
() => {
  const map = document.querySelector("#map");
  const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
  const found = new Set();
  for (let k = 0; k < data.length; k += 4) {
    if (data[k + 3] === 255) found.add(`rgb(${data[k]}, ${data[k + 1]}, ${data[k + 2]})`);
  }
  return [...found];
}
"""
SWATCHES = "() => [...document.querySelectorAll('#legend i')].map((each) => each.style.background)"


def on_map(page, place) -> tuple[float, float]:
    """Where a place of the map is in the window, as it is shown at first."""
    box = page.locator("#map").bounding_box()
    scale = 0.97 * min(box["width"], box["height"]) / SIDE
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return tuple(m + (p - SIDE / 2) * scale for m, p in zip(middle, place, strict=True))


def alone(bench) -> int:
    """The row with the most room around it: no other dot lies over its own."""
    found = bench.collection.map.places.astype(float)
    apart = np.linalg.norm(found[:, None] - found, axis=2) + 1e9 * np.eye(len(found))
    return int(apart.min(axis=1).argmax())


def drag(page, *points) -> None:
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def drawn(page, wanted: set[str]) -> None:
    pages.until(page, f"(wanted) => wanted.every((e) => ({COLOURS})().includes(e))", sorted(wanted))


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_dots_have_the_colours_of_the_legend(bench, opened, colours):
    page = opened(bench, "/map", color_scheme=colours)
    expect(page.locator("#legend")).to_contain_text("With bar20")
    swatches = page.evaluate(SWATCHES)
    assert len(set(swatches)) == 3
    drawn(page, set(swatches))
    bar = page.get_by_role("button", name="With bar")
    bar.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="With bar")).to_have_attribute("aria-pressed", "true")
    shown = page.evaluate(SWATCHES)[
        [*page.locator("#legend span").all_inner_texts()].index("With bar")
    ]
    others = [each for each in swatches if each != shown]
    pages.until(page, f"(others) => !others.some((e) => ({COLOURS})().includes(e))", others)
    drawn(page, {shown})
    pages.pick(page, "Colour", "column.redshift")
    expect(page.locator("#legend li")).to_have_count(6)
    drawn(page, set(page.evaluate(SWATCHES)))


def test_a_lasso_opens_exactly_its_images(serve, opened):
    bench = serve(collection(200))
    page = opened(bench, "/map")
    page.get_by_role("button", name="Choose an area").click()
    outline = [(0.1, 0.1), (0.6, 0.15), (0.75, 0.5), (0.4, 0.8), (0.12, 0.6), (0.1, 0.1)]
    drag(page, *(on_map(page, (x * SIDE, y * SIDE)) for x, y in outline))
    link = page.get_by_role("link", name="Open these")
    number = int(re.search(r"\d+", link.inner_text())[0])
    area = re.search(r"area=([^&]*)", page.url)[1]
    rows = np.flatnonzero(bench.collection.map.inside(area))
    assert 20 < len(rows) < 190
    assert number == len(rows)
    link.click()
    expect(page.locator("#count")).to_have_text(f"{number} of 200 images")
    got = bench.session().get(f"{bench.url}/api/rows", params={"area": area}).json()["rows"]
    assert got == rows.tolist()
    # Not chosen by what the model says: labels given here are blind.
    page.get_by_role("link", name="Label", exact=True).click()
    page.locator("#choices button").first.wait_for()
    page.keyboard.press("1")
    pages.stored(page)
    (given,) = pages.answers(bench)
    assert given["image"] == f"g{rows[0]}"
    assert not given["shown"]
    page.go_back()
    page.get_by_label("Only the area of the map").uncheck()
    expect(page.locator("#count")).to_have_text("200 images")
    assert page.url == f"{bench.url}/"


def test_labels_of_an_area_that_was_chosen_by_predictions_are_not_blind(serve, opened):
    bench = serve(collection(60))
    page = opened(bench, "/map?colour=prediction")
    low, high = -800, SIDE + 800  # there is a margin around the map
    drag_all = [(low, low), (high, low), (high, high), (low, high)]
    page.keyboard.down("Shift")
    drag(page, *(on_map(page, each) for each in drag_all))
    page.keyboard.up("Shift")
    page.get_by_role("link", name="Open these 60 images").click()
    expect(page.locator("#count")).to_have_text("60 images")
    page.locator("#grid small").first.wait_for()
    assert pages.kinds(bench) == ["shown"]
    page.get_by_role("link", name="Label", exact=True).click()
    page.locator("#choices button").first.wait_for()
    page.keyboard.press("1")
    pages.stored(page)
    assert pages.answers(bench)[0]["shown"]


def test_the_image_under_the_pointer_is_shown_and_opened(serve, opened):
    bench = serve(collection(30))
    page = opened(bench, "/map")
    drawn(page, set(page.evaluate(SWATCHES)))
    row = alone(bench)
    place = on_map(page, bench.collection.map.places[row])
    page.mouse.move(*place)
    expect(page.locator("#shown a")).to_have_text(f"g{row}")
    assert pages.kinds(bench) == []
    expect(page.locator("#shown")).not_to_contain_text("Model")
    page.mouse.move(5, 5)
    pages.pick(page, "Colour", "prediction")
    page.mouse.move(*place)
    expect(page.locator("#shown")).to_contain_text("Model: ")
    assert json.loads(bench.events()[-1])["images"][0][0] == f"g{row}"
    page.mouse.click(*place)
    expect(page.locator("#name")).to_have_text(f"g{row}")


def test_it_is_moved_and_zoomed(serve, opened):
    bench = serve(collection(40))
    page = opened(bench, "/map")
    drawn(page, set(page.evaluate(SWATCHES)))
    row = alone(bench)
    x, y = on_map(page, bench.collection.map.places[row])
    middle = on_map(page, (SIDE / 2, SIDE / 2))
    # Towards the middle, so that it stays in the window.
    moved = tuple(p + (60 if p < m else -60) for p, m in zip((x, y), middle, strict=True))
    drag(page, middle, tuple(m + to - p for m, to, p in zip(middle, moved, (x, y), strict=True)))
    page.mouse.move(*moved)
    expect(page.locator("#shown a")).to_have_text(f"g{row}")
    page.mouse.wheel(0, -600)  # the place under the pointer stays there
    page.mouse.move(moved[0] + 1, moved[1])
    expect(page.locator("#shown a")).to_have_text(f"g{row}")
    page.keyboard.press("0")
    page.mouse.move(x + 1, y)
    expect(page.locator("#shown a")).to_have_text(f"g{row}")


def test_all_of_it_by_keyboard(serve, opened):
    bench = serve(collection(60))
    page = opened(bench, "/map")
    page.locator("#map").focus()
    found = bench.collection.map.places.astype(int)
    for _ in range(40):  # to the left edge of the map, and up
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("a")
    for _ in range(40):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("a")
    area = corners(re.search(r"area=([^&]*)", page.url)[1])
    assert len(area) == 4
    number = int(inside(found, area).sum())
    assert 0 < number < 60
    link = page.get_by_role("link", name=re.compile("Open th"))
    expect(link).to_contain_text(str(number) if number > 1 else "this image")
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    assert "area" not in page.url
    page.locator("#map").focus()
    for _ in range(30):
        if page.locator("#shown a").count():
            break
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
    name = page.locator("#shown a").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_text(name)


def test_without_a_model_it_says_what_is_needed(serve, opened):
    shown = replace(collection(9), predictions=None, features=None, model="")
    page = opened(serve(shown), "/map")
    expect(page.get_by_role("alert")).to_have_text(
        "the map needs the features of a model: serve a run"
    )


def test_hostile_columns_are_text(serve, opened):
    hostile = pages.HOSTILE
    bench = serve(collection(9, names=hostile, **{hostile[0]: list(hostile) * 3}))
    page = opened(bench, "/map")
    expect(page.locator("#legend")).to_contain_text(hostile[0])
    pages.pick(page, "Colour", f"column.{hostile[0]}")
    expect(page.locator("#legend")).to_contain_text(hostile[2])


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_map_fits_a_phone_and_has_no_serious_fault(bench, opened, colours):
    page = opened(bench, "/map?area=0.0-60000.0-60000.60000-0.60000", 390, color_scheme=colours)
    page.get_by_role("link", name="Open these").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(reports._NAMELESS) == []
    assert page.evaluate(reports._FAINT) == []
    found = Axe().run(page).response
    assert len(found["passes"]) > 10
    assert [each["id"] for each in found["violations"] if each["impact"] in SERIOUS] == []
