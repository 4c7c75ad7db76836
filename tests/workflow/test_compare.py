"""Runs side by side: counted on the pictures that they share, whatever their order."""

import numpy as np
import pandas as pd
import pytest

from hubblefork.errors import RequestError
from hubblefork.workflow.compare import compare
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.train import train

SMALL = {"data.size": 24, "split.train": 0.5, "split.val": 0.1, "split.test": 0.4}


@pytest.fixture(scope="module")
def runs(shapes, tmp_path_factory):
    """A run that hardly learnt, and one that tells discs from bars."""
    folder = tmp_path_factory.mktemp("runs")
    weak = train(
        shapes, "mlp", settings=SMALL | {"epochs": 1, "learning_rate": 1e-7}, out=folder / "weak"
    )
    good = train(shapes, "lenet5", settings=SMALL | {"epochs": 8}, out=folder / "good")
    return weak, good


def test_figures_are_those_of_the_runs_and_differences_are_between_them(runs, tmp_path):
    compared = compare([run.path for run in runs], out=tmp_path / "page.html")
    assert list(compared.table["run"]) == ["weak", "good"]
    for row, run in zip(compared.table.to_dict("records"), runs, strict=True):
        assert row["accuracy"] == run.metrics["accuracy"]
        assert [row["accuracy_low"], row["accuracy_high"]] == run.metrics["intervals"]["accuracy"]
    (pair,) = compared.pairs.to_dict("records")
    gap = runs[1].metrics["accuracy"] - runs[0].metrics["accuracy"]
    assert pair["accuracy"] == pytest.approx(gap)
    assert (pair["only_second"] - pair["only_first"]) / 32 == pytest.approx(gap)
    page = compared.page.read_text()
    assert "‘good’ has the highest accuracy" in page
    assert page.count("<figure>") == min(20, pair["only_first"] + pair["only_second"])


def test_only_shared_pictures_count_and_their_order_does_not(runs, shapes, tmp_path):
    rows = ["id,image,label"]
    taken = runs[0].predictions["id"][::-2]
    rows += [f"{each},{shapes / each}.png,{each.split('/')[0]}" for each in taken]
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("\n".join(rows))
    evaluation = evaluate(runs[0].path, catalogue, out=tmp_path / "half")
    compared = compare([evaluation.path, runs[1].path], out=tmp_path / "page.html")
    assert list(compared.table["n"]) == [16, 16]
    right = runs[1].predictions.set_index("id").loc[list(taken)]
    assert compared.table["accuracy"][1] == (right["true"] == right["predicted"]).mean()
    assert "tested on" in compared.page.read_text()


def test_votes_are_compared_by_their_error(tmp_path):
    settings = {"data.size": 32, "epochs": 1, "crop": None}
    paths = [
        train("simulated:votes:60", "default", settings=settings, seed=0, out=tmp_path / "one").path
    ]
    table = pd.read_csv(paths[0] / "predictions.csv")
    nearer = tmp_path / "two"
    nearer.mkdir()
    for column in table.columns[1:38]:
        table[column] = (table[column] + table[f"true_{column}"]) / 2
    table.to_csv(nearer / "predictions.csv", index=False)
    (nearer / "metrics.json").write_bytes((paths[0] / "metrics.json").read_bytes())
    compared = compare([paths[0], nearer], out=tmp_path / "page.html")
    assert compared.table["rmse"][1] == pytest.approx(compared.table["rmse"][0] / 2, rel=1e-3)
    assert compared.pairs["rmse_high"][0] < 0
    assert "‘two’ has the lowest RMSE" in compared.page.read_text()


def edited(run, folder, edit):
    """A folder with a run's predictions, changed."""
    folder.mkdir()
    table = edit(run.predictions)
    table.to_csv(folder / "predictions.csv", index=False)
    (folder / "metrics.json").write_bytes((run.path / "metrics.json").read_bytes())
    return folder


def test_runs_without_a_common_picture_are_refused(runs, tmp_path):
    other = edited(runs[0], tmp_path / "other", lambda t: t.assign(id="x" + t["id"]))
    with pytest.raises(RequestError, match="no test picture in common"):
        compare([runs[0].path, other], out=tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_other_labels_of_the_same_pictures_are_refused(runs, tmp_path):
    def swap(table):
        return table.assign(true=np.where(table["true"] == "disc", "bar", "disc"))

    other = edited(runs[0], tmp_path / "other", swap)
    with pytest.raises(RequestError, match="other labels"):
        compare([runs[0].path, other], out=tmp_path / "page.html")


@pytest.mark.parametrize(
    ("give", "complaint"),
    [
        (lambda weak, good: [weak.path], "1 run given"),
        (lambda weak, good: [weak.path, weak.path], "given twice"),
        (lambda weak, good: [weak.path, weak.path / "nothing"], "no run folder at .*nothing"),
    ],
)
def test_wrong_requests_are_one_line(runs, tmp_path, give, complaint):
    with pytest.raises(RequestError, match=complaint):
        compare(give(*runs), out=tmp_path / "page.html")


def test_the_page_must_be_a_page(runs, tmp_path):
    with pytest.raises(RequestError, match=r"expected the name of a page"):
        compare([run.path for run in runs], out=tmp_path / "page.pdf")
