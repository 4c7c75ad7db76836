"""An evaluation on another source finds what was learnt, by name, pixels and near duplicates."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hubblefork import pack
from hubblefork.core.cache import cache_folder
from hubblefork.core.errors import RequestError
from hubblefork.runs.leakage import find_learnt
from hubblefork.runs.learnt import read_learnt
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.predict import predict
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on 60 images, of which the packed dataset is no longer in the cache."""
    folder = tmp_path_factory.mktemp("learnt") / "sky"
    for number in range(60):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(number).save(path)
    settings = {"data.size": 32, "epochs": 1}
    made = train(folder, "mlp", settings=settings, out=folder.parent / "run")
    shutil.rmtree(cache_folder() / "datasets" / made.provenance.dataset)
    return made


@pytest.fixture
def learnt(run) -> list[int]:
    """The numbers of the images that the run has learnt from."""
    subset = run.split.subset
    return sorted(int(each.split("/")[1]) for each in subset.index[subset != "test"])


def other_source(folder, images: dict[str, Image.Image]):
    for place, (name, image) in enumerate(images.items()):
        path = folder / "ab"[place % 2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return folder


def test_images_under_other_names_are_found_and_counted_by_how(run, learnt, tmp_path, capfd):
    one, two, three = learnt[:5], learnt[5:9], learnt[9:12]
    images = {f"x{number}.png": noise(number) for number in one}
    images |= {
        f"y{number}.png": noise(number).transpose(Image.Transpose.ROTATE_90) for number in two
    }
    images |= {f"z{number}.png": noise(1000 + number) for number in three}
    source = other_source(tmp_path / "other", images)
    metrics = evaluate(run, source, out=tmp_path / "evaluation").metrics
    assert metrics["learnt"] == 9
    assert {way: number for way, number in metrics["learnt_by"].items() if number} == {
        "identical": 5, "near_duplicate": 4,
    }  # fmt: skip
    assert (
        "9 of the 12 images were used for training this model: 5 with identical pixels, "
        "4 near duplicates"
    ) in capfd.readouterr().err


def test_a_prediction_says_how_many_images_were_learnt(run, learnt, tmp_path, capfd):
    images = {f"x{number}.png": noise(number) for number in learnt[:3]}
    source = other_source(tmp_path / "other", images | {"y.png": noise(4000)})
    assert len(predict(run, source)) == 4
    assert "3\xa0of the images were used for training this model" in capfd.readouterr().err
    predict(run, other_source(tmp_path / "new", {"y.png": noise(4000)}))
    assert "used for training" not in capfd.readouterr().err


def test_a_running_number_is_told_and_not_counted(run, learnt, tmp_path, capfd):
    images = {f"{number}.png": noise(2000 + number) for number in learnt[:4]}
    folder = tmp_path / "other"
    for number, image in zip(learnt[:4], images.values(), strict=True):
        (folder / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        image.save(folder / "ab"[number % 2] / f"{number}.jpg")
    other_source(folder, {"x.png": noise(3000), "y.png": noise(3001)})
    assert evaluate(run, folder, out=tmp_path / "evaluation").metrics["learnt"] == 0
    said = capfd.readouterr().err
    assert "of the 6 images, 4 of them have only the file name of a training image" in said


def test_the_name_of_an_object_counts_whatever_its_file(tmp_path):
    def catalogue(name: str, first: int, suffix: str):
        ids = [58772298174208000 + number for number in range(40)]
        paths = [tmp_path / name / f"{each}{suffix}" for each in ids]
        (tmp_path / name).mkdir()
        for number, path in enumerate(paths):
            noise(first + number).save(path)
        rows = {"id": range(40), "image": map(str, paths), "label": ["a", "b"] * 20}
        return pd.DataFrame(rows)

    settings = {"data.size": 16, "epochs": 1}
    run = train(catalogue("one", 0, "_g.png"), "mlp", settings=settings, out=tmp_path / "run")
    others = pack(catalogue("two", 5000, "_r.jpg"), size=16)
    found = find_learnt(run, others, np.arange(len(others)))
    assert found.number == found.by["same_object"] == len(read_learnt(run))
    assert found.same_name == 0


def test_positions_are_compared_within_the_radius_of_the_run(tmp_path):
    def table(first: int, shift: float):
        (tmp_path / f"{first}").mkdir()
        rows = []
        for number in range(30):
            noise(first + number).save(path := tmp_path / f"{first}" / f"{first + number}.png")
            rows.append((str(path), "ab"[number % 2], 10 + number / 60, 5 + shift / 3600))
        return pd.DataFrame(rows, columns=["image", "label", "ra", "dec"])

    settings = {"data.size": 16, "epochs": 1, "split.sky_radius": 2}
    run = train(table(0, 0), "mlp", settings=settings, out=tmp_path / "run")
    number = len(read_learnt(run))
    for first, shift, expected in ((6000, 1.5, number), (7000, 3.0, 0)):
        others = pack(table(first, shift), size=16)
        assert find_learnt(run, others, np.arange(30)).by["same_position"] == expected


def test_the_file_is_small_and_holds_no_test_image(run):
    kept = read_learnt(run)
    assert set(kept["subset"]) == {"train", "val"}
    assert len(kept) == (run.split.subset != "test").sum()
    # Some kilobytes for the columns themselves, and less than 0.4 kB an image.
    assert (run.path / "learnt.parquet").stat().st_size < 12_000 + 400 * len(kept)


def test_a_damaged_file_is_one_line(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    (copy / "learnt.parquet").write_bytes(b"PAR1 no more PAR1")
    source = other_source(tmp_path / "other", {f"{n}.png": noise(n) for n in range(4)})
    with pytest.raises(RequestError, match=r"learnt.parquet is damaged and cannot be read"):
        evaluate(copy, source, out=tmp_path / "evaluation")


def test_images_without_file_names_are_compared_by_their_pixels(tmp_path):
    """The ids of arrays in memory are row numbers, which those of other arrays have too."""
    images = np.stack([np.asarray(noise(6000 + number)) for number in range(60)])
    settings = {"data.size": 32, "epochs": 1}
    run = train((images, ["a", "b"] * 30), "mlp", settings=settings, out=tmp_path / "run")
    kept = run.split.subset != "test"
    others = np.concatenate([images[np.flatnonzero(kept)[:3]], 255 - images[:57] // 2])
    arrays = pack((others[::-1].copy(), ["a", "b"] * 30), size=32)
    found = find_learnt(run, arrays, np.arange(60))
    assert (found.by["same_id"], found.by["identical"], found.same_name) == (0, 3, 0)
