"""Every image is answered to by a network that never saw it; planted wrong labels are found."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hubblefork import pack
from hubblefork.core.errors import RequestError
from hubblefork.data.groups import find_groups
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.models.predictor import Predictor
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.training.plan import plan
from hubblefork.training.probe import compute_features, fit_probe
from hubblefork.workflow.calibrate import calibrate
from hubblefork.workflow.out_of_fold import dataset_folds, fold_splits, out_of_fold
from hubblefork.workflow.train import model_card


@pytest.fixture(scope="module")
def planted(shapes, tmp_path_factory):
    """The shapes, five of which stand in the folder of the other class; and the ids of these."""
    folder = tmp_path_factory.mktemp("planted") / "shapes"
    shutil.copytree(shapes, folder)
    wrong = []
    for label, other, number in (("disc", "bar", 3), ("bar", "disc", 2)):
        for each in range(number):
            (folder / label / f"{label} {each}.png").rename(folder / other / f"moved {each}.png")
            wrong.append(f"{other}/moved {each}")
    return pack(folder, size=24), wrong


def test_planted_wrong_labels_come_first(planted, tmp_path):
    dataset, wrong = planted
    recipe = load_recipe("lenet5", {"epochs": 10, "data.size": 24})
    probabilities = out_of_fold(recipe, dataset, 3, tmp_path)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    table = likely_mislabels(dataset.table["id"], dataset.labels, probabilities, dataset.task.names)
    assert len(set(table["id"][: len(wrong)]) & set(wrong)) >= 0.7 * len(wrong)
    for fold in range(1, 4):
        split = pd.read_csv(tmp_path / f"fold-{fold}" / "split.csv", comment="#")
        assert set(split["subset"]) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("network", "normalise", "once"),
    [
        ("equivariant-resnet", "unit", True),
        ("timm:test_resnet", "backbone", True),
        ("equivariant-resnet", "train", False),  # by the training images of each fold
    ],
)
def test_features_of_a_fixed_backbone_are_computed_once(
    planted, tmp_path, monkeypatch, network, normalise, once
):
    dataset, _ = planted
    recipe = load_recipe("probe", {
        "data.size": 24, "network.name": network, "weights": None, "normalise": normalise,
        **({"network.options": {"width": 1, "blocks": [1]}} if "equi" in network else {}),
    })  # fmt: skip
    place, expected = torch.device("cpu"), np.zeros((len(dataset), 2), np.float32)
    for number, split in enumerate(fold_splits(recipe, dataset, 2)):
        planned = plan(recipe, dataset, split, 0, place, "fp32")
        (tmp_path / f"{number}").mkdir()
        predictor = Predictor.of(
            fit_probe(planned, Run(tmp_path / f"{number}")), model_card(planned), place
        )
        predictor = replace(predictor, uncertainty=calibrate(predictor, dataset, split))
        rows = split.rows(dataset, "test")
        expected[rows] = predictor.predict(dataset.images, rows)

    computed = []

    def counted(plan, rows):
        computed.append(len(rows))
        return compute_features(plan, rows)

    monkeypatch.setattr("hubblefork.training.probe.compute_features", counted)
    found = out_of_fold(recipe, dataset, 2, tmp_path / "folds", device="cpu")
    assert (computed == [len(dataset)]) == once
    # How a sum is rounded may depend on the number of images in a batch; not in every network.
    tolerance = 1e-5 if network.startswith("timm") else 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_folds_are_even_in_every_class(planted):
    dataset, _ = planted
    fold = dataset_folds(dataset, 4)
    for label in (0, 1):
        counts = np.bincount(fold[dataset.labels == label], minlength=4)
        assert np.ptp(counts) <= 1
    assert (dataset_folds(dataset, 4, seed=1) != fold).any()


def test_images_that_belong_together_are_held_out_together(shapes, tmp_path):
    rows = [
        f"{name} {number},{shapes}/{name}/{name} {number}.png,{name},{name} {number // 4}"
        for name in ("bar", "disc")
        for number in range(40)
    ]
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("\n".join(["id,image,label,group", *rows]))
    dataset = pack(catalogue, size=24)
    groups = find_groups(dataset.table)
    fold = pd.Series(dataset_folds(dataset, 5, groups))
    assert (fold.groupby(dataset.table["group"]).nunique() == 1).all()
    with pytest.raises(RequestError, match="'bar' has 10 images or groups of them"):
        dataset_folds(dataset, 11, groups)


@pytest.mark.parametrize("folds", [0, 1])
def test_fewer_than_two_folds_are_refused(planted, folds):
    with pytest.raises(RequestError, match="expected 2 or more"):
        dataset_folds(planted[0], folds)
