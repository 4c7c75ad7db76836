"""No verb replaces what it reads, what is another's, or a file of a run."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hubblefork
from hubblefork.core.errors import RequestError
from hubblefork.core.outputs import check_folder
from hubblefork.tasks.prediction_columns import are_predictions
from hubblefork.workflow.predict import predict
from hubblefork.workflow.train import train

SETTINGS = {"data.size": 16, "epochs": 1}


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory, without_reports):
    return train(shapes, "lenet5", settings=SETTINGS, out=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def sky(shapes, tmp_path) -> Path:
    """A folder with an image, catalogues of it with notes, and a data set with its bytes."""
    folder = tmp_path / "sky"
    folder.mkdir()
    image = shapes / "bar" / "bar 0.png"
    shutil.copy(image, folder / "a.png")
    (folder / "over.csv").write_text("id,image,label,note\na,a.png,bar,my own\n")
    table = pd.DataFrame({"id": ["a"], "image": [str(image)], "problem": ["my own"]})
    table.to_parquet(folder / "over.parquet", index=False)
    content = [{"bytes": image.read_bytes(), "path": "a.png"}]
    pd.DataFrame({"image": content}).to_parquet(folder / "images.parquet")
    (folder / "notes.csv").write_text("id,p_bar,problem\na,0.5,none\n")
    return folder


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def hard_link(sky: Path) -> Path:
    os.link(sky / "over.csv", sky / "hard.csv")
    return sky / "hard.csv"


def soft_link(sky: Path) -> Path:
    (sky / "soft.csv").symlink_to("over.csv")
    return sky / "soft.csv"


def link_to_an_image(sky: Path) -> Path:
    (sky / "image.csv").symlink_to("a.png")
    return sky / "image.csv"


PLACES: dict[str, Callable[[Path], object]] = {
    "the catalogue": lambda sky: sky / "over.csv",
    "the catalogue, spelt otherwise": lambda sky: sky / ".." / "sky" / "." / "over.csv",
    "a hard link": hard_link,
    "a soft link": soft_link,
    "an image": link_to_an_image,
    "a catalogue in Parquet": lambda sky: sky / "over.parquet",
    "a data set": lambda sky: sky / "images.parquet",
    "a foreign file": lambda sky: sky / "notes.csv",
}


@pytest.mark.parametrize("place", PLACES)
def test_predictions_replace_nothing_of_others(run, sky, place):
    out = PLACES[place](sky)
    before = contents(sky)
    for source in (sky / "over.csv", sky / "images.parquet", sky / "a.png"):
        with pytest.raises(RequestError, match="exists already and is not a table of predictions"):
            predict(run, source, out=out)
    assert contents(sky) == before


def test_a_former_table_is_replaced_and_one_with_more_in_it_is_not(run, sky):
    for suffix in ("csv", "parquet"):
        path = sky / f"out.{suffix}"
        for _ in range(2):
            predict(run, sky / "a.png", out=path)
        table = (
            pd.read_csv(path, keep_default_na=False) if suffix == "csv" else pd.read_parquet(path)
        )
        table = table.assign(note="mine")
        (table.to_csv if suffix == "csv" else table.to_parquet)(path, index=False)
        with pytest.raises(RequestError, match="is not a table of predictions"):
            predict(run, sky / "a.png", out=path)
    (sky / "empty.csv").touch()  # as mktemp makes them
    predict(run, sky / "a.png", out=sky / "empty.csv")
    assert len(pd.read_csv(sky / "empty.csv")) == 1


def test_tables_of_votes_are_known_by_their_answers():
    names = hubblefork.sky.decision_tree.GALAXY_ZOO_2.columns
    table = pd.DataFrame(np.full((3, len(names)), 0.5), columns=list(names))
    table.insert(0, "id", ["a", "b", "c"])
    table["problem"] = ["", "", "the file is empty"]
    table.loc[2, list(names)] = np.nan
    assert are_predictions(table)
    assert not are_predictions(table.rename(columns={names[0]: "p_bar"}))


@pytest.mark.parametrize("name", ["predictions.csv", "history.csv", "Split.csv"])
def test_no_file_of_a_run_is_written(run, sky, name):
    before = contents(run.path)
    with pytest.raises(RequestError, match=r"is a file of the run|expected a name"):
        predict(run, sky / "a.png", out=run.path / name)
    assert contents(run.path) == before


def test_nothing_is_written_that_a_run_lacks_as_yet(run, sky, shapes, tmp_path):
    begun = tmp_path / "begun"
    begun.mkdir()
    shutil.copy(run.path / "provenance.json", begun)
    with pytest.raises(RequestError, match="is a file of the run"):
        predict(run, sky / "a.png", out=begun / "predictions.csv")
    with pytest.raises(RequestError, match="is a file of the run"):
        hubblefork.inspect(shapes, out=begun / "report.html")
    with pytest.raises(RequestError, match="is a file of the run"):
        hubblefork.evaluate(run, out=begun / "figures")


def test_a_submission_never_replaces_what_looks_like_one(run, tmp_path):
    """The challenge's labels have the very form of a submission."""
    from hubblefork.core.outputs import check_file

    labels = tmp_path / "training_solutions_rev1.csv"
    labels.write_text("GalaxyID,Class1.1\n1,0.5\n")
    with pytest.raises(RequestError, match="exists already"):
        check_file(labels, lambda _: False, "new file")


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "below a file"])
def test_what_is_no_place_for_a_file_is_told_before_any_work(run, sky, kind):
    out = sky / "out.csv"
    if kind == "folder":
        out.mkdir()
    elif kind == "pipe":
        os.mkfifo(out)
    elif kind == "device":
        out.symlink_to(os.devnull)
    else:
        out = sky / "a.png" / "out.csv"
    with pytest.raises(RequestError, match=r"not a file|not a directory"):
        predict(run, "no such source is opened", out=out)


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told_before_any_work(run, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RequestError, match="no permission"):
        predict(run, "no such source is opened", out=tmp_path / "out.csv")


def test_folders_are_not_made_where_a_link_leads_nowhere(run, shapes, tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    for verb in (
        lambda out: train(shapes, "lenet5", out=out),
        lambda out: hubblefork.evaluate(run, out=out),
        lambda out: hubblefork.explain(run, out=out),
        check_folder,
    ):
        with pytest.raises(RequestError, match="exists already"):
            verb(tmp_path / "out")


def test_pages_replace_nothing_of_others(run, sky, shapes):
    (sky / "page.html").write_text("<p>mine</p>")
    (sky / "link.html").symlink_to("over.csv")
    before = contents(sky)
    for out in (sky / "page.html", sky / "link.html"):
        with pytest.raises(RequestError, match="exists already and is not a page by `inspect`"):
            hubblefork.inspect(shapes, out=out)
        with pytest.raises(RequestError, match="exists already and is not a page by `compare`"):
            hubblefork.compare([run, run], out=out)
    assert contents(sky) == before
