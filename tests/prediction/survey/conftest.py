"""A catalogue over images of 16x16, and a survey of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hubblefork.prediction.survey.plan import Survey
from hubblefork.workflow import survey as verbs

NUMBER = 23


@pytest.fixture(scope="session")
def sky(tmp_path_factory) -> Path:
    """A folder with a catalogue of 23 galaxies; image 5 is broken, and that of row 7 is gone."""
    folder = tmp_path_factory.mktemp("sky")
    pixels = np.random.default_rng(0).integers(0, 256, (NUMBER, 16, 16, 3), np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number}.png")
    (folder / "5.png").write_bytes(b"\x89PNG broken")
    (folder / "7.png").unlink()
    table = pd.DataFrame({
        "objid": 2**60 + np.arange(NUMBER),
        "ra": np.linspace(10, 11, NUMBER),
        "file": [f"{number}.png" for number in range(NUMBER)],
    })  # fmt: skip
    table.to_csv(folder / "sky.csv", index=False)
    return folder


@pytest.fixture
def survey(model: Path, sky: Path, tmp_path: Path) -> Survey:
    """A survey of the catalogue in three shards, of which none is done."""
    return Survey.open(verbs.plan(model, sky / "sky.csv", out=tmp_path / "survey", shard_rows=10))
