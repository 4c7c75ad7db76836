"""The page of an explanation: what stands in names is shown, never obeyed."""

import numpy as np
import pandas as pd

from hubblefork.report.explain import Explained, Group, Section, Tile, write_explained
from hubblefork.report.explain_words import about_pictures


def test_names_are_text_and_every_part_is_there(tmp_path):
    evil = "<script>alert(1)</script>"
    picture = np.zeros((8, 8, 3), np.uint8)
    tile = Tile(picture, f"a picture of {evil}", evil, {evil: evil}, right=False)
    section = Section(
        evil,
        evil,
        cards=[Group(evil, [tile], evil)],
        sheets=[Group(evil, [tile])],
        table=pd.DataFrame({evil: [evil], "n": ["3"]}),
    )
    write_explained(Explained(evil, evil, [evil], [section, section]), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert evil not in page
    assert page.count("<img") == 4
    assert page.count('id="part-') == page.count('href="#part-') == 2


def test_what_was_left_out_is_said():
    table = pd.DataFrame(
        {
            "predicted": ["a", "b"],
            "deletion_area": [0.2, 0.6],
            "random_area": [0.5, 0.5],
            "likeness": [None, None],
        }
    )
    told = about_pictures(table, "grad-cam", 900, [("x.png", "cut")], compared=False)
    assert "For 1 of 2 the map" in told["sentences"][1]
    cautions = " ".join(told["cautions"])
    assert "first 2 of 900" in cautions
    assert "x.png (cut)" in cautions
    assert "No training pictures" in cautions
    assert "no validation part" in cautions
