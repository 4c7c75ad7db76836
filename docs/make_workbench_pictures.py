"""Draw docs/workbench/*.jpg: pages of the workbench with a run of the simulated sky.

uv run python docs/make_workbench_pictures.py RUN
"""

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from hubblefork.runs.run import Run
from hubblefork.workbench.server import serving
from hubblefork.workflow.serve import open_collection
from hubblefork.workflow.serve_run import with_run

WIDTH, HEIGHT = 1120, 660
SMALLER = 0.8


def main(run: str) -> None:
    folder = Path(__file__).with_name("workbench")
    folder.mkdir(exist_ok=True)
    shown = with_run(open_collection(run, device="cpu"), Run.open(run), None)
    with (
        tempfile.TemporaryDirectory() as name,
        serving(shown, Path(name) / "labels.jsonl", "simulated", "ann") as links,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(links[0])
        url = links[0].partition("/?")[0]
        for draw in (images, label, queue, the_map, loop, why):
            draw(page, url)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(500)
            keep(page, folder / f"{draw.__name__.removeprefix('the_')}.jpg")
        chromium.close()


def images(page: Page, url: str) -> None:
    page.goto(f"{url}/")
    page.locator("#grid small").first.wait_for()


def label(page: Page, url: str) -> None:
    page.goto(f"{url}/label")
    for key in "1324":
        page.locator("#choices button").first.wait_for()
        page.keyboard.press(key)
    page.locator("#before table").wait_for()


def queue(page: Page, url: str) -> None:
    page.goto(f"{url}/queues")
    page.locator("#queues li").first.wait_for()


def the_map(page: Page, url: str) -> None:
    page.goto(f"{url}/map?area=30000.6000-56000.6000-56000.30000-30000.30000")
    page.locator("#legend li").first.wait_for(timeout=300_000)
    page.locator("#map").focus()
    page.keyboard.press("Shift+ArrowUp")
    page.locator("#shown a").wait_for()


def loop(page: Page, url: str) -> None:
    for _ in range(3):
        page.goto(f"{url}/loop")
        page.get_by_role("button", name="Next batch").click()
        page.wait_for_url("**/label?batch=*")
        page.locator("#choices button").first.wait_for()
        names = [each.inner_text() for each in page.locator("#choices button").all()]
        for left in range(25, 0, -1):
            page.get_by_text(f"{left} to label", exact=True).wait_for()
            row = page.locator("#image").get_attribute("data-row")
            told = page.request.get(f"{url}/api/tiles?rows={row}").json()["tiles"][0]["label"]
            (place,) = [k for k, each in enumerate(names) if each.endswith(told)]
            page.locator("#choices button").nth(place).click()
        page.get_by_text("all stored").wait_for()
    page.goto(f"{url}/loop")
    page.get_by_role("img", name="Learning curve").wait_for()


def why(page: Page, url: str) -> None:
    page.goto(f"{url}/look?at=3&show=why")
    page.locator("#why img").first.wait_for(timeout=120_000)


def keep(page: Page, path: Path) -> None:
    drawn = Image.open(BytesIO(page.screenshot())).convert("RGB")
    drawn = drawn.resize(
        (round(SMALLER * WIDTH), round(SMALLER * HEIGHT)), Image.Resampling.LANCZOS
    )
    drawn.save(path, quality=76, optimize=True, progressive=True)
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1])
