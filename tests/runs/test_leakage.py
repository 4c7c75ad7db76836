"""No image that a training was trained on is measured on without a word."""

import pytest
from PIL import Image, ImageDraw

from hubblefork import pack
from hubblefork.core.errors import RequestError
from hubblefork.data.splits import Split
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.leakage import require_unseen
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.out_of_fold import out_of_fold
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")

QUICK = {"data.size": 24, "epochs": 1}


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory):
    return train(shapes, "mlp", settings=QUICK, out=tmp_path_factory.mktemp("runs") / "run")


def test_weights_that_have_learnt_from_test_images_are_refused(run, shapes, tmp_path):
    settings = QUICK | {"network.weights": str(run.path)}
    with pytest.raises(RequestError, match=r"was trained on \d+ of the 16 test images"):
        train(shapes, "mlp", settings=settings, seed=1, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_that_have_learnt_from_validation_images_are_refused_too(run, shapes):
    recipe = load_recipe("mlp", QUICK | {"network.weights": str(run.path)})
    part = run.split.subset.replace({"train": "val", "val": "train"})
    with pytest.raises(RequestError, match=r"was trained on 60 of the 60 val images"):
        require_unseen(
            recipe.network.weights, pack(shapes, size=24), Split(part, "turned round", 0)
        )


def test_folds_do_not_begin_from_weights_that_have_learnt_from_them(run, shapes, tmp_path):
    recipe = load_recipe("mlp", QUICK | {"network.weights": str(run.path)})
    with pytest.raises(RequestError, match=r"was trained on \d+ of the 40 test images"):
        out_of_fold(recipe, pack(shapes, size=24), 2, tmp_path)


def test_with_the_same_split_a_training_goes_on_from_them(run, shapes, tmp_path):
    settings = QUICK | {"network.weights": str(run.path)}
    assert train(shapes, "mlp", settings=settings, out=tmp_path / "run").finished


def test_of_a_model_file_it_is_said_that_it_is_not_known(run, shapes, tmp_path, capfd):
    settings = QUICK | {"network.weights": str(run.model)}
    train(shapes, "mlp", settings=settings, seed=1, out=tmp_path / "run")
    assert "it is not known whether" in capfd.readouterr().err


def test_of_a_shipped_model_it_is_said_what_it_has_learnt_from(run, shapes, capfd):
    require_unseen("galaxy-votes", pack(shapes, size=24), run.split)
    told = capfd.readouterr().err
    assert "galaxy-votes has learnt from: Simulated galaxies" in told
    assert "not known" not in told


def test_an_evaluation_says_how_many_were_learnt(with_reports, run, shapes, tmp_path):
    counts = run.split.counts()
    evaluation = evaluate(run.path, shapes, out=tmp_path / "all")
    learnt = counts["train"] + counts["val"]
    assert evaluation.metrics["learnt"] == learnt
    assert f"{learnt} of them were used for training" in page_of(evaluation)
    others = evaluate(run.path, some_others(tmp_path), out=tmp_path / "of-others")
    assert others.metrics["learnt"] == 0
    assert "none of them was used for training" in page_of(others)


def page_of(evaluation) -> str:
    return (evaluation.path / "report.html").read_text(encoding="utf-8")


def some_others(tmp_path):
    """Shapes that the run has not seen."""
    for name in ("bar", "disc"):
        (tmp_path / "others" / name).mkdir(parents=True)
        for number in range(3):
            image = Image.new("RGB", (32, 32), (number, 60, 90))
            draw = ImageDraw.Draw(image)
            draw.ellipse((5, 7, 20 + number, 23), fill=(240, 200, 10))
            image.save(tmp_path / "others" / name / f"{number}.png")
    return tmp_path / "others"
