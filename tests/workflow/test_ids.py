"""The ids of a survey's table stand in every output of every verb."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import hubblefork
from hubblefork.core.tables.csv import read_csv

# As HATS catalogues have them: neighbouring ones are one number as floats.
IDS = [str(1237649770260463600 + number) for number in range(40)]

pytestmark = pytest.mark.usefixtures("without_reports")


def png(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (24, 24, 3), np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_the_ids_of_a_survey_reach_every_output(tmp_path):
    rows = [
        {"object_id": int(identifier), "label": "ab"[number % 2],
         "image": {"bytes": png(number), "path": None}}
        for number, identifier in enumerate(IDS)
    ]  # fmt: skip
    for part in (0, 1):
        folder = tmp_path / "sky" / "dataset" / "Norder=1" / "Dir=0"
        folder.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows[20 * part : 20 * part + 20]).to_parquet(folder / f"Npix={part}.parquet")
    sky = tmp_path / "sky" / "dataset"
    settings = {"data.size": 24, "epochs": 1}
    run = hubblefork.train(sky, "lenet5", out=tmp_path / "run", settings=settings, device="cpu")
    split = (run.path / "split.csv").read_text().partition("\n")[2]
    (tmp_path / "split.csv").write_text(split)
    assert sorted(read_csv(tmp_path / "split.csv")["id"]) == IDS
    assert set(run.predictions.ids) < set(IDS)
    evaluated = hubblefork.evaluate(run, sky, out=tmp_path / "evaluation", device="cpu")
    assert evaluated is not None
    assert sorted(read_csv(tmp_path / "evaluation" / "predictions.csv")["id"]) == IDS
    for name in ("p.csv", "p.parquet"):
        hubblefork.predict(run, sky, out=tmp_path / name, device="cpu")
    assert read_csv(tmp_path / "p.csv")["id"].tolist() == IDS
    assert pd.read_parquet(tmp_path / "p.parquet")["id"].tolist() == IDS
