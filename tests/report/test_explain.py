"""The page of an explanation: names are shown as text, and its summary follows the figures."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hubblefork.evaluation.scores import Score
from hubblefork.explanation.background import BackgroundDependence
from hubblefork.explanation.faithfulness import DeletionCurve, Faithfulness
from hubblefork.explanation.robustness import Robustness
from hubblefork.report.components import Group, Groups, Page, Section, Sheet, Table, Tile
from hubblefork.report.explain_words import about_images, about_test_set
from hubblefork.report.page import write_page
from hubblefork.tasks.votes import Votes


def test_names_are_text_and_every_section_is_there(tmp_path):
    evil = "<script>alert(1)</script>"
    image = np.zeros((8, 8, 3), np.uint8)
    tile = Tile(image, f"an image of {evil}", evil, {evil: evil}, right=False)
    table = Table.of(evil, pd.DataFrame({evil: [evil], "n": ["3"]}))
    blocks = [evil, Groups([Group(evil, [tile], evil)], "three"), Sheet([tile], title=evil), table]
    section = Section(evil, blocks)
    page = Page(evil, evil, [evil], [section, section])
    write_page(page, tmp_path / "page.html", "explain")
    page = (tmp_path / "page.html").read_text()
    assert evil not in page
    assert page.count("<img") == 4
    assert page.count('id="part-') == page.count('href="#part-') == 2


def test_what_was_left_out_is_named():
    table = pd.DataFrame(
        {
            "predicted": ["a", "b"],
            "method": ["grad-cam", "occlusion"],
            "faithful": [True, False],
            "typicality": [None, None],
        }
    )
    about = about_images(table, "Maps are by occlusion.", 900, [("x.png", "cut")], compared=False)
    assert "by grad-cam (1) and occlusion (1)" in about["sentences"][0]
    assert about["sentences"][1] == "Maps are by occlusion."
    assert "Maps that point at what matters: 1 of 2" in about["sentences"][2]
    cautions = " ".join(about["cautions"])
    assert "first 2 of 900" in cautions
    assert "x.png (cut)" in cautions
    assert "No training images" in cautions
    assert "no validation set" in cautions


def explained_votes(background_blurred: float, centre_blurred: float) -> SimpleNamespace:
    """What the words need of an explanation of 200 galaxies."""

    def score(value):
        return Score("rmse", value, value - 0.01, value + 0.01)

    perturbations = ["unchanged", "shifted by 5 %", "noise of 20 grey levels"]
    table = pd.DataFrame({"perturbation": perturbations, "rmse": [0.09, 0.05, 0.13]})
    table = table.assign(low=table["rmse"] - 0.01, high=table["rmse"] + 0.01)
    gains = np.linspace(-0.05, 0.05, 10)
    curve = DeletionCurve(np.array([0.0, 1.0]), np.full(2, 0.3), np.full((5, 2), 0.5))
    return SimpleNamespace(
        test_set=SimpleOfLength(task=Votes(), score=score(0.09), baseline=0.17, method="occlusion"),
        background=BackgroundDependence(
            200, 0.3, score(0.09), score(centre_blurred), score(background_blurred)
        ),
        robustness=Robustness(table, "rmse", lower_is_better=True),
        faithfulness=Faithfulness({"occlusion": curve}, {"occlusion": 0.2 + gains}),
        mislabels=None,
    )


class SimpleOfLength(SimpleNamespace):
    def __len__(self) -> int:
        return 200


def test_of_votes_lower_is_better():
    about = about_test_set(explained_votes(0.1, 0.16), "The worst question is known.")
    text = " ".join(about["sentences"])
    assert "On 200\xa0test galaxies, the network has an RMSE of 0.0900" in text
    assert "Always predicting the mean fractions has an RMSE of 0.1700" in text
    text = text.replace("\u00a0", " ")
    interval = "(95 % interval 0.0900 to 0.1100)"
    assert f"relies on the object: RMSE 0.1000 {interval} with the background blurred" in text
    assert "0.1600 (0.1500 to 0.1700)" in text
    assert "The worst question is known." in text
    interval = "(95 % interval 0.1200 to 0.1400)"
    assert f"given noise of 20 grey levels: RMSE 0.1300 {interval} instead of 0.0900" in text
    assert [card.value for card in about["cards"]] == [
        "0.0900", "0.1700", "0.1000", "0.1600", "0.1300"
    ]  # fmt: skip
    assert about["cards"][0].interval == "0.0800 to 0.1000"
    assert len(about["cautions"]) == 1


@pytest.mark.parametrize(
    ("background_blurred", "centre_blurred", "verdict"),
    [(0.16, 0.1, "relies on the background, not on the object"), (0.11, 0.12, "is not clear")],
)
def test_nothing_is_claimed_where_intervals_overlap(background_blurred, centre_blurred, verdict):
    about = about_test_set(explained_votes(background_blurred, centre_blurred), "")
    assert verdict in about["sentences"][1]
    assert "" not in about["sentences"]
