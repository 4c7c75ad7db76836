"""The scripts make shipped models, and those that are in the package are whole."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hubblefork import Predictor, open_source
from hubblefork.core.file_cache import file_sha256
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.models import shipped
from hubblefork.models.model_file import read_model_file

pytestmark = pytest.mark.usefixtures("without_reports")

SCRIPTS = Path(__file__).parents[2] / "scripts"
CLASSES = (
    "completely_round_smooth",
    "in_between_smooth",
    "cigar_shaped_smooth",
    "edge_on",
    "spiral",
)
NAMES = ("galaxy-encoder", "galaxy-five", "galaxy-votes")


def script(name: str) -> dict:
    return runpy.run_path(str(SCRIPTS / f"{name}.py"))


@pytest.fixture(scope="module")
def sky():
    return pack(open_source("simulated:votes:60"), Framing(size=24))


@pytest.fixture(scope="module")
def data(sky, tmp_path_factory):
    """Simulated galaxies in the layout of the folders of real ones, and two insects of noise."""
    folder = tmp_path_factory.mktemp("data")
    images = [Image.fromarray(np.array(each)) for each in sky.images]
    for name in ("gz2_five_class/images", "kaggle_mini/images_training_rev1", "odonata/dragonfly"):
        (folder / name).mkdir(parents=True)
    rows = [
        {"id": str(row), "image": f"images/{row}.jpg", "label": CLASSES[row % 5]}
        for row in range(len(images))
    ]
    for row, image in zip(rows, images, strict=True):
        image.save(folder / "gz2_five_class" / row["image"])
    pd.DataFrame(rows).to_csv(folder / "gz2_five_class" / "catalog.csv", index=False)
    kaggle = folder / "kaggle_mini"
    votes = pd.DataFrame(sky.labels[:8], columns=list(sky.task.names))
    votes.insert(0, "GalaxyID", range(100001, 100009))
    votes.to_csv(kaggle / "training_solutions_rev1.csv", index=False)
    for name, image in zip(votes["GalaxyID"], images[:8], strict=True):
        image.resize((424, 424)).save(kaggle / "images_training_rev1" / f"{name}.jpg")
    noise = np.random.default_rng(0).integers(0, 256, (2, 30, 40, 3), np.uint8)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / "odonata" / "dragonfly" / f"{number}.jpg")
    return folder


@pytest.fixture(scope="module")
def made(data, tmp_path_factory):
    """What `--quick` makes; the scripts share the run on the simulated sky."""
    runs = tmp_path_factory.mktemp("runs")
    words = ["--data", str(data), "--runs", str(runs), "--out", str(runs / "models"), "--quick"]
    for name in NAMES:
        script(f"make_{name.replace('-', '_')}")["main"](words)
    return runs


@pytest.mark.parametrize("which", ["made", "in the package"])
def test_each_model_is_whole_and_answers(which, made, sky, monkeypatch):
    if which == "made":
        monkeypatch.setattr(shipped, "FOLDER", made / "models")
        assert shipped.shipped_names() == list(NAMES)
    paths = {name: shipped.FOLDER / f"{name}.safetensors" for name in shipped.shipped_names()}
    assert sum(path.stat().st_size for path in paths.values()) <= shipped.MOST_BYTES
    for name, path in paths.items():
        assert shipped.read_card(name).sha256 == file_sha256(path)
        predictor = Predictor.load(name, "cpu")
        assert "/" not in predictor.card.source
        answers = predictor.answer(np.array(sky.images[:3]))
        assert np.isfinite(answers.values).all()
        assert ((answers.typicality > 0) & (answers.typicality <= 1)).all()


def test_the_weights_are_those_of_the_run_bit_by_bit(made):
    runs = {"galaxy-votes": "sky-votes"}
    for name in NAMES:
        run = read_model_file(made / "quick" / runs.get(name, name) / "model.safetensors")
        model = read_model_file(made / "models" / f"{name}.safetensors")
        for before, after in zip(run[1:], model[1:], strict=True):
            assert before.keys() == after.keys()
            assert all(before[key].equal(after[key]) for key in before)


def test_votes_that_are_no_better_than_their_mean_are_useless():
    is_useful = script("make_galaxy_votes")["is_useful"]
    assert not is_useful({"interval": [0.12, 0.17], "baseline": 0.16})


def test_a_page_has_the_figures_of_the_cards(made, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", made / "models")
    page = script("describe_shipped")["page"]()
    for name in NAMES:
        figure = shipped.read_card(name).figures[0]
        assert f"## {name}" in page
        assert f"| {figure.metric.between(figure.interval)} |" in page


def test_the_page_of_the_documentation_is_that_of_the_cards():
    found = script("describe_shipped")
    assert found["PAGE"].read_text() == found["page"]()
