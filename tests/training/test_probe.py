"""The probe: what logistic regression finds becomes the last layer, and is judged fairly."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hubblefork
from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import make_split
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.training.plan import plan
from hubblefork.training.probe import (
    STRENGTHS,
    check_probe,
    fit_classifier,
    fit_probe,
    stratified_sample,
)

pytestmark = pytest.mark.usefixtures("without_reports")

SETTINGS = {"data.size": 32, "network.name": "timm:test_resnet", "network.weights": None}


@pytest.fixture(scope="module")
def packed(shapes):
    dataset = pack(open_source(shapes), Framing(size=32))
    return dataset, make_split(dataset.table, dataset.task, (0.6, 0.2, 0.2))


def some_features(classes: int, number: int = 120) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(classes)
    labels = np.arange(number) % classes
    features = random.normal(labels[:, None], 2.0, (number, 6)).astype(np.float32)
    return features * [1, 10, 1, 0.1, 1, 0] + [0, 5, 0, 0, 0, 3], labels


@pytest.mark.parametrize("classes", [2, 3])
def test_the_layer_answers_as_the_regression_on_standardised_features_does(classes):
    features, labels = some_features(classes)
    names = tuple("abc"[:classes])
    weight, bias, strength = fit_classifier(features, labels, np.arange(len(labels)), names)
    assert weight.shape == (classes, 6)
    assert bias.shape == (classes,)
    assert strength in STRENGTHS
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
    expected = model.fit(features, labels).predict_proba(features)
    found = softmax(features @ weight.T + bias, axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_common_features_of_groups_do_not_raise_the_score():
    """Each group has a place of its own, and its class says nothing about where."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(24), 10)
    labels = groups % 2
    features = random.normal(0, 5, (24, 40))[groups] + random.normal(0, 0.1, (240, 40))
    _, _, fooled = fit_classifier(features, labels, np.arange(240), ("a", "b"))
    _, _, wise = fit_classifier(features, labels, groups, ("a", "b"))
    assert wise < fooled


def test_a_class_of_one_group_is_refused():
    features, labels = some_features(2)
    groups = np.where(labels == 1, 0, 1 + np.arange(len(labels)))
    with pytest.raises(RequestError, match="class 'b' has fewer than two groups"):
        fit_classifier(features, labels, groups, ("a", "b"))


def test_a_probe_is_a_run_like_any_other(shapes, tmp_path):
    run = hubblefork.train(shapes, "probe", out=tmp_path / "run", settings=SETTINGS)
    assert run.finished
    assert list(run.history["epoch"]) == [1]
    assert run.metrics["accuracy"] > 0.9  # features of a random network tell discs from bars
    table = hubblefork.predict(run.path, shapes / "disc")
    assert (table["predicted"] == "disc").mean() > 0.9


@pytest.mark.parametrize("views", [{}, {"flip": True}, {"symmetries": True}])
def test_only_the_last_layer_is_found_and_by_the_same_seed_the_same(packed, tmp_path, views):
    dataset, split = packed
    recipe = load_recipe("probe", SETTINGS | views)
    found = []
    for name in "ab":
        planned = plan(recipe, dataset, split, 0, torch.device("cpu"), "fp32")
        before = {key: value.clone() for key, value in planned.network.state_dict().items()}
        found.append(fit_probe(planned, Run(tmp_path / name)).state_dict())
        changed = {key for key in before if not torch.equal(before[key], found[-1][key])}
        assert changed == {"fc.weight", "fc.bias"}
    assert torch.equal(found[0]["fc.weight"], found[1]["fc.weight"])
    measured = ["loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert Run(tmp_path / "a").history[measured].notna().all(axis=None)


def test_of_more_images_than_memory_is_meant_for_some_of_each_class_are_drawn(
    packed, tmp_path, monkeypatch, capsys
):
    dataset, split = packed
    planned = plan(load_recipe("probe", SETTINGS), dataset, split, 0, torch.device("cpu"), "fp32")
    monkeypatch.setattr(
        "hubblefork.training.probe._MOST_BYTES", 2 * 20 * 4 * planned.network.fc.in_features
    )
    fit_probe(planned, Run(tmp_path))
    assert "20 of the 48 training images" in capsys.readouterr().err


def test_classes_are_drawn_alike_and_a_rare_one_keeps_enough_for_each_fold():
    labels = np.repeat([0, 1, 2], [900, 300, 5])
    drawn = stratified_sample(labels, 200, seed=1)
    assert len(np.unique(drawn)) == 200
    counts = np.bincount(labels[drawn])
    assert counts[2] == 5
    assert counts[0] / 900 == pytest.approx(counts[1] / 300, abs=0.02)


def test_a_probe_has_nothing_to_compile(packed):
    recipe = load_recipe("probe", SETTINGS)
    planned = plan(recipe, *packed, 0, torch.device("cpu"), "fp32", compiled="default")
    with pytest.raises(RequestError, match="--compile default is for training"):
        check_probe(planned)


def test_a_probe_takes_the_fixed_view():
    with pytest.raises(RequestError, match=r"view\.rotate and view\.shift have to be 0"):
        load_recipe("probe", {"rotate": 90})


@pytest.mark.parametrize(
    ("setting", "named"),
    [({"epochs": 3}, r"training\.epochs"), ({"learning_rate": 1}, r"optimiser\.learning_rate")],
)
def test_what_a_probe_has_no_use_for_is_refused(setting, named):
    with pytest.raises(RequestError, match=rf"one step and does not use {named}"):
        load_recipe("probe", setting)


def test_the_recipe_that_a_probe_keeps_can_be_given_again(shapes, tmp_path):
    run = hubblefork.train(shapes, "probe", out=tmp_path / "run", settings=SETTINGS)
    again = load_recipe(run.path / "recipe.toml")
    assert again.training.method == "probe"


@pytest.mark.parametrize(
    ("source", "settings", "said"),
    [
        ("simulated:votes:60", {}, "these are fractions of votes"),
        ("shapes", {"network.name": "timm:resnetv2_50"}, "ends in another layer"),
    ],
)
def test_what_has_no_probe_is_refused_before_anything_is_written(
    shapes, tmp_path, source, settings, said
):
    source = shapes if source == "shapes" else source
    with pytest.raises(RequestError, match=said):
        hubblefork.train(source, "probe", out=tmp_path / "run", settings=SETTINGS | settings)
    assert not (tmp_path / "run").exists()
