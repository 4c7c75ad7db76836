import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hubblefork.data.images.framing import Framing
from hubblefork.data.inspection import inspect_dataset
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.report.charts import pie
from hubblefork.report.inspect import SourceInspection, inspection_page, shown_rows
from hubblefork.report.page import render_page, write_page
from hubblefork.tasks.votes import Votes

EVIL = "<script>alert(1)</script>"


def make(
    folder: Path, labels: list[str], copies: int = 0, channels: int = 3, **columns: list
) -> SourceInspection:
    """An inspection of a catalogue with these labels, the last images rotated copies."""
    random = np.random.default_rng(0)
    sky = random.integers(0, 256, (len(labels), 24, 24, 3), dtype=np.uint8)
    sky[len(labels) - copies :] = np.rot90(sky[:copies], 1, (1, 2))
    rows = []
    for place, pixels in enumerate(sky):
        Image.fromarray(pixels).save(folder / f"{place}.png")
        rows.append([f"g{place}", f"{place}.png", labels[place]])
    table = pd.DataFrame(rows, columns=["id", "image", "label"]).assign(**columns)
    table.to_csv(folder / "catalogue.csv", index=False)
    source = open_source(folder / "catalogue.csv")
    return of(pack(source, Framing(size=24, channels=channels)))


def of(dataset) -> SourceInspection:
    inspection = inspect_dataset(dataset)
    return SourceInspection.of(
        inspection,
        page=Path("page.html"),
        title="images",
        notes=["One file was ignored."],
        images={int(row): dataset.images[row] for row in shown_rows(inspection)},
    )


def render(found: SourceInspection) -> str:
    return render_page(inspection_page(found), "inspect")


def words(text: str) -> str:
    plain = re.sub(r"<[^>]*>", "", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL))
    return re.sub(r"\s+", " ", plain.replace("\u00a0", " "))


@pytest.fixture(scope="module")
def with_copies(tmp_path_factory) -> str:
    """A page on 20 images of ten a and ten b, and a rotated copy of each, two with other labels."""
    folder = tmp_path_factory.mktemp("copies")
    labels = ["a", "b"] * 10
    return render(make(folder, [*labels, "b", "a", *labels[2:]], copies=20))


def test_the_page_needs_nothing_but_itself(with_copies):
    assert not re.search(
        r"https?:|//[a-z]|@import|url\((?!#)", re.sub(r'"data:[^"]*"', "", with_copies)
    )
    assert not re.search(r"<(script|link|iframe)", with_copies)
    sources = re.findall(r'<img src="([^"]*)"', with_copies)
    assert len(sources) == 25 + 12 * 2
    assert all(source.startswith("data:image/") for source in sources)
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', with_copies))


def test_counts_guess_split_and_notes_stand_on_it(with_copies):
    text = words(with_copies)
    assert "Always predicting ‘a’ has an accuracy of 50.0 %" in text
    assert "b 20 50.0 % 16 2 2" in text
    assert "One file was ignored." in text
    assert "stratified by class" in text


def test_near_duplicates_stand_side_by_side_the_differing_ones_first(with_copies):
    groups = with_copies.split('<div class="group')[2:]
    assert len(groups) == 12
    assert ["different labels" in group for group in groups] == [True] * 2 + [False] * 10
    assert "40 images in 20 groups; the labels of 2 differ" in words(with_copies)


def test_groups_beyond_the_first_are_named_without_images(with_copies):
    assert "The ids of all 20 groups" in with_copies
    assert len(re.findall(r"<li>g\d+, g\d+</li>", with_copies)) == 20


def test_names_are_shown_and_never_obeyed(tmp_path):
    names = [EVIL, "{{ 7 * 7 }}", 'x" onerror="y']
    text = render(make(tmp_path, names * 10, plate=[EVIL] * 30))
    assert "<script" not in text
    # Within the letters of a chart a quotation mark ends nothing.
    assert ' onerror="y' not in re.sub("<text.*?</text>", "", text, flags=re.DOTALL)
    plain = words(text)
    for shown in ("&lt;script&gt;alert(1)&lt;/script&gt;", "{{ 7 * 7 }}", "x&#34; onerror=&#34;y"):
        assert shown in plain


def test_grey_images_and_many_classes_have_a_page(tmp_path):
    page = make(tmp_path, [f"class {n % 12:02}" for n in range(24)], channels=1)
    text = words(render(page))
    assert "in 12 classes" in text
    assert "Channel 0" in text
    assert "Training would refuse it" in text
    last = pie(page.names, page.counts).legends[0].get_texts()[-1]
    assert last.get_text().startswith("6 others")


def test_unlabelled_images_have_a_page(tmp_path, shapes):
    folder = tmp_path / "images"
    folder.mkdir()
    for file in shapes.glob("disc/*.png"):
        (folder / file.name).write_bytes(file.read_bytes())
    dataset = pack(open_source(folder, labelled=False), Framing(size=24))
    text = words(render(of(dataset)))
    assert "holds 40 images without labels" in text
    assert "baseline" not in text
    assert "all images" in text


def test_votes_have_a_page():
    dataset = pack(open_source("simulated:votes:40"), Framing(size=24), workers=1)
    text = render(of(dataset))
    plain = words(text)
    assert "with 37 vote fractions on 11 questions" in plain
    assert "the mean votes of all galaxies" in plain
    assert "galaxy10: 40 of 40" in plain
    assert len(re.findall('<svg role="img" aria-label="[^"]+" class="narrow"', text)) == 3


def test_a_page_is_written_whole_in_place_of_an_older_one(tmp_path):
    path = tmp_path / "out" / "page.html"
    path.parent.mkdir()
    path.write_text("older")
    write_page(inspection_page(make(tmp_path, ["a", "b"] * 4)), path, "inspect")
    assert path.read_text().rstrip().endswith("</html>")
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]


class Dataset(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.table)


def test_votes_of_any_tree_have_a_page(tmp_path, small_tree):
    random = np.random.default_rng(0)
    table = pd.DataFrame({"id": [f"g{k}" for k in range(12)], "image": "image.png"})
    cloudy = random.random(12)
    thin = cloudy * random.random(12)
    votes = {"cloudy": cloudy, "clear": 1 - cloudy, "cirrus": thin, "cumulus": cloudy - thin}
    dataset = Dataset(
        table=table.assign(**votes, width=8, height=8, bands=3, digest=range(12), origin="x"),
        images=random.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8),
        task=Votes(small_tree),
        labels=np.column_stack(list(votes.values())),
        source="clouds",
        framing=Framing(size=8),
        info={"left_out": [], "content": "c0ffee"},
        path=tmp_path,
        split=None,
    )
    found = inspect_dataset(dataset)
    page = SourceInspection.of(
        found, page=Path("p.html"), title="clouds", notes=[],
        images={int(row): dataset.images[row] for row in shown_rows(found)},
    )  # fmt: skip
    text = words(render(page))
    assert "with 4 vote fractions on 2 questions" in text
    assert "Votes: the most common answer to the first question" in text
    assert "Classes from votes" not in text
    assert "yes" in page._repr_html_()
