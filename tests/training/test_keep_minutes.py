"""A training keeps its minutes when the speed changes; resumed, it keeps what was decided."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_lightning import Callback

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import make_split
from hubblefork.recipes.recipe import load_recipe
from hubblefork.recipes.settings import ScheduleTable, TrainingTable
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.keep_minutes import epochs_in_time
from hubblefork.training.plan import plan
from hubblefork.training.schedules import Pace, rate_factor

# Seconds of each epoch: a machine that was busy in the first.
SECONDS = [20.0, *[5.0] * 7]


class Machine(Callback):
    """Has epochs last as long as `seconds` says; switched off before epoch `off`, from 0."""

    def __init__(self, seconds: list[float], off: int | None):
        self.seconds, self.off = seconds, off

    def on_train_epoch_start(self, trainer, module):
        if trainer.current_epoch == self.off:
            raise KeyboardInterrupt

    def on_train_epoch_end(self, trainer, module):
        module.rows[-1]["seconds"] = self.seconds[trainer.current_epoch]


@pytest.fixture(scope="module")
def dataset(shapes):
    return pack(open_source(shapes), Framing(size=24))


def trained(dataset, path: Path, seconds: list[float] = SECONDS, off: int | None = None) -> Run:
    wanted = {"data.size": 24, "epochs": 8, "minutes": 1, "schedule.name": "one-cycle"}
    recipe = load_recipe("lenet5", wanted)
    split = make_split(dataset.table, dataset.task, (0.6, 0.2, 0.2))
    planned = plan(recipe, dataset, split, 0, torch.device("cpu"), "fp32")
    run = Run(path)
    network = fit(replace(planned, epochs=5), run, [Machine(seconds, off)])
    torch.save(network.state_dict(), path / "weights.pt")
    return run


@pytest.fixture(scope="module")
def faster(dataset, tmp_path_factory) -> Run:
    """A whole training on a machine that has become faster. To be read only."""
    return trained(dataset, tmp_path_factory.mktemp("faster"))


def test_a_training_has_as_many_epochs_as_its_minutes_hold_in_the_end(dataset, faster, tmp_path):
    assert len(faster.history) == 8, "the recipe's; five were planned, and three after the first"
    assert faster.recipe.training.epochs == 8
    assert faster.recipe.training.minutes is None
    rates = faster.history["lr"]
    assert rates.iloc[-1] < 1e-7 < 5e-4 < rates.max()
    assert np.diff(rates).max() < 6e-4, "the rate goes on from where it was"
    run = trained(dataset, tmp_path / "slower", [5, 5, 100, 100, 100])
    assert len(run.history) == 4, "one more, in which the rate comes down"
    assert run.history["lr"].iloc[-1] < 1e-7


@pytest.mark.parametrize("off", [1, 2, 7])
def test_a_resumed_training_takes_the_decisions_of_its_checkpoint(dataset, faster, tmp_path, off):
    with pytest.raises(KeyboardInterrupt):
        trained(dataset, tmp_path / "cut", off=off)
    cut = trained(dataset, tmp_path / "cut")
    assert cut.history.drop(columns="seconds").equals(faster.history.drop(columns="seconds"))
    one, other = (torch.load(run.path / "weights.pt", weights_only=True) for run in (faster, cut))
    assert all(torch.equal(one[name], other[name]) for name in one)


@given(
    st.lists(st.floats(1, 100), min_size=1, max_size=8),
    st.integers(1, 12),
    st.integers(8, 12),
)
@settings(max_examples=50, deadline=None)
def test_more_epochs_are_begun_only_within_the_minutes(seconds, planned, most):
    limits = TrainingTable(epochs=most, minutes=2)
    epochs = epochs_in_time(seconds, min(planned, most), limits)
    if len(seconds) < planned:
        assert len(seconds) < epochs <= most or len(seconds) >= most
        recent = np.mean(seconds[-3:])
        more = epochs - len(seconds)
        assert more <= 1 or sum(seconds) + more * recent <= 120 * (1 + 1e-9)


@given(st.integers(1, 5), st.lists(st.integers(1, 6), max_size=4), st.sampled_from([0.2, 0.5]))
@settings(max_examples=50, deadline=None)
def test_the_rate_ends_low_and_never_jumps_however_often_the_pace_changes(steps, more, warm_up):
    schedule = ScheduleTable(name="one-cycle", warm_up=warm_up)
    pace, rates, done = Pace(steps, 3), [], 0
    for change in [*more, None]:
        rates += [rate_factor(schedule, pace.after(done * steps + step)) for step in range(steps)]
        done += 1
        if done == pace.epochs:
            break
        if change:
            before = pace.after(done * steps)
            pace = pace.changed(done, done + change)
            assert pace.after(done * steps) == pytest.approx(before)
    fractions = [pace.after(step) for step in range(done * steps, pace.epochs * steps + 1)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert rate_factor(schedule, fractions[-1]) < 1e-5


def test_chunks_have_no_minutes():
    with pytest.raises(RequestError, match=r"minutes is 5, with 6 chunks.*--set chunks=1"):
        load_recipe("linnaeus", {"minutes": 5})
