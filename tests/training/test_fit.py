"""Training: what is learnt, what is kept, and that a kill at any moment changes nothing."""

import io
import re
import signal
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import make_split
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.training.epoch_log import EpochLog
from hubblefork.training.fit import fit
from hubblefork.training.plan import make_view, plan
from tests.forks import Fork

SMALL = {
    "data.size": 24,
    "network.options.width": 2,
    "network.options.blocks": [1, 1],
    "batch_size": 16,
    "learning_rate": 0.01,
    "epochs": 3,
}
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Weights are compared bit by bit, also with those of a fork, which has one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def packed(shapes):
    dataset = pack(open_source(shapes), Framing(size=24))
    return dataset, make_split(dataset.table, dataset.task, (0.6, 0.2, 0.2))


def run_fit(packed, folder: Path, recipe: str = "default", seed: int = 0, **settings) -> Run:
    dataset, split = packed
    base = SMALL if recipe == "default" else {"data.size": 24, "epochs": 3}
    planned = plan(load_recipe(recipe, base | settings), dataset, split, seed, CPU, "fp32")
    run = Run(folder)
    network = fit(planned, run)
    torch.save(network.state_dict(), folder / "weights.pt")
    return run


@pytest.fixture(scope="module")
def whole(packed, tmp_path_factory) -> Callable[..., Run]:
    """Trains as `run_fit` does, without a cut, and each training once. To be read only."""

    @cache
    def train(recipe: str = "default", **settings) -> Run:
        return run_fit(packed, tmp_path_factory.mktemp("whole"), recipe, **settings)

    return train


def weights(run: Run) -> dict[str, torch.Tensor]:
    return torch.load(run.path / "weights.pt", weights_only=True)


def assert_same(one: Run, other: Run) -> None:
    for key, value in weights(one).items():
        assert torch.equal(value, weights(other)[key]), key
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr"]
    pd.testing.assert_frame_equal(one.history[columns], other.history[columns], check_exact=True)


def test_a_network_learns_to_tell_shapes_apart(whole):
    history = whole(epochs=25).history
    assert list(history["epoch"]) == list(range(1, 26))
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["val_accuracy"].iloc[-1] > 0.9
    assert history["seconds"].gt(0).all()
    # One cycle: up from a fraction, to the asked rate, and down to nearly nothing.
    assert history["lr"].iloc[-1] < 1e-4 < history["lr"].max() <= 0.01


def test_the_same_seed_gives_the_same_weights_and_another_does_not(packed, whole, tmp_path):
    first, again, other = whole(), run_fit(packed, tmp_path / "again"), whole(seed=1)
    assert_same(first, again)
    assert not torch.equal(weights(first)["head.weight"], weights(other)["head.weight"])


@pytest.mark.parametrize("recipe", ["default", "lenet5"])
@pytest.mark.parametrize("epochs_before", [1, 2])
def test_a_training_cut_between_epochs_ends_as_if_it_had_not_been(
    packed, whole, tmp_path, recipe, epochs_before
):
    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        _stop_after(epochs_before, lambda: run_fit(packed, cut, recipe))
    assert len(Run(cut).history) == epochs_before
    assert_same(whole(recipe), run_fit(packed, cut, recipe))


def _stop_after(epochs: int, action) -> None:
    """Run an action that is interrupted at the end of the epoch after `epochs`."""
    real = Run.save_history

    def interrupted(run, rows):
        if len(rows) > epochs:
            raise KeyboardInterrupt
        real(run, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "save_history", interrupted)
        action()


def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been(packed, whole, tmp_path):
    folder = tmp_path / "killed"
    killed = Fork(partial(run_fit, packed, folder, epochs=25))
    deadline = time.monotonic() + 120
    while not (folder / "history.csv").exists() or len(Run(folder).history) < 3:
        assert killed.process.is_alive(), "the training ended before it could be killed"
        assert time.monotonic() < deadline, "the training never got to its third epoch"
        time.sleep(0.01)
    killed.process.kill()
    assert killed.ended()[0] == -signal.SIGKILL
    before = len(Run(folder).history)
    assert before < 25
    resumed = run_fit(packed, folder, epochs=25)
    assert len(resumed.history) == 25
    assert_same(whole(epochs=25), resumed)
    assert not list(folder.rglob(".*.ckpt.*"))[1:], "at most the file that the kill cut is left"


def test_the_rate_is_cut_as_keras_would_cut_it(packed, tmp_path):
    # Nothing improves by more than 1: every epoch after the first is one of no improvement.
    settings = {"min_delta": 1.0, "factor": 0.5, "epochs": 4}
    rates = run_fit(packed, tmp_path / "one", "lenet5", patience=1, **settings).history["lr"]
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 5e-4, 2.5e-4])
    rates = run_fit(packed, tmp_path / "two", "lenet5", patience=2, **settings).history["lr"]
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-3, 5e-4])


def test_the_rate_is_reduced_after_fractions_of_the_training(packed, tmp_path):
    settings = {"schedule.name": "steps", "cuts": [0.5, 0.75], "factor": 0.1, "epochs": 4}
    rates = run_fit(packed, tmp_path / "run", "lenet5", **settings).history["lr"]
    # Of the next step, as an epoch ends.
    np.testing.assert_allclose(rates, [1e-3, 1e-4, 1e-5, 1e-5])


@pytest.mark.parametrize("epochs_before", [1, 2, 3])
def test_chunk_by_chunk_weights_carry_over_and_a_cut_changes_nothing(
    packed, whole, tmp_path, epochs_before
):
    settings = {"chunks": 2, "epochs": 2}
    expected = whole("lenet5", **settings)
    assert list(expected.history["epoch"]) == [1, 2, 3, 4], "two for each chunk"
    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        _stop_after(epochs_before, lambda: run_fit(packed, cut, "lenet5", **settings))
    assert_same(expected, run_fit(packed, cut, "lenet5", **settings))


def test_more_chunks_than_images_are_refused_before_anything_is_written(packed, tmp_path):
    with pytest.raises(RequestError, match=r"chunks is 30, for 48 training images.*--set chunks=1"):
        run_fit(packed, tmp_path / "run", "lenet5", chunks=30)
    assert not (tmp_path / "run").exists()


def test_early_stopping_ends_a_training_that_gets_no_better(packed, tmp_path):
    settings = {"learning_rate": 1e-9, "epochs": 30, "early_stopping": 2, "checkpoint": "best"}
    run = run_fit(packed, tmp_path / "run", "lenet5", **settings)
    epochs = len(run.history)
    assert epochs < 30
    again = run_fit(packed, tmp_path / "run", "lenet5", **settings)
    assert len(again.history) == epochs, "going on does not train past the end"


def test_the_weights_of_the_best_epoch_are_kept(packed, tmp_path):
    run = run_fit(
        packed, tmp_path / "run", "lenet5", checkpoint="best", learning_rate=0.003, epochs=6
    )
    best = torch.load(run.checkpoints / "best.ckpt", weights_only=True)
    assert best["history"][-1]["val_loss"] == run.history["val_loss"].min()
    for key, value in weights(run).items():
        assert torch.equal(value, best["state_dict"][f"network.{key}"])


def test_a_run_that_was_moved_keeps_the_weights_of_its_best_epoch(packed, tmp_path):
    worse = {"checkpoint": "best", "learning_rate": 0.3, "schedule.name": "constant", "epochs": 4}
    with pytest.raises(KeyboardInterrupt):
        _stop_after(3, lambda: run_fit(packed, tmp_path / "cut", "lenet5", **worse))
    (tmp_path / "cut").rename(tmp_path / "moved")
    moved = run_fit(packed, tmp_path / "moved", "lenet5", **worse)
    assert_same(run_fit(packed, tmp_path / "whole", "lenet5", **worse), moved)


def test_averaged_weights_have_batch_statistics_of_their_own(packed, tmp_path):
    plain = {"rotate": 0, "flip": False, "zoom": 1, "shift": 0, "field_of_view": 1}
    recipe = load_recipe("default", SMALL | plain | {"view.size": 24, "checkpoint": "last"})
    planned = plan(recipe, *packed, 0, CPU, "fp32")
    network = fit(planned, Run(tmp_path))
    images = planned.dataset.images[planned.split.rows(planned.dataset, "train")]
    with torch.no_grad():
        maps = network.stem[0](planned.view.fixed(torch.from_numpy(images)))
    mean, variance = maps.mean(dim=(0, 2, 3)), maps.var(dim=(0, 2, 3))
    normalisation = network.stem[1]
    torch.testing.assert_close(normalisation.running_mean, mean, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(normalisation.running_var, variance, rtol=0.1, atol=1e-3)


def test_after_a_warm_up_of_a_single_step_the_rate_falls(packed, tmp_path):
    run = run_fit(packed, tmp_path / "run", batch_size=48, epochs=5)
    assert run.history["lr"].is_monotonic_decreasing


def test_training_without_a_validation_set_leaves_its_columns_empty(packed, tmp_path):
    dataset, _ = packed
    split = make_split(dataset.table, dataset.task, (0.8, 0.0, 0.2))
    run = run_fit((dataset, split), tmp_path / "run", "lenet5", train=0.8, val=0.0)
    assert run.history["val_loss"].isna().all()
    assert run.history["loss"].notna().all()


def test_a_loss_that_is_no_number_stops_the_training(packed, tmp_path):
    with pytest.raises(RequestError, match=r"loss is not a number.*learning_rate"):
        run_fit(packed, tmp_path / "run", learning_rate=1e30, **{"schedule.name": "constant"})


def test_without_a_terminal_a_long_epoch_says_how_far_it_is(packed, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("hubblefork.training.epoch_log._LINE_INTERVAL", -1.0)
    run_fit(packed, tmp_path, "lenet5", epochs=1, batch_size=2)
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("epoch   1/1")]
    assert len(told) == 3
    for batches, line in zip((10, 20), told, strict=False):
        assert re.fullmatch(rf"epoch   1/1: {batches} of 24 batches, .+images/s, .+ left", line)
    assert "loss" in told[-1]


def test_the_bar_is_gone_after_a_training_that_failed(packed, tmp_path, monkeypatch):
    made = []

    class Kept(EpochLog):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr("hubblefork.training.fit.EpochLog", Kept)
    monkeypatch.setattr("hubblefork.training.epoch_log.display_mode", lambda: "terminal")
    with pytest.raises(RequestError):
        run_fit(packed, tmp_path / "run", learning_rate=1e30, **{"schedule.name": "constant"})
    assert not made[0].bar._progress.live.is_started


def test_ctrl_c_while_a_checkpoint_is_written_is_ctrl_c(packed, tmp_path, monkeypatch):
    class Interrupted(io.BytesIO):
        def write(self, content):
            if self.tell() > 1000:
                raise KeyboardInterrupt
            return super().write(content)

    @contextmanager
    def interrupted(path, binary):
        yield Interrupted()

    monkeypatch.setattr("hubblefork.training.fit.replacing", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_fit(packed, tmp_path / "run")


def test_statistics_come_from_the_training_set_alone(packed):
    dataset, _ = packed
    recipe = load_recipe("default", SMALL)
    bars = np.flatnonzero(dataset.labels == 0)
    network = torch.nn.Identity()
    view = make_view(recipe, dataset, bars, network)
    np.testing.assert_allclose(view.mean, dataset.images[bars].mean((0, 1, 2)) / 255, atol=1e-5)
    discs = np.flatnonzero(dataset.labels == 1)
    assert view.mean != make_view(recipe, dataset, discs, network).mean


def test_bf16_trains_too(packed, tmp_path):
    dataset, split = packed
    planned = plan(load_recipe("default", SMALL), dataset, split, 0, CPU, "bf16")
    run = Run(tmp_path / "run")
    network = fit(planned, run)
    assert run.history["loss"].iloc[-1] < run.history["loss"].iloc[0]
    assert all(value.dtype != torch.bfloat16 for value in network.state_dict().values())
