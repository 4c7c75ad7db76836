"""The last layer first, alone or as a probe, then all; a cut anywhere changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import make_split
from hubblefork.networks.registry import create_network
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.plan import plan
from hubblefork.training.probe import fit_probe

SIZE = 24
ALL = 1 - 1e-9  # nearly: it has to be below 1

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def packed(shapes):
    dataset = pack(open_source(shapes), Framing(size=SIZE))
    return dataset, make_split(dataset.table, dataset.task, (0.6, 0.2, 0.2))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "backbone.safetensors"
    save_file(create_network("timm:test_resnet", (3, SIZE, SIZE), 10).state_dict(), path)
    return path


def run_fit(packed, weights: Path, folder: Path, **settings) -> State:
    dataset, split = packed
    settings = {
        "data.size": SIZE, "network.name": "timm:test_resnet", "weights": str(weights),
        "batch_size": 16, "probe_first": False, "start_fraction": 0, **settings,
    }  # fmt: skip
    recipe = load_recipe("transfer", settings)
    planned = plan(recipe, dataset, split, 0, torch.device("cpu"), "fp32")
    return dict(fit(planned, Run(folder)).state_dict())


@pytest.fixture(scope="module")
def whole(packed, weights, tmp_path_factory) -> Callable[..., State]:
    """Trains as `run_fit` does, without a cut, and each training once."""

    @cache
    def train(**settings) -> State:
        return run_fit(packed, weights, tmp_path_factory.mktemp("whole"), **settings)

    return train


def changed(before: State, after: State) -> set[str]:
    return {
        name for name in before
        if before[name].shape != after[name].shape or not torch.equal(before[name], after[name])
    }  # fmt: skip


def pretrained(weights: Path) -> State:
    shape = (3, SIZE, SIZE)
    return create_network("timm:test_resnet", shape, 10, weights=str(weights)).state_dict()


def test_at_first_the_last_layer_learns_alone_and_then_all_do(packed, weights, tmp_path):
    head = run_fit(packed, weights, tmp_path / "head", epochs=2, freeze_epochs=2)
    assert changed(pretrained(weights), head) == {"fc.weight", "fc.bias"}
    whole = run_fit(packed, weights, tmp_path / "all", epochs=3, freeze_epochs=2)
    assert changed(pretrained(weights), whole) == head.keys()
    assert Run(tmp_path / "all").history["lr"].max() <= 1e-3


@pytest.mark.parametrize("epochs_before", [1, 2, 3])
def test_a_training_cut_in_either_phase_ends_as_if_it_had_not_been(
    packed, weights, whole, tmp_path, epochs_before, monkeypatch
):
    phases = {"epochs": 4, "freeze_epochs": 2}
    save = Run.save_history

    def interrupted(run, rows):
        if len(rows) > epochs_before:
            raise KeyboardInterrupt
        save(run, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "save_history", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_fit(packed, weights, tmp_path / "cut", **phases)
    resumed = run_fit(packed, weights, tmp_path / "cut", **phases)
    assert not changed(whole(**phases), resumed)


def test_a_probe_fits_the_last_layer_before_all_are_trained(packed, weights, whole, tmp_path):
    dataset, split = packed
    begun = whole(probe_first=True, epochs=2, start_fraction=ALL)
    settings = {"data.size": SIZE, "network.name": "timm:test_resnet", "weights": str(weights)}
    recipe = load_recipe("probe", settings)
    planned = plan(recipe, dataset, split, 0, torch.device("cpu"), "fp32")
    (tmp_path / "probe").mkdir()
    probe = fit_probe(planned, Run(tmp_path / "probe")).state_dict()
    assert all(torch.allclose(begun[name], value, atol=1e-5) for name, value in probe.items())


def test_the_weights_of_the_start_have_their_fraction(packed, weights, whole, tmp_path):
    settings = {"probe_first": True, "epochs": 2}
    start, end = (whole(**settings, start_fraction=fraction) for fraction in (ALL, 1 - ALL))
    mixed, resumed = (
        run_fit(packed, weights, tmp_path, **settings, start_fraction=0.25) for _ in range(2)
    )
    assert changed(start, end)
    for name, value in mixed.items():
        if value.is_floating_point():
            expected = torch.lerp(end[name], start[name], 0.25)
            assert torch.allclose(value, expected, atol=1e-5), name
    assert not changed(mixed, resumed)  # after its end


def test_a_class_with_a_single_training_image_is_trained_without_a_probe(packed, weights, tmp_path):
    dataset, split = packed
    subset = split.subset.copy()
    label = pd.Series(dataset.labels, dataset.table["id"])[subset.index]
    subset[subset.index[(subset == "train") & (label == 0)][1:]] = "none"
    few = dataset, replace(split, subset=subset)
    head = run_fit(few, weights, tmp_path / "few", probe_first=True, epochs=2, freeze_epochs=2)
    assert changed(pretrained(weights), head) == {"fc.weight", "fc.bias"}


def test_with_no_more_epochs_the_last_layer_alone_is_trained(weights, tmp_path, capsys):
    votes = pack(open_source("simulated:votes:24"), Framing(size=SIZE))
    packed = votes, make_split(votes.table, votes.task, (0.6, 0.2, 0.2))
    phases = {"epochs": 1, "freeze_epochs": 2}
    plain = run_fit(packed, weights, tmp_path / "plain", **phases)
    told = "only the last layer is trained: training.freeze_epochs is 2, of 1\u00a0epoch in all"
    assert told in capsys.readouterr().err
    assert changed(pretrained(weights), plain) == {"fc.weight", "fc.bias"}
    mixed = run_fit(packed, weights, tmp_path / "mixed", **phases, start_fraction=0.5)
    assert not changed(plain, mixed), "nothing of the random weights that it began with"


def test_the_backbone_decides_the_normalisation(packed, weights):
    dataset, split = packed
    settings = {"data.size": SIZE, "network.name": "timm:test_resnet", "weights": str(weights)}
    planned = plan(
        load_recipe("transfer", settings), dataset, split, 0, torch.device("cpu"), "fp32"
    )
    assert planned.view.mean == planned.network.pretrained_cfg["mean"]
    assert planned.view.std == planned.network.pretrained_cfg["std"]
    with pytest.raises(RequestError, match="needs a backbone of timm"):
        load_recipe("mlp", {"normalise": "backbone"})
