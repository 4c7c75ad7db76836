"""A model measured on other images: by the names of its classes, never by their numbers."""

import shutil

import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory):
    """A run that tells discs from bars nearly always."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return train(shapes, "lenet5", settings={"data.size": 24, "epochs": 8}, out=folder)


def test_classes_are_matched_by_name(run, shapes, tmp_path):
    # Sorted, "bar" is class 0 for the model; here "disc" is class 0 of a catalogue without bars.
    rows = ["id,image,label"]
    rows += [f"{p.stem},{p},disc" for p in sorted((shapes / "disc").iterdir())]
    rows += [f"{p.stem},{p},bar" for p in sorted((shapes / "bar").iterdir())[:5]]
    (tmp_path / "catalogue.csv").write_text("\n".join(rows))
    evaluation = evaluate(run.path, tmp_path / "catalogue.csv")
    assert evaluation.path == run.path / "evaluation-catalogue"
    assert evaluation.metrics["accuracy"] > 0.9
    assert evaluation.metrics["per_class"]["disc"]["support"] == 40


def test_classes_that_the_model_does_not_know_are_named(run, shapes, tmp_path):
    shutil.copytree(shapes / "disc", tmp_path / "others" / "disc")
    shutil.copytree(shapes / "bar", tmp_path / "others" / "ring")
    with pytest.raises(RequestError, match=r"does not know: 'ring'; it knows 'bar', 'disc'"):
        evaluate(run.path, tmp_path / "others", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_grey_images_do_not_measure_a_model_of_colours(run, shapes, tmp_path):
    shutil.copytree(shapes, tmp_path / "some grey")
    for name in ("disc/disc 3.png", "bar/bar 4.png"):
        with Image.open(shapes / name) as image:
            image.convert("L").save(tmp_path / "some grey" / name)
    with pytest.raises(RequestError, match=r"2 of the 80 images of .* grey .*disc 3\.png"):
        evaluate(run.path, tmp_path / "some grey", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_votes_cannot_measure_a_classifier(run, tmp_path):
    with pytest.raises(RequestError, match="fractions of votes"):
        evaluate(run.path, "simulated:votes:30", out=tmp_path / "out")


def test_a_model_file_has_no_test_part_of_its_own(run, tmp_path):
    with pytest.raises(RequestError, match="name a source"):
        evaluate(run.model, out=tmp_path / "out")


def test_a_test_part_that_left_the_cache_is_packed_again(run, shapes, tmp_path, monkeypatch):
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "new cache"))
    assert run.metrics.items() <= evaluate(run.path, out=tmp_path / "out").metrics.items()


def test_metrics_name_the_source_as_this_run_called_it(run, shapes, tmp_path, monkeypatch):
    assert run.metrics["source"] == str(shapes)
    # The same images by another name: the cache has them by the first.
    monkeypatch.chdir(shapes.parent)
    settings = {"data.size": 24, "epochs": 1}
    again = train("./shapes", "lenet5", settings=settings, out=tmp_path / "run")
    assert again.metrics["source"] == "./shapes"
    assert again.metrics.items() <= evaluate(again.path, out=tmp_path / "out").metrics.items()


def test_an_evaluation_tells_what_the_model_cost(run, shapes, tmp_path):
    whole = evaluate(run.path, out=tmp_path / "whole").metrics
    history = run.history
    parameters = run.provenance.parameters
    cost = {"parameters": parameters, "epochs": 8, "seconds": history["seconds"].sum()}
    assert whole["cost"] == cost
    assert whole["dataset"] == run.provenance.dataset
    alone = evaluate(run.model, shapes, out=tmp_path / "alone").metrics
    assert alone["cost"] == {"parameters": parameters}


def test_a_crop_that_is_too_wide_names_the_option_that_mends_it(shapes, tmp_path):
    settings = {"data.crop": 30, "data.size": 16, "epochs": 1}
    run = train(shapes, "mlp", settings=settings, out=tmp_path / "run")
    small = tmp_path / "small"
    for name in ("bar", "disc"):
        (small / name).mkdir(parents=True)
        with Image.open(next((shapes / name).iterdir())) as image:
            image.resize((24, 24)).save(small / name / "a.png")
    with pytest.raises(RequestError, match=r"smaller than the crop of 30.*; give a smaller --crop"):
        evaluate(run.path, small, out=tmp_path / "out")
    assert evaluate(run.path, small, out=tmp_path / "out", crop=24).metrics["n"] == 2


def test_a_folder_that_exists_is_not_overwritten(run, tmp_path):
    with pytest.raises(RequestError, match="exists already"):
        evaluate(run.path, out=tmp_path)


def test_a_network_that_saw_colours_in_grey_takes_both(shapes, tmp_path):
    settings = {"data.size": 24, "epochs": 1, "data.grey": True}
    run = train(shapes, "mlp", settings=settings, out=tmp_path / "run")
    for path in shapes.glob("*/*"):
        (tmp_path / "grey" / path.parent.name).mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image.convert("L").save(tmp_path / "grey" / path.relative_to(shapes))
    grey, colour = (evaluate(run.path, source).metrics for source in (tmp_path / "grey", shapes))
    assert grey["confusion_matrix"] == colour["confusion_matrix"]
