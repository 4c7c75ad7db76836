"""Epochs that end within a recipe's minutes."""

import pytest
import torch

from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import make_split
from hubblefork.recipes.recipe import load_recipe
from hubblefork.training.plan import Plan, plan
from hubblefork.training.time_limit import epochs_within_minutes

ENDLESS = 100_000  # the most that a recipe may ask for


@pytest.fixture(autouse=True)
def _few_steps_are_timed(monkeypatch):
    """Whether 18 seconds hold more than one epoch is known after a few steps."""
    monkeypatch.setattr("hubblefork.training.time_limit._MOST_STEPS", 5)


def planned(source, recipe: str = "lenet5", **settings) -> Plan:
    dataset = pack(open_source(source), Framing(size=24))
    split = make_split(dataset.table, dataset.task, (0.6, 0.2, 0.2))
    settings = {"data.size": 24, "view.size": 24, **settings}
    return plan(load_recipe(recipe, settings), dataset, split, 0, torch.device("cpu"), "fp32")


@pytest.mark.parametrize("recipe", ["default", "lenet5"])
@pytest.mark.parametrize("source", ["shapes", "simulated:votes:20"])
def test_there_are_as_many_epochs_as_the_minutes_hold(recipe, source, shapes):
    source = shapes if source == "shapes" else source
    assert epochs_within_minutes(planned(source, recipe, epochs=ENDLESS, minutes=1e-9)) == 1
    assert 1 < epochs_within_minutes(planned(source, recipe, epochs=ENDLESS, minutes=0.3)) < ENDLESS
    assert epochs_within_minutes(planned(source, recipe, epochs=3, minutes=1000)) == 3


def test_epochs_of_the_last_layer_alone_are_kept_within_the_minutes_too(shapes):
    head_first = planned(shapes, epochs=ENDLESS, minutes=1e-9, freeze_epochs=3)
    assert epochs_within_minutes(head_first) == 1


def test_without_a_limit_all_epochs_are_done(shapes):
    assert epochs_within_minutes(planned(shapes, epochs=ENDLESS, minutes=None)) == ENDLESS


def test_trying_the_pace_leaves_the_network_as_it_is(shapes):
    tried = planned(shapes, epochs=ENDLESS, minutes=1)
    before = {name: value.clone() for name, value in tried.network.state_dict().items()}
    epochs_within_minutes(tried)
    assert all(torch.equal(value, before[k]) for k, value in tried.network.state_dict().items())
    assert all(parameter.grad is None for parameter in tried.network.parameters())
