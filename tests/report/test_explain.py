"""The page of an explanation: what stands in names is shown, never obeyed."""

import numpy as np
import pandas as pd

from hubblefork.report.explain import Explained, Group, Section, Tile, write_explained
from hubblefork.report.explain_words import about_images, about_test_part


def test_names_are_text_and_every_part_is_there(tmp_path):
    evil = "<script>alert(1)</script>"
    image = np.zeros((8, 8, 3), np.uint8)
    tile = Tile(image, f"an image of {evil}", evil, {evil: evil}, right=False)
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
            "method": ["grad-cam", "occlusion"],
            "reliable": [True, False],
            "typicality": [None, None],
        }
    )
    told = about_images(table, 900, [("x.png", "cut")], compared=False)
    assert "by grad-cam (1) and occlusion (1)" in told["sentences"][0]
    assert "For 1 of 2 the map" in told["sentences"][1]
    cautions = " ".join(told["cautions"])
    assert "first 2 of 900" in cautions
    assert "x.png (cut)" in cautions
    assert "No training images" in cautions
    assert "no validation set" in cautions


def figures_of_votes(kept: float, lost: float) -> dict:
    def score(value):
        return {"measure": "rmse", "value": value, "low": value - 0.01, "high": value + 0.01}

    def change(name, value):
        return {"change": name, "rmse": value, "low": value - 0.01, "high": value + 0.01}

    return {
        "n": 200,
        "measure": "rmse",
        "rmse": 0.09,
        "low": 0.08,
        "high": 0.1,
        "baseline": 0.17,
        "method": "occlusion",
        "questions": [{"question": 4, "text": "Spiral arms?", "galaxies": 50, "rmse": 0.2}],
        "surroundings": {
            "without_surroundings": score(kept),
            "without_middle": score(lost),
        },
        "stability": [
            change("as they are", 0.09),
            change("moved by 5 %", 0.05),
            change("noise of 20 grey levels", 0.13),
        ],
        "faithfulness": [{"method": "occlusion", "area": 0.3, "random_area": 0.5}],
    }


def test_of_votes_less_error_is_better():
    told = about_test_part(figures_of_votes(kept=0.1, lost=0.16))
    text = " ".join(told["sentences"])
    assert "miss the volunteers' by 0.0900" in text
    assert "Always giving the mean of these galaxies would miss by 0.1700" in text
    assert "It looks at the object: with the surroundings blurred it misses by 0.1000" in text
    assert "For 25.0\xa0% of the galaxies, it misses most on the question ‘Spiral arms?’" in text
    assert "images that are given noise of 20 grey levels: its RMSE rises from 0.0900" in text
    assert [card["value"] for card in told["figures"]] == ["0.0900", "0.1000", "0.1600", "0.1300"]
    assert told["figures"][0]["interval"] == "0.0800 to 0.1000"
    assert len(told["cautions"]) == 1


def test_what_the_intervals_do_not_tell_apart_is_not_claimed():
    for kept, lost, verdict in (
        (0.16, 0.1, "It does not look at the object"),
        (0.11, 0.12, "cannot be told"),
    ):
        assert verdict in about_test_part(figures_of_votes(kept, lost))["sentences"][1]
