"""A dry run tells what the training will do, and leaves nothing behind."""

import pytest

from hubblefork.core.errors import RequestError
from hubblefork.workflow.dry_run import dry_run


def test_it_tells_what_a_training_does(example_run, shapes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = dry_run(shapes, "lenet5", size=24, settings={"epochs": 1})
    assert found.images == example_run.split.counts()
    assert found.parameters == example_run.provenance.parameters
    assert found.epochs == len(example_run.history)
    assert {part: sum(each.values()) for part, each in found.counts.items()} == found.images
    assert found.seconds > 0
    assert not list(tmp_path.iterdir())


def test_all_chunks_count_as_epochs(shapes):
    settings = {"chunks": 2, "epochs": 3}
    assert dry_run(shapes, "lenet5", size=24, settings=settings).epochs == 6


def test_a_training_that_is_refused_is_refused_here(shapes, tmp_path):
    with pytest.raises(RequestError, match="exists"):
        dry_run(shapes, "lenet5", size=24, out=tmp_path)
    with pytest.raises(RequestError, match="did you mean 'lenet5'"):
        dry_run(shapes, "lenet")


@pytest.mark.parametrize(
    ("recipe", "mentioned"), [("default", True), ("lenet5", False), ("few", False)]
)
def test_few_images_are_compared_with_probes(shapes, recipe, mentioned, capsys):
    settings = {} if recipe == "few" else {"epochs": 1}
    dry_run(shapes, recipe, size=24, settings=settings)
    told = capsys.readouterr().err
    assert ("training images are few: compare with --recipe few" in told) == mentioned
