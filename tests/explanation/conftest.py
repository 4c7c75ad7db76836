"""A classifier whose only cue is known: a short bright bar, lying or upright, anywhere.

And a small model of votes, on a sky of sixty galaxies.
"""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from hubblefork.data.dataset import PackedDataset
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run
from hubblefork.workflow.evaluate import own_dataset
from hubblefork.workflow.train import train

SIDE = 40

Cue = Callable[[np.random.Generator, bool], tuple[np.ndarray, tuple[int, int]]]


@pytest.fixture(scope="session")
def cue() -> Cue:
    """Makes a noisy image (40, 40, 3) with a bar in it; gives its position (row, column) too."""

    def make(random: np.random.Generator, upright: bool) -> tuple[np.ndarray, tuple[int, int]]:
        pixels = random.normal(60, 15, (SIDE, SIDE, 3))
        down, across = random.integers(6, SIDE - 6, 2)
        height, width = (4, 1) if upright else (1, 4)
        place = np.s_[down - height : down + height + 1, across - width : across + width + 1]
        pixels[place] += 140
        return pixels.clip(0, 255).astype(np.uint8), (down, across)

    return make


@pytest.fixture(scope="session")
def bars(cue: Cue, empty_reports, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A network that classifies bars as lying or upright."""
    folder = tmp_path_factory.mktemp("cues")
    random = np.random.default_rng(0)
    for number in range(150):
        for name in ("lying", "upright"):
            path = folder / "images" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(cue(random, name == "upright")[0]).save(path)
    settings = {
        "data.size": SIDE,
        "view.size": SIDE,
        "view.field_of_view": 1.0,
        "view.rotate": 0,
        "network.name": "compact-resnet",
        "network.options": {"width": 8, "blocks": [1, 1, 2, 2]},
        "angles": 1,  # bars differ only in their orientation
        "epochs": 8,
        "batch_size": 16,
    }
    with empty_reports():
        run = train(folder / "images", "default", settings=settings, out=folder / "run")
    assert run.metrics["accuracy"] > 0.9
    return Predictor.load(run.path)


@pytest.fixture(scope="session")
def volunteers(
    empty_reports, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, Predictor, PackedDataset, np.ndarray]:
    """A run of votes, its predictor, its dataset and the rows of its test set."""
    settings = {"epochs": 2, "data.size": 24, "learning_rate": 3e-3}
    folder = tmp_path_factory.mktemp("votes") / "run"
    with empty_reports():
        run = train("simulated:votes:60", "lenet5", settings=settings, out=folder)
    predictor = Predictor.load(run.path)
    dataset, split = own_dataset(run, predictor)
    return run, predictor, dataset, split.rows(dataset, "test")
