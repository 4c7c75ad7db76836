"""Streams are predicted in several threads, with the same answers as in one; and soon begin."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hubblefork.data.catalogues.open import open_path
from hubblefork.models.predictor import Predictor
from hubblefork.prediction.predict import predict_rows
from hubblefork.tasks.predictions import Predictions


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Path:
    """A catalogue of 150 images, of which number 40 is missing."""
    folder = tmp_path_factory.mktemp("sky")
    for number, pixels in enumerate(
        np.random.default_rng(0).integers(0, 256, (150, 16, 16, 3), np.uint8)
    ):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "40.png").unlink()
    table = pd.DataFrame({"id": range(150), "image": [f"{number}.png" for number in range(150)]})
    table.to_csv(folder / "sky.csv", index=False)
    return folder / "sky.csv"


def predicted(predictor: Predictor, catalogue: Path, workers: int) -> tuple[Predictions, list]:
    stream, blocks = open_path(str(catalogue)), []
    parts = predict_rows(
        predictor, stream.rows(90), predictor.framing, workers, see=blocks.append
    )  # fmt: skip
    return Predictions.concatenate(list(parts)), blocks


def test_threads_change_neither_answers_nor_their_order(model, catalogue):
    predictor = Predictor.load(model, "cpu")
    threads = torch.get_num_threads()
    alone, whole = predicted(predictor, catalogue, workers=1)
    several, parts = predicted(predictor, catalogue, workers=3)
    assert len(whole) < len(parts)
    assert several.ids.tolist() == alone.ids.tolist() == [str(number) for number in range(150)]
    assert several.values.tobytes() == alone.values.tobytes()
    assert np.flatnonzero(several.problems != "").tolist() == [40]
    assert torch.get_num_threads() == threads


def test_prediction_does_not_wait_for_imports_that_it_does_not_need(model):
    # Of what hubblefork depends on, only these take long to import, and torch is needed.
    heavy = (
        "astropy scipy sklearn timm torchvision matplotlib pytorch_lightning captum torch._dynamo"
    )
    code = f"""if True:
        import sys
        from hubblefork.models.predictor import Predictor
        import hubblefork.workflow.predict, hubblefork.workflow.survey
        from hubblefork.prediction.survey import worker
        from hubblefork.networks.bounds import sketch
        from hubblefork.networks.equivariant_resnet import EquivariantResNet
        Predictor.load({str(model)!r}, "cpu").prepared
        sketch(lambda: EquivariantResNet((3, 16, 16), 2), tensors=50)
        print({{*{heavy.split()!r}}} & set(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
