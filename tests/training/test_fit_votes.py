"""Training on fractions of votes: every head and loss learns, and the tree always holds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import make_split
from hubblefork.networks.heads import create_head
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.training.fit import fit
from hubblefork.training.plan import plan

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def packed():
    dataset = pack(open_source("simulated:votes:120"), Framing(size=24))
    return dataset, make_split(dataset.table, dataset.task, (0.75, 0.25, 0.0))


def run_fit(packed, folder: Path, precision: str = "fp32", **settings) -> tuple[Run, np.ndarray]:
    """Train lenet5; gives the run and the fractions of the validation set."""
    dataset, split = packed
    base = {"data.size": 24, "epochs": 3, "learning_rate": 3e-3, "schedule.name": "constant"}
    planned = plan(load_recipe("lenet5", base | settings), dataset, split, 0, CPU, precision)
    network = fit(planned, Run(folder)).eval()
    rows = split.rows(dataset, "val")
    with torch.inference_mode():
        raw = network(planned.view.fixed(torch.from_numpy(dataset.images[rows])))
        return Run(folder), create_head(planned.objective.head, planned.dataset.task)(raw).numpy()


@pytest.mark.parametrize(
    ("head", "loss"),
    [("sigmoid", "mse"), ("dieleman", "rmse"), ("tree", "dirichlet-multinomial")],
)
def test_every_head_and_loss_trains_and_learns(packed, tmp_path, head, loss):
    run, fractions = run_fit(packed, tmp_path / "run", head=head, loss=loss, epochs=6)
    assert run.history["loss"].iloc[-1] < run.history["loss"].iloc[0]
    assert run.history["rmse"].iloc[-1] < run.history["rmse"].iloc[0]
    assert GALAXY_ZOO_2.check(fractions, 1e-3).any() == (head == "sigmoid")


def test_the_history_of_votes_has_rmse_and_no_accuracy(packed, tmp_path):
    run, fractions = run_fit(packed, tmp_path / "run")
    history = run.history
    assert list(history) == ["epoch", "loss", "rmse", "val_loss", "val_rmse", "lr", "seconds"]
    np.testing.assert_allclose(history["rmse"] ** 2, history["loss"], rtol=1e-4)
    dataset, split = packed
    error = fractions - dataset.labels[split.rows(dataset, "val")]
    assert history["val_rmse"].iloc[-1] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)


def test_a_plateau_of_accuracy_watches_the_rmse_of_votes(packed, tmp_path):
    # No epoch makes the RMSE nine tenths smaller: the rate is cut after each but the first.
    settings = {"schedule.name": "plateau", "min_delta": 0.9, "factor": 0.5}
    run, _ = run_fit(packed, tmp_path / "run", **settings)
    np.testing.assert_allclose(run.history["lr"], [3e-3, 3e-3, 1.5e-3])


def test_a_training_on_votes_goes_on_where_it_ended(packed, tmp_path):
    settings = {"loss": "dirichlet-multinomial"}
    whole, _ = run_fit(packed, tmp_path / "whole", **settings)
    run_fit(packed, tmp_path / "cut", epochs=1, **settings)
    cut, _ = run_fit(packed, tmp_path / "cut", **settings)
    seconds = ["seconds"]
    pd.testing.assert_frame_equal(
        whole.history.drop(columns=seconds), cut.history.drop(columns=seconds), check_exact=True
    )


def test_bf16_trains_votes_whose_sums_still_hold(packed, tmp_path):
    run, fractions = run_fit(packed, tmp_path / "run", precision="bf16")
    assert run.history["loss"].iloc[-1] < run.history["loss"].iloc[0]
    assert not GALAXY_ZOO_2.check(fractions, 1e-5).any()
