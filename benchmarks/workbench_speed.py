"""How fast the pages of the workbench are, in a real headless Chromium and with a real server.

    python benchmarks/workbench_speed.py [--images 26000] [--points 1000000] [--folder FOLDER]

Random images of 32 pixels with random predictions: neither changes what a page does. The first
paint is that of the grid, counted from the request for the page; a key is counted from its event
to the frame after the one that the next image is painted in. The server, the browser and this
script share the processor. What the loop does between two batches is counted without browser and
server, with random features as many as those of the recipes `default` and `transfer`.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markdown_table import as_markdown
from playwright.sync_api import Page, sync_playwright

from hubblefork.core.kept_arrays import keep_arrays
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.framing import Framing
from hubblefork.sky.class_rules import GALAXY10_SDSS
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.predictions import Predictions
from hubblefork.workbench.data import Collection
from hubblefork.workbench.last_layer import LastLayer, standardised
from hubblefork.workbench.loop import choose_batch
from hubblefork.workbench.map import SIDE
from hubblefork.workbench.questions import Questions
from hubblefork.workbench.selection import clustering_points
from hubblefork.workbench.server import serving

_KEYS = 100
_REDRAWN = 30

# Notes when each key came, and when what it changed was painted.
_WATCH_KEYS = """
() => {
  window.painted = [];
  addEventListener("keydown", (event) => {
    const came = event.timeStamp;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const image = document.querySelector("#image img");
      painted.push([performance.now() - came, image.complete && image.naturalWidth > 0]);
    }));
  }, true);
}
"""
_FIRST = """
() => {
  const tiles = [...document.querySelectorAll("#grid img")]
    .filter((each) => each.getBoundingClientRect().top < innerHeight);
  if (!tiles.length || !tiles.every((each) => each.complete)) return null;
  const [first] = performance.getEntriesByName("first-contentful-paint");
  return [first.startTime, performance.now()];
}
"""
# When the map was last painted, and how long it took.
_REDRAW = """
() => performance.getEntriesByName("map painted").map((each) => [each.startTime, each.duration])[0]
"""


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=26_000)
    parser.add_argument("--points", type=int, default=1_000_000, help="of the large map")
    parser.add_argument("--folder", type=Path, help="where labels are written")
    asked = parser.parse_args(words)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    lines = []
    with tempfile.TemporaryDirectory(dir=asked.folder) as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for number in (asked.images, asked.points):
            folder = Path(name) / str(number)
            folder.mkdir()
            with serving(collection(number, folder), folder / "labels.jsonl") as links:
                context = browser.new_context(viewport={"width": 1280, "height": 800})
                page = context.new_page()
                page.goto(links[0])
                url = links[0].partition("/?")[0]
                if number == asked.images:
                    lines += grid(page, url, number) + keys(page, url, folder)
                lines += redraws(page, url, number)
                context.close()
        browser.close()
    lines += refits(asked.images)
    print(as_markdown(["what", "measured", "aim"], lines), end="")


def collection(number: int, folder: Path) -> Collection:
    """Images of random pixels, with predictions and a map of as many groups as classes."""
    random = np.random.default_rng(0)
    task = Classes(GALAXY10_SDSS)
    values = random.dirichlet(np.ones(len(task.names)), number)
    true = values.argmax(axis=1)
    ids = np.array([f"g{row}" for row in range(number)], object)
    table = pd.DataFrame({
        "id": ids, "label": true, "digest": [f"{row:064x}" for row in range(number)],
        "redshift": random.random(number),
    })  # fmt: skip
    some = random.integers(256, size=(min(number, 26_000), 32, 32, 3), dtype=np.uint8)
    images = some if number == len(some) else np.broadcast_to(some[0], (number, 32, 32, 3))
    info: dict[str, Any] = {
        "key": "5eed" * 16, "framing": Framing(size=32, channels=3).to_json(),
    }  # fmt: skip
    dataset = PackedDataset(Path("in memory"), "random", task, info, table, images)
    centres = random.uniform(0.15, 0.85, (len(task.names), 2))
    places = np.clip(centres[true] + random.normal(0, 0.05, (number, 2)), 0, 1)
    path = folder / "map.npz"
    keep_arrays(path, places=(1 + places * (SIDE - 3)).astype(np.uint16))
    shown = Collection(dataset, Questions.of(task), true, Predictions(task, ids, values), "model")
    return replace(shown, features=np.zeros((number, 2), np.float32), map_file=path)


def grid(page: Page, url: str, number: int) -> list[list[str]]:
    """The first paint and the nodes of the page of all images, the best known after a first."""
    page.goto(f"{url}/")
    first, whole = page.wait_for_function(_FIRST).json_value()
    nodes = []
    for place in (0, 0.5, 1):
        page.evaluate(f"scrollTo(0, {place} * (document.body.scrollHeight - innerHeight))")
        page.wait_for_function(_FIRST)
        nodes.append(page.evaluate("document.querySelectorAll('*').length"))
    return [
        [f"first paint of {number:,} images", f"{first / 1000:.2f} s", "< 2 s"],
        ["all images of the first window shown", f"{whole / 1000:.2f} s", ""],
        ["elements of the page, wherever it is scrolled to", str(max(nodes)), "< 400"],
    ]


def keys(page: Page, url: str, folder: Path) -> list[list[str]]:
    """Keys that answer, and what they leave in the file of labels."""
    page.goto(f"{url}/label")
    page.locator("#choices button").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate(_WATCH_KEYS)
    for number in range(_KEYS):
        page.keyboard.press("1234"[number % 4])
        page.wait_for_function(f"() => painted.length > {number}")
    page.get_by_text("all stored").wait_for()
    told = page.evaluate("painted")
    times = np.array([each for each, _ in told])
    events = map(json.loads, (folder / "labels.jsonl").read_text().splitlines()[1:])
    stored = [each["image"] for each in events if each["kind"] == "answer"]
    in_order = stored == [f"g{row}" for row in range(_KEYS)]
    shown = sum(there for _, there in told)
    return [
        [f"{_KEYS} keys", f"{len(stored)} rows{' in order' if in_order else ''}", "all in order"],
        ["next image painted with its key", f"{shown} of {_KEYS}", "all"],
        ["from key to paint, 95 % within", f"{np.quantile(times, 0.95):.0f} ms", "< 100 ms"],
        ["from key to paint, median", f"{np.median(times):.0f} ms", ""],
    ]


def redraws(page: Page, url: str, number: int) -> list[list[str]]:
    """The time of drawing the points of the map, while it is zoomed into and out of."""
    page.goto(f"{url}/map", timeout=120_000)
    page.locator("#legend li").first.wait_for(timeout=120_000)
    times, last = [], page.wait_for_function(_REDRAW).json_value()
    for step in range(_REDRAWN):
        page.keyboard.press("+" if step % 6 < 3 else "-")
        last = page.wait_for_function(
            f"(before) => {{ const now = ({_REDRAW})(); return now && now[0] > before && now; }}",
            arg=last[0],
        ).json_value()
        times.append(last[1])
    text = f"{np.median(times):.1f} ms (95 % within {np.quantile(times, 0.95):.1f})"
    return [[f"redraw of the map with {number:,} points, median", text, ""]]


def refits(number: int) -> list[list[str]]:
    """The time from labels to the next images: the last layer is fitted, and a batch chosen."""
    random, classes, lines = np.random.default_rng(0), len(GALAXY10_SDSS), []
    true = random.integers(classes, size=number)
    for recipe, width in (("default", 64), ("transfer", 1280)):
        # Groups that overlap: of ten images, a logistic regression has about nine right.
        noise = random.normal(0, np.sqrt(width) / 3.5, (number, width))
        features = standardised(random.normal(size=(classes, width))[true] + noise)
        points = clustering_points(features)
        for labels in (500, number):
            began = time.perf_counter()
            rows = random.permutation(number)[:labels]
            layer = LastLayer.fit(features[rows], true[rows], classes)
            known = np.isin(np.arange(number), rows[:-100])
            choose_batch(features, points, layer, labels, known, random)
            what = f"fit to {labels:,} labels, and the next of {number:,} images ({recipe})"
            lines.append([what, f"{time.perf_counter() - began:.2f} s", "< 2 s"])
    return lines


if __name__ == "__main__":
    main()
