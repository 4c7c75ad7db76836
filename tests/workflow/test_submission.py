"""Submissions have the header and the order of all_zeros_benchmark.csv, or are not written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import save_model
from hubblefork.models.view import View
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Task
from hubblefork.tasks.votes import Votes
from hubblefork.workflow.predict import predict

COLUMNS = list(GALAXY_ZOO_2.columns)


def make_model(path: Path, task: Task, head: str) -> Path:
    """A model with random weights for images of 16x16."""
    torch.manual_seed(0)
    card = ModelCard(
        network="lenet5",
        options={},
        head=head,
        input_shape=(3, 16, 16),
        task=task,
        framing=Framing(crop=212, size=16),
        colours=("in colour",),
        view=View(size=16, mean=(0.0,) * 3, std=(1.0,) * 3),
        recipe="lenet5",
        source="test",
        versions={},
    )
    save_model(path, card.create_network(), card)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "model.safetensors", Votes(), "tree")


@pytest.fixture
def challenge(tmp_path) -> Path:
    """The challenge's test images and form, with ids in an order that no sorting gives."""
    folder = tmp_path / "challenge"
    (folder / "images_test_rev1").mkdir(parents=True)
    ids = ["100018", "99", "100500", "7", "100023"]
    random = np.random.default_rng(0)
    for number in ids:
        pixels = random.integers(0, 256, (424, 424, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images_test_rev1" / f"{number}.jpg")
    zeros = pd.DataFrame(0.0, index=pd.Index(ids, name="GalaxyID"), columns=COLUMNS)
    zeros.to_csv(folder / "all_zeros_benchmark.csv")
    return folder


def test_a_submission_has_the_form_of_the_benchmark(model, challenge, tmp_path):
    path = tmp_path / "submission.csv"
    assert predict(model, f"kaggle:{challenge}:test", submission=path).empty
    form = challenge / "all_zeros_benchmark.csv"
    assert path.read_text().splitlines()[0] == form.read_text().splitlines()[0]
    written, expected = (pd.read_csv(each, dtype={"GalaxyID": str}) for each in (path, form))
    assert written["GalaxyID"].tolist() == expected["GalaxyID"].tolist()
    assert not GALAXY_ZOO_2.check(written[COLUMNS].to_numpy()).any()
    first = challenge / "images_test_rev1" / f"{written['GalaxyID'][0]}.jpg"
    alone = predict(model, first)
    np.testing.assert_allclose(written.loc[0, COLUMNS].astype(float), alone.loc[0, COLUMNS].astype(
        float), atol=1e-5)  # fmt: skip


def test_the_same_images_can_be_written_as_a_table(model, challenge, tmp_path):
    predict(model, f"kaggle:{challenge}:test", out=tmp_path / "votes.parquet")
    table = pd.read_parquet(tmp_path / "votes.parquet")
    assert list(table) == ["id", *COLUMNS, "problem"]
    assert len(table) == 5


def test_an_image_that_cannot_be_read_leaves_no_submission(model, challenge, tmp_path):
    (challenge / "images_test_rev1" / "100500.jpg").write_bytes(b"\xff\xd8\xff cut off")
    with pytest.raises(RequestError, match="no submission: image 100500 cannot be read"):
        predict(model, f"kaggle:{challenge}:test", submission=tmp_path / "submission.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["challenge"]


def test_an_image_that_is_not_there_leaves_no_submission_and_is_listed_in_a_table(
    model, challenge, tmp_path
):
    (challenge / "images_test_rev1" / "100500.jpg").unlink()
    source = f"kaggle:{challenge}:test"
    with pytest.raises(RequestError, match=r"100500 cannot be read \(the file is not there"):
        predict(model, source, submission=tmp_path / "submission.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["challenge"]
    problems = predict(model, source, out=tmp_path / "votes.csv")
    assert problems.to_dict("records") == [{"id": "100500", "problem": "the file is not there"}]
    assert len(pd.read_csv(tmp_path / "votes.csv")) == 5


def test_what_is_no_submission_is_refused_before_anything_is_read(model, tmp_path):
    with pytest.raises(RequestError, match=r"expected a name ending in \.csv"):
        predict(model, "kaggle:nowhere:test", submission=tmp_path / "submission.txt")
    classes = make_model(tmp_path / "model.safetensors", Classes(("a", "b")), "softmax")
    with pytest.raises(RequestError, match="this model gives classes"):
        predict(classes, "kaggle:nowhere:test", submission=tmp_path / "submission.csv")


def test_the_real_challenge_gets_its_form(model, real_data, tmp_path):
    folder, path = real_data / "kaggle_mini", tmp_path / "submission.csv"
    predict(model, f"kaggle:{folder}:test", submission=path)
    lines, form = (
        each.read_text().splitlines() for each in (path, folder / "all_zeros_benchmark.csv")
    )
    assert lines[0] == form[0]
    assert [line.split(",")[0] for line in lines] == [line.split(",")[0] for line in form]
    assert {len(line.split(",")) for line in lines} == {38}
