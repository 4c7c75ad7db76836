import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from hubblefork.report.confusion import confusion_table, galleries, matrix_rows


def test_every_cell_with_images_has_its_gallery(run_data):
    run = run_data(number=200, strength=1)
    matrix = np.array(run.metrics["confusion_matrix"])
    cells = [cell for row in matrix_rows(run) for cell in row["cells"]]
    assert [cell["count"] if cell else 0 for cell in cells] == matrix.ravel().tolist()
    counts = {cell["key"]: cell["count"] for cell in cells if cell}
    assert {each["key"]: each["count"] for each in galleries(run)} == counts


def test_a_gallery_holds_the_images_of_its_cell_highest_confidence_first(run_data):
    run = run_data(number=200, strength=1)
    found = run.predictions
    place = {identifier: row for row, identifier in enumerate(found.ids)}
    seen = []
    for each in galleries(run):
        rows = [place[tile.id] for tile in each["sheet"].tiles]
        assert {run.task.words.names[true] for true in found.true[rows]} == {each["true"]}
        assert {run.task.words.names[given] for given in found.leading[rows]} == {each["predicted"]}
        assert (np.diff(found.confidence[rows]) <= 0).all()
        seen += rows
    assert len(seen) == len(set(seen))


def test_errors_are_shown_before_correct_answers_and_what_is_missing_is_told(run_data):
    run = run_data(number=600, strength=1)
    whole = galleries(run)
    errors = [each for each in whole if not each["right"]]
    assert whole[: len(errors)] == errors
    assert all(len(each["sheet"].tiles) == min(40, each["count"]) for each in whole)
    letters = [len(tile.image) for each in errors for tile in each["sheet"].tiles]
    scant = galleries(run, most_letters=sum(letters) // 2)
    shown = {each["key"]: len(each["sheet"].tiles) for each in scant}
    assert all(shown[each["key"]] for each in errors)
    assert not any(shown[each["key"]] for each in whole if each["right"])
    each = scant[0]
    assert each["note"].startswith(f"{shown[each['key']]} of {each['count']} shown")


def test_the_table_without_its_images_has_nothing_to_choose(run_data):
    run = run_data(number=200, strength=1)
    whole, plain = (str(confusion_table(run, images)[0]) for images in (True, False))
    cells = len(galleries(run))
    assert whole.count("<button") == plain.count('<span class="cell"') == cells
    assert re.findall("<b>.*?</b>", whole) == re.findall("<b>.*?</b>", plain)
    assert "<button" not in plain
    assert "<img" not in plain


def test_images_are_small(run_data):
    noise = np.random.default_rng(0).integers(256, size=(300, 200, 3), dtype=np.uint8)
    found = galleries(run_data(number=9, images=lambda identifier: noise))
    content = found[0]["sheet"].tiles[0].image.partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert image.size == (75, 112)


@pytest.mark.parametrize("strength", [-50, 0, 1, 3])
def test_letters_of_cells_can_be_read(run_data, strength):
    run = run_data(number=500, strength=strength, names=tuple("abcdefg"))
    for row in matrix_rows(run):
        for cell in filter(None, row["cells"]):
            colours = re.findall("#([0-9a-f]+)", cell["style"])
            for shade, ink in (colours[:2], colours[2:]):
                assert contrast(shade, ink * 2) >= 4.5


def contrast(first: str, second: str) -> float:
    """The contrast of two colours by WCAG 2.1."""

    def luminance(colour: str) -> float:
        red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
                  for c in (red, green, blue)]  # fmt: skip
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
