"""Runs are compared on the images that they share, whatever their order."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.core.text import percent
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.explanation.saving import save_table
from hubblefork.runs.run import Run
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.workflow.compare import compare
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.serve import open_collection, serve
from hubblefork.workflow.serve_run import with_run
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")

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
    compared = compare(runs, out=tmp_path / "page.html")
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
    html = compared._repr_html_()
    assert "Balanced accuracy" in html
    assert "p-value" in html


def test_the_queues_of_the_workbench_are_of_the_same_images(runs, tmp_path):
    compared = compare(runs, out=tmp_path / "page.html")
    (pair,) = compared.pairs.to_dict("records")
    shown = with_run(open_collection(runs[0].path, device="cpu"), runs[0], runs[1].path)
    corrected, broken, differing = (
        shown.dataset.table["id"].to_numpy()[rows].tolist()
        for rows in (shown.pair.corrected, shown.pair.broken, shown.pair.differing)
    )
    assert (len(corrected), len(broken)) == (pair["only_second"], pair["only_first"])
    assert len(corrected) > 3
    first, second = (run.predictions.table().set_index("id") for run in runs)
    assert (second.loc[corrected, "true"] == second.loc[corrected, "predicted"]).all()
    assert (first.loc[corrected, "true"] != first.loc[corrected, "predicted"]).all()
    assert differing[:20] == [each.id for each in compared.disputed]
    with pytest.raises(RequestError, match="given twice"):
        with_run(shown, runs[0], runs[0].path)
    with pytest.raises(RequestError, match="goes with a run and its own images"):
        serve("simulated:20", compare=runs[1])


def test_likely_mislabels_are_those_that_explain_has_written_or_of_the_test_set(runs, tmp_path):
    run = Run(shutil.copytree(runs[1].path, tmp_path / "run"))
    opened = open_collection(run.path, device="cpu")
    found, names = run.predictions, run.task.names
    told = with_run(opened, run, None).mislabels
    tested = likely_mislabels(found.ids, found.labels, found.values, names)
    assert told["id"].tolist() == tested["id"].tolist()
    assert opened.dataset.table["id"].to_numpy()[told["row"]].tolist() == told["id"].tolist()
    # As `explain --folds` writes it, with the label of one image changed since.
    folds = np.random.default_rng(0).dirichlet([1, 1], len(opened))
    table = likely_mislabels(opened.dataset.table["id"], opened.true, folds, names)
    other = table["label"].where(table.index != 3, names[1 - names.index(table["label"][3])])
    changed = table.drop(columns="row").assign(label=other)
    (run.path / "explanation").mkdir()
    save_table(changed, run.path / "explanation" / "mislabels.csv")
    told = with_run(opened, run, None).mislabels
    assert told["row"].tolist() == table["row"].drop(3).tolist()
    assert told["likely"].tolist() == table["likely"].drop(3).tolist()
    (run.path / "explanation" / "mislabels.csv").write_text("nothing\n1\n")
    assert with_run(opened, run, None).mislabels["id"].tolist() == tested["id"].tolist()


def test_only_shared_images_count_and_their_order_does_not(runs, shapes, tmp_path):
    rows = ["id,image,label"]
    taken = runs[0].predictions.table()["id"][::-2]
    rows += [f"{each},{shapes / each}.png,{each.split('/')[0]}" for each in taken]
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("\n".join(rows))
    evaluation = evaluate(runs[0].path, catalogue, out=tmp_path / "half")
    compared = compare([evaluation.path, runs[1].path], out=tmp_path / "page.html")
    assert list(compared.table["n"]) == [16, 16]
    right = runs[1].predictions.table().set_index("id").loc[list(taken)]
    assert compared.table["accuracy"][1] == (right["true"] == right["predicted"]).mean()
    assert "tested on" in compared.page.read_text()


def test_what_a_model_file_has_learnt_from_is_said_to_be_unknown(runs, shapes, tmp_path):
    weak, good = (
        evaluate(model, shapes, out=tmp_path / model.parent.name).path
        for model in (runs[0].model, runs[1].model)
    )
    page = compare([weak, good], out=tmp_path / "page.html").page.read_text()
    assert "It is not known whether ‘weak’ and ‘good’ had some of these images in training." in page


def test_votes_are_compared_by_their_error(tmp_path):
    settings = {"data.size": 32, "epochs": 1, "crop": None}
    run = train("simulated:votes:60", "lenet5", settings=settings, seed=0, out=tmp_path / "one")

    def closer(found, fraction=0.5):
        return replace(found, values=found.values + fraction * (found.true - found.values))

    two = edited(run, tmp_path / "two", closer)
    compared = compare([run.path, two], out=tmp_path / "page.html")
    assert compared.table["rmse"][1] == pytest.approx(compared.table["rmse"][0] / 2, rel=1e-3)
    assert compared.pairs["rmse_high"][0] < 0
    page = compared.page.read_text()
    assert "‘two’ has the lowest RMSE" in page
    # Half way from the first run to the volunteers: as far from either.
    columns = GALAXY_ZOO_2.columns
    table = run.predictions.table().set_index("id")
    error = table[list(columns)].to_numpy() - table[[f"true_{each}" for each in columns]].to_numpy()
    rmse = pd.Series(np.sqrt((error**2).mean(axis=1)), table.index)
    order = rmse.sort_values(ascending=False).index
    tiles = re.findall(r'title="([^"]+)".*?</figure>', page, re.DOTALL)
    assert tiles == list(order[:20])
    tile = page[page.index(f'title="{order[0]}"') :].partition("</figure>")[0]
    said = re.findall(r"<dd>(.*?)</dd>", tile)
    assert said[0] == f"RMSE {rmse.max() / 2:.4f}"
    answer = abs(error[table.index.get_loc(order[0])]).argmax()
    true, first = (table.loc[order[0], f"{kind}{columns[answer]}"] for kind in ("true_", ""))
    assert said[1].endswith(f"volunteers {percent(true, 0)}")
    assert said[2] == f"{percent(first, 0)}, RMSE {rmse.max():.4f}"
    assert said[3].endswith(f"RMSE {rmse.max() / 2:.4f} ✓")
    # Between three runs, the two that are furthest apart count; equal ones do not disagree.
    third = edited(run, tmp_path / "three", lambda found: closer(found, 1.0))
    page = compare([run.path, two, third], out=tmp_path / "page.html").page.read_text()
    assert f"<dd>RMSE {rmse.max():.4f}</dd>" in page
    same = edited(run, tmp_path / "same", lambda found: found)
    page = compare([run.path, same], out=tmp_path / "page.html").page.read_text()
    assert "Disagreements" not in page


def test_evaluations_have_their_images_and_their_cost(runs, shapes, tmp_path, monkeypatch):
    evaluations = [
        evaluate(given, shapes, out=tmp_path / name).path
        for name, given in {"a": runs[0].path, "b": runs[1].model}.items()
    ]
    compared = compare(evaluations, out=tmp_path / "page.html")
    assert list(compared.table["n"]) == [80, 80]
    of_runs = compare([run.path for run in runs], out=tmp_path / "runs.html").table
    assert list(compared.table["parameters"]) == list(of_runs["parameters"])
    assert compared.table["seconds"][0] == of_runs["seconds"][0]
    assert np.isnan(compared.table["seconds"][1])  # a model file does not tell
    (pair,) = compared.pairs.to_dict("records")
    page = compared.page.read_text()
    assert page.count("<figure>") == min(20, pair["only_first"] + pair["only_second"]) > 0
    assert "no longer in the cache" not in page
    assert "was trained on: ‘a’ (48 of its 80)." in page
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))
    page = compare(evaluations, out=tmp_path / "page.html").page.read_text()
    assert "<figure>" not in page
    assert "no longer in the cache" in page


def test_only_a_comparison_is_replaced(runs, tmp_path, monkeypatch):
    paths = [run.path for run in runs]
    page = compare(paths, out=tmp_path / "page.html").page
    assert compare(paths[::-1], out=page).page == page
    before = runs[0].report.read_bytes()
    with pytest.raises(RequestError, match=r"report\.html is a file of the run"):
        compare(paths, out=runs[0].report)
    assert runs[0].report.read_bytes() == before
    monkeypatch.chdir(tmp_path)
    (tmp_path / "comparison.html").write_text("<p>mine</p>")
    with pytest.raises(RequestError, match=r"comparison\.html exists already"):
        compare(paths)


def edited(run, folder, edit):
    """A folder with a run's predictions, changed."""
    folder.mkdir()
    edit(run.predictions).save(folder / "predictions.csv")
    (folder / "metrics.json").write_bytes((run.path / "metrics.json").read_bytes())
    return folder


def test_runs_without_a_common_image_are_refused(runs, tmp_path):
    other = edited(runs[0], tmp_path / "other", lambda found: replace(found, ids="x" + found.ids))
    with pytest.raises(RequestError, match="no test image in common"):
        compare([runs[0].path, other], out=tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_other_labels_of_the_same_images_are_refused(runs, tmp_path):
    def swap(found):
        return replace(found, true=1 - found.true)

    other = edited(runs[0], tmp_path / "other", swap)
    with pytest.raises(RequestError, match="other labels"):
        compare([runs[0].path, other], out=tmp_path / "page.html")


@pytest.mark.parametrize(
    ("give", "complaint"),
    [
        (lambda weak, good: [weak.path], "compare was given 1"),
        (lambda weak, good: [weak.path, weak.path], "given twice"),
        (lambda weak, good: [weak.path, weak.path / "nothing"], "no folder of a run .*nothing"),
    ],
)
def test_wrong_requests_are_one_line(runs, tmp_path, give, complaint):
    with pytest.raises(RequestError, match=complaint):
        compare(give(*runs), out=tmp_path / "page.html")


def test_the_page_must_be_a_page(runs, tmp_path):
    with pytest.raises(RequestError, match=r"expected the name of a page"):
        compare([run.path for run in runs], out=tmp_path / "page.pdf")
