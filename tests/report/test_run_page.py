import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np

from hubblefork.report.page import render_page
from hubblefork.report.run_page import report_page, write_report

EVIL = (
    "<script>alert(1)</script>",
    'a" onerror="x',
    "{{ 7 * 7 }}",
    "$\\frac{1}{0}$",
    "螺旋 & തുമ്പി",
)
# Elements that are never closed.
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """Collects what a page holds, and checks that its elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.images, self.text = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "img":
            self.images.append(dict(attributes))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.text))


def render(run) -> str:
    return render_page(report_page(run), "evaluate", "confusion.js")


@cache
def rendered(make) -> str:
    """The page of the plain run, made once for all tests that only read it."""
    return render(make())


def test_the_page_holds_its_images_and_asks_the_network_for_nothing(run_data):
    text = rendered(run_data)
    page = Page(text)
    assert len(page.images) == 60 + 25 + 10
    assert all(image["src"].startswith("data:image/") for image in page.images)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", re.sub(r'"data:[^"]*"', "", text))
    policies = [given["content"] for tag, given in page.tags if "http-equiv" in given]
    code = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = b64encode(sha256(code.encode()).digest()).decode()
    assert policies == [
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    ]
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not any(tag in {"link", "iframe"} for tag, _ in page.tags)


def test_the_list_of_contents_leads_to_sections(run_data):
    tags = Page(rendered(run_data)).tags
    places = [given["href"] for tag, given in tags if tag == "a"]
    sections = [f"#{given['id']}" for tag, given in tags if given.get("id", "").startswith("part-")]
    assert places == sections


def test_every_image_says_what_it_shows(run_data):
    alternatives = [image["alt"] for image in Page(rendered(run_data)).images]
    assert all(alternatives)
    assert any("predicted" in text and "true class" in text for text in alternatives)


def test_headings_descend_one_step_at_a_time(run_data):
    levels = [
        int(tag[1]) for tag, _ in Page(rendered(run_data)).tags if re.fullmatch("h[1-6]", tag)
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_recipe_data_split_and_versions_stand_at_the_end(run_data):
    words = Page(rendered(run_data)).words
    end = words[words.index("How it was made") :]
    for fact in ("lenet5", "options.width", "simulated", "c0ffee", "stratified", "5eed", "0.1.0"):
        assert fact in end


def test_key_figures_stand_with_their_intervals(run_data):
    run = run_data()
    words = Page(rendered(run_data)).words.replace("\u00a0", " ")
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "expected_calibration_error"):
        low, high = run.metrics["intervals"][name]
        assert f"{100 * run.metrics[name]:.1f} %" in words
        assert f"{100 * low:.1f} to {100 * high:.1f} %" in words


def test_names_are_shown_and_never_obeyed(run_data):
    page = Page(render(run_data(names=EVIL, title=EVIL[0], number=40)))
    for name in EVIL:
        assert re.sub(r"\s+", " ", name) in page.words
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not any("onerror" in given for _, given in page.tags)


def test_names_that_figures_cannot_draw_are_explained(run_data):
    words = Page(render(run_data(names=("a", "\u0378"), number=20))).words
    assert "class 2 is \u0378" in words


def test_a_class_without_test_images_has_dashes(run_data):
    words = Page(render(run_data(true=np.repeat([0, 1], 20)))).words
    assert "Spiral – – – 0none" in words.replace("\u00a0", " ")


def test_a_model_without_history_or_split_still_has_a_page(run_data):
    run = run_data()
    split = {"rule": "all", "seed": None, "sha256": None, "sizes": {"test": 60}}
    text = render(
        run_data(history=run.history.head(0), split=split, counts={"test": {"round": 60}})
    )
    words = Page(text).words
    assert "trained earlier" in words
    assert "over-fits" not in words


def test_grey_images_and_left_out_ones_are_shown(run_data):
    run = run_data(channels=1)
    left_out = [{"id": f"{k}", "origin": f"{k}.jpg", "reason": "empty file"} for k in range(25)]
    dataset = {**run.dataset, "left_out": left_out, "notes": ["3 stray files"]}
    words = Page(render(run_data(channels=1, dataset=dataset))).words
    assert "grey" in words
    assert "19.jpg: empty file" in words
    assert "and 5 more" in words
    assert "3 stray files" in words


def test_large_images_are_made_smaller(run_data, fine_figures):
    noise = np.random.default_rng(0).integers(256, size=(900, 600, 3), dtype=np.uint8)
    text = render(run_data(images=lambda identifier: noise))
    assert len(text) < 6_000_000  # noise is the worst case; photographs take a tenth


def test_a_page_of_galaxies_is_small(run_data, tmp_path, fine_figures):
    y, x = np.mgrid[-1:1:69j, -1:1:69j]
    galaxy = (255 * np.exp(-4 * (x**2 + y**2)))[..., None].repeat(3, 2).astype(np.uint8)
    path = tmp_path / "report.html"
    write_report(run_data(images=lambda identifier: galaxy), path)
    assert path.stat().st_size < 1_000_000
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_page_of_many_noisy_images_stays_small(run_data, tmp_path, fine_figures):
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    sky = 255 * np.exp(-4 * (x**2 + y**2)) + np.random.default_rng(0).normal(30, 12, (128, 128))
    galaxy = sky.clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2)
    run = run_data(number=2500, strength=1, images=lambda identifier: galaxy)
    path = tmp_path / "report.html"
    write_report(run, path)
    assert path.stat().st_size < 5_000_000
    page = Page(path.read_text(encoding="utf-8"))
    assert len([image for image in page.images if "predicted" in image["alt"]]) > 300
