"""Head first: the last layer alone, then all layers, and a cut anywhere changes nothing."""

from pathlib import Path

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

SIZE = 24


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


def run_fit(packed, weights: Path, folder: Path, **settings) -> dict[str, torch.Tensor]:
    dataset, split = packed
    settings = {
        "data.size": SIZE, "network.name": "timm:test_resnet", "weights": str(weights),
        "batch_size": 16, **settings,
    }  # fmt: skip
    recipe = load_recipe("transfer", settings)
    planned = plan(recipe, dataset, split, 0, torch.device("cpu"), "fp32")
    return dict(fit(planned, Run(folder)).state_dict())


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {
        name for name in before
        if before[name].shape != after[name].shape or not torch.equal(before[name], after[name])
    }  # fmt: skip


def pretrained(weights: Path) -> dict[str, torch.Tensor]:
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
    packed, weights, tmp_path, epochs_before, monkeypatch
):
    phases = {"epochs": 4, "freeze_epochs": 2}
    whole = run_fit(packed, weights, tmp_path / "whole", **phases)
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
    assert not changed(whole, resumed)


def test_more_freeze_epochs_than_epochs_are_refused():
    with pytest.raises(RequestError, match="freeze_epochs is 2, of 1 epochs in all"):
        load_recipe("transfer", {"epochs": 1})


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
