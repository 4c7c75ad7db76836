"""Whatever an image comes in, a file, a folder or a source, it gets the same prediction."""

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
from hubblefork.tasks.classes import Classes
from hubblefork.workflow.predict import predict

NUMBER = 5


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A model with random weights for images of 16x16."""
    torch.manual_seed(0)
    card = ModelCard(
        network="lenet5",
        options={},
        head="softmax",
        input_shape=(3, 16, 16),
        task=Classes(("a", "b")),
        framing=Framing(size=16),
        colours=("in colour",),
        view=View(size=16, mean=(0.0,) * 3, std=(1.0,) * 3),
        recipe="lenet5",
        source="test",
        versions={},
    )
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, card.create_network(), card)
    return path


@pytest.fixture
def sky(tmp_path) -> Path:
    """The same images as files in two folders, as a catalogue and as an array."""
    pixels = np.random.default_rng(0).integers(0, 256, (NUMBER, 16, 16, 3), np.uint8)
    names = [f"{'ab'[number % 2]}/{number}.png" for number in range(NUMBER)]
    for name, image in zip(names, pixels, strict=True):
        (tmp_path / "sky" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "sky" / name)
    table = pd.DataFrame({"id": [f"J{number}" for number in range(NUMBER)], "image": names})
    table.to_csv(tmp_path / "sky" / "catalogue.csv", index=False)
    np.savez(tmp_path / "sky" / "array.npz", images=pixels)
    return tmp_path / "sky"


def test_files_folders_catalogues_and_arrays_get_the_same_answers(model, sky):
    catalogue = predict(model, sky / "catalogue.csv")
    columns = [*pd.read_csv(sky / "catalogue.csv", nrows=0), "predicted", "a", "b", "problem"]
    assert list(catalogue) == ["id", *(each for each in columns if each != "id")]
    assert catalogue["id"].tolist() == ["J0", "J1", "J2", "J3", "J4"]
    assert (catalogue["problem"] == "").all()
    array = predict(model, sky / "array.npz")
    files = predict(model, [sky / f"{'ab'[number % 2]}/{number}.png" for number in range(NUMBER)])
    assert files["id"].iloc[1] == str(sky / "b/1.png")
    for other in (array, files):
        np.testing.assert_allclose(other["a"], catalogue["a"], atol=1e-6)
    folder = predict(model, sky)
    assert folder["id"].map(lambda path: Path(path).stem).tolist() == ["0", "2", "4", "1", "3"]
    np.testing.assert_allclose(folder["a"], catalogue["a"].iloc[[0, 2, 4, 1, 3]], atol=1e-6)


def test_a_crop_cuts_images_that_show_more_around_a_galaxy(model, sky):
    alone = np.load(sky / "array.npz")["images"]
    wide = np.pad(alone, ((0, 0), (10, 10), (10, 10), (0, 0)), mode="reflect")
    np.savez(sky / "wide.npz", images=wide)
    cut = predict(model, sky / "wide.npz", crop=16)
    np.testing.assert_array_equal(cut["a"], predict(model, sky / "array.npz")["a"])
    assert (cut["a"] != predict(model, sky / "wide.npz")["a"]).all()
    assert predict(model, sky / "array.npz", crop=20)["problem"].str.contains("smaller").all()
    with pytest.raises(RequestError, match="crop is 0; expected a whole number of pixels"):
        predict(model, sky / "array.npz", crop=0)


def test_several_sources_become_one_table_and_bad_images_have_a_reason(model, sky, tmp_path):
    (sky / "a" / "2.png").write_bytes(b"no image")
    places = [sky / "catalogue.csv", sky / "b" / "1.png", sky / "array.npz"]
    unread = predict(model, places, out=tmp_path / "out.parquet")
    assert unread["id"].tolist() == ["J2"]
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert len(table) == NUMBER + 1 + NUMBER
    assert table["a"].isna().tolist() == [row == 2 for row in range(len(table))]
    assert table["problem"].iloc[2].startswith("not a JPEG")


def test_a_grey_image_is_a_problem_for_a_model_of_colours(model, sky, tmp_path):
    with Image.open(sky / "a" / "2.png") as image:
        grey = image.convert("L")
    grey.save(sky / "a" / "2.png")
    unread = predict(model, sky, out=tmp_path / "out.csv")
    assert unread["problem"].tolist() == ["it is grey, where it should be in colour"]
    with pytest.raises(RequestError, match=r"no image of 1 could be read; .*2\.png: it is grey"):
        predict(model, sky / "a" / "2.png", out=tmp_path / "other.csv")


def test_images_with_other_bands_than_the_model_knows_are_refused(model, tmp_path):
    np.savez(tmp_path / "five.npz", images=np.zeros((2, 16, 16, 5), np.uint8))
    with pytest.raises(RequestError, match="no image of 2 could be read; five-0: 5 bands"):
        predict(model, tmp_path / "five.npz", out=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_images_in_memory_get_the_answers_of_their_files(model, sky):
    expected = predict(model, sky / "array.npz")[["a", "b"]].to_numpy()
    pixels = np.load(sky / "array.npz")["images"]
    images = [Image.fromarray(each) for each in pixels]
    for given in (pixels, list(pixels), images):
        table = predict(model, given)
        assert table["id"].tolist() == [f"image {place}" for place in range(NUMBER)]
        np.testing.assert_allclose(table[["a", "b"]], expected, atol=1e-6)
    assert len(predict(model, images[0])) == len(predict(model, pixels[0])) == 1


@pytest.mark.parametrize(
    "given", [None, 3.5, {"a": 1}, [1, 2], np.zeros((2, 16, 16, 3)), [np.zeros(3, np.uint8)]]
)
def test_wrong_types_are_told_in_one_line(model, given):
    with pytest.raises(RequestError) as caught:
        predict(model, given)
    assert "\n" not in str(caught.value)


def test_a_wrong_model_is_told_in_one_line():
    with pytest.raises(RequestError, match="run is 3; expected a run, a run folder"):
        predict(3, "a.png")
