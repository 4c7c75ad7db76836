"""The folder of an explanation: whole, self-contained, and true to the run it explains."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.workflow.explain import explain
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")

SETTINGS = {
    "data.size": 24,
    "epochs": 6,
    "split.train": 0.5,
    "split.val": 0.1,
    "split.test": 0.4,
}


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory):
    return train(shapes, "lenet5", settings=SETTINGS, out=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def explained(run, tmp_path_factory):
    return explain(run.path, out=tmp_path_factory.mktemp("explained") / "why", folds=2)


def test_a_test_set_is_explained_by_a_page_tables_and_figures(explained):
    assert {path.name for path in explained.path.iterdir()} == {
        "explanation.html", "explanation.json", "errors.csv", "least_certain.csv", "anomalies.csv",
        "neighbours.csv", "embedding.csv", "background_dependence.csv", "robustness.csv",
        "faithfulness.csv",
        "mislabels.csv", "figures",
    }  # fmt: skip
    assert {path.name for path in (explained.path / "figures").iterdir()} == {
        "robustness.png", "faithfulness.png", "embedding-pca.png", "embedding-tsne.png",
    }  # fmt: skip


def test_the_page_needs_nothing_but_itself(explained):
    page = explained.page.read_text()
    assert "data:image/" in page
    for word in ('src="http', 'href="http', "url(http", "<script", "@import"):
        assert word not in page
    assert page.count("<img") == page.count(' alt="')
    # Images without a description stand within one that has it.
    described = re.sub(r'<div [^>]*role="img" aria-label="[^"]+".*?</div>(\n</div>)?', "", page,
                       flags=re.DOTALL)  # fmt: skip
    assert 'alt=""' not in described


def test_tables_are_of_the_runs_own_test_images(run, explained):
    predictions = run.predictions.table().set_index("id")
    read = {
        path.stem: pd.read_csv(path, keep_default_na=False) for path in explained.path.glob("*.csv")
    }
    wrong = predictions.index[predictions["true"] != predictions["predicted"]]
    assert set(read["errors"]["id"]) == set(wrong)
    for name in ("least_certain", "anomalies", "embedding"):
        assert sorted(read[name]["id"]) == sorted(predictions.index)
    assert set(read["least_certain"]["true"]) <= {"bar", "disc"}
    near = read["neighbours"]
    assert set(near["id"]) == set(predictions.index)
    split = pd.read_csv(run.path / "split.csv", comment="#").set_index("id")["subset"]
    assert set(split[near["neighbour"]]) == {"train"}
    assert (near["label"] == near["neighbour"].str.split("/").str[0]).all()
    assert len(read["mislabels"]) == 80


def test_figures_are_those_of_the_run(run, explained):
    figures = json.loads((explained.path / "explanation.json").read_text())
    assert figures["accuracy"] == run.metrics["accuracy"]
    assert figures["errors"] == len(explained.table)
    assert figures["background_dependence"]["unchanged"]["value"] == pytest.approx(
        run.metrics["accuracy"]
    )
    assert figures["robustness"][0]["accuracy"] == pytest.approx(run.metrics["accuracy"])
    matrix = np.array(run.metrics["confusion_matrix"])
    assert (
        sum(pair["errors"] for pair in figures["confused_pairs"]) == matrix.sum() - matrix.trace()
    )


def test_images_are_explained_one_by_one(run, shapes, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("disc/disc 1.png", "bar/bar 2.png"):
        shutil.copy(shapes / name, folder)
    (folder / "cut.png").write_bytes(b"no image")
    explained = explain(run.path, folder, out=tmp_path / "why", method="occlusion")
    table = pd.read_csv(explained.path / "explanations.csv")
    assert len(table) == 2
    for row in table.itertuples():
        assert (explained.path / row.overlay).is_file()
        assert len(row.neighbours.split("|")) == len(row.neighbour_labels.split("|")) == 5
    assert len(pd.read_csv(explained.path / "neighbours.csv")) == 10
    page = explained.page.read_text()
    assert "cut.png" in page
    assert "occlusion" in page


@pytest.mark.parametrize(
    ("changes", "method", "why"),
    [
        ({"most_faithful": "occlusion"}, "occlusion", "Maps are by occlusion, the most faithful"),
        ({"most_faithful": None}, None, "none was clearly better than random order"),
        ({"most_faithful": "occlusion", "model_sha256": "of another"}, None, "measures which one"),
        ({"most_faithful": "occlusion", "layer": "layers.0"}, None, "measures which one"),
    ],
)
def test_images_are_explained_by_the_method_that_measured_best_for_this_model(
    run, explained, shapes, tmp_path, changes, method, why
):
    own = tmp_path / "run"
    shutil.copytree(run.path, own)
    (own / "explanation").mkdir()
    figures = json.loads((explained.path / "explanation.json").read_text())
    (own / "explanation" / "explanation.json").write_text(json.dumps(figures | changes))
    found = explain(own, shapes / "bar" / "bar 2.png")
    assert why in found.page.read_text()
    if method:
        assert found.table["method"].tolist() == [method]
    else:
        assert found.table["method"][0] in ("grad-cam", "integrated-gradients")


def test_an_image_of_the_training_set_is_not_among_its_neighbours(run, shapes, tmp_path):
    split = pd.read_csv(run.path / "split.csv", comment="#").set_index("id")["subset"]
    identifier = split.index[split == "train"][0]
    explained = explain(run.path, shapes / f"{identifier}.png", out=tmp_path / "why")
    near = explained.table["neighbours"][0].split("|")
    assert len(near) == 5
    assert identifier not in near
    assert "was trained on this image" in explained.page.read_text()


def test_a_model_file_explains_images_without_training_images(run, shapes, tmp_path):
    image = shapes / "bar" / "bar 0.png"
    explained = explain(run.model, image, out=tmp_path / "why", layer="layers.0")
    assert "neighbours" not in explained.table
    assert "No training images were available" in explained.page.read_text()
    with pytest.raises(RequestError, match="has no test set: name images"):
        explain(run.model, out=tmp_path / "part")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"method": "gradcam"}, "did you mean 'grad-cam'"),
        ({"layer": "layers.99"}, "no layer 'layers.99'"),
        ({"folds": 1}, "expected 2 or more"),
        ({"folds": 50}, r"'disc' has \d+ images or groups of them, fewer than folds"),
        ({"images": "nowhere.png"}, "nowhere.png"),
        ({"crop": 20}, "--crop 20 goes with images"),
    ],
)
def test_wrong_requests_are_one_line_and_leave_nothing(run, tmp_path, wrong, complaint):
    with pytest.raises(RequestError, match=complaint):
        explain(run.path, out=tmp_path / "why", **wrong)
    assert not list(tmp_path.iterdir())


def test_a_crop_is_of_the_images_and_not_of_the_training_images(run, shapes, tmp_path):
    image = shapes / "bar" / "bar 0.png"
    with Image.open(image) as opened:
        wide = np.pad(np.asarray(opened), ((8, 8), (8, 8), (0, 0)), mode="reflect")
    Image.fromarray(wide).save(tmp_path / "wide.png")
    cut = explain(run.path, tmp_path / "wide.png", out=tmp_path / "cut", crop=len(wide) - 16).table
    own = explain(run.path, image, out=tmp_path / "own").table
    same = ["predicted", "probability", "neighbours"]
    assert cut[same].equals(own[same])


def test_folds_and_images_do_not_go_together(run, shapes, tmp_path):
    with pytest.raises(RequestError, match="--folds goes without images"):
        explain(run.path, shapes, out=tmp_path / "why", folds=2)


def test_a_folder_that_is_there_is_kept(run, tmp_path):
    with pytest.raises(RequestError, match="exists already"):
        explain(run.path, out=tmp_path)


def test_of_two_images_with_positions_there_are_links_and_no_embedding(shapes, tmp_path):
    paths = [
        shapes / kind / f"{kind} {number}.png" for kind in ("bar", "disc") for number in range(10)
    ]
    table = pd.DataFrame({"image": paths, "label": [path.parent.name for path in paths]})
    table.assign(ra=np.arange(20) + 10.5, dec=-2.25).to_csv(tmp_path / "few.csv", index=False)
    settings = {"data.size": 24, "split.val": 0.1, "split.test": 0.1}
    small = train(tmp_path / "few.csv", "lenet5", settings=settings, out=tmp_path / "run")
    assert small.metrics["n"] == 2
    page = explain(small.path).page.read_text()
    assert "too few test images" in page
    assert re.search(r"legacysurvey\.org/viewer\?ra=[12]\d\.50000&amp;dec=-2\.25000", page)
    table[:1].assign(ra=33.5, dec=44).to_csv(tmp_path / "one.csv", index=False)
    page = explain(small.path, tmp_path / "one.csv", method="occlusion").page.read_text()
    assert "target=33.50000%20%2B44.00000" in page
