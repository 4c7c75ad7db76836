"""Losses of votes: what they measure, what they are least for, and what they cannot be used on."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import gammaln

from hubblefork.core.errors import RequestError
from hubblefork.data.sources.simulated import SimulatedSource
from hubblefork.networks.heads import create_head
from hubblefork.recipes.recipe import load_recipe
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Unlabelled
from hubblefork.tasks.votes import Votes
from hubblefork.training.losses import (
    Objective,
    choose_objective,
    dirichlet_multinomial,
    votes_cast,
)

CLASSES = Classes(("a", "b"))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return SimulatedSource(200, votes=True).table


def fractions(table: pd.DataFrame) -> torch.Tensor:
    return torch.tensor(table[list(GALAXY_ZOO_2.columns)].to_numpy(np.float32))


def test_squared_errors_and_their_root_are_over_galaxies_and_answers():
    random = torch.Generator().manual_seed(0)
    answers, labels = torch.rand(2, 6, 37, generator=random)
    squared = float(((answers - labels) ** 2).mean())
    assert float(Objective(Votes(), "tree", "mse").loss(answers, answers, labels)) == pytest.approx(
        squared
    )
    root = Objective(Votes(), "tree", "rmse")
    assert float(root.loss(answers, answers, labels)) == pytest.approx(squared**0.5)
    assert root.epoch_metric(float(root.batch_sum(answers, labels)) / 6) == pytest.approx(
        squared**0.5
    )


def test_the_root_has_a_slope_where_there_is_no_error():
    answers = torch.zeros(2, 37, requires_grad=True)
    Objective(Votes(), "tree", "rmse").loss(answers, answers, torch.zeros(2, 37)).backward()
    assert (answers.grad == 0).all()


def test_the_accuracy_of_classes_counts_right_answers():
    objective = Objective(CLASSES, "softmax", "cross-entropy")
    answers = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]])
    assert objective.batch_sum(answers, torch.tensor([0, 1, 1])) == 2
    assert objective.metric.name == "accuracy"


def test_with_logit_adjustment_classes_learns_as_if_they_were_less_rare():
    # A network without inputs learns the fraction of each class.
    labels = np.repeat([0, 1], [90, 10])
    plain = Objective(CLASSES, "softmax", "cross-entropy")
    for strength, odds in ((0.0, 9.0), (0.5, 3.0), (1.0, 1.0)):
        objective = plain.with_logit_adjustment(labels, strength)
        raw = torch.zeros(2, requires_grad=True)
        learner = torch.optim.LBFGS([raw], lr=0.5, max_iter=100)

        def loss(objective=objective, raw=raw, learner=learner):
            learner.zero_grad()
            given = raw.expand(100, 2)
            error = objective.loss(given, given.softmax(1), torch.tensor(labels))
            error.backward()
            return error

        learner.step(loss)
        found = (raw[0] - raw[1]).detach().exp().item()
        assert found == pytest.approx(odds, rel=0.01)


def test_a_class_without_training_images_can_be_favoured_too():
    plain = Objective(CLASSES, "softmax", "cross-entropy")
    adjusted = plain.with_logit_adjustment(np.array([0, 0, 1]), 1.0)
    assert np.isfinite(adjusted.adjustment).all()
    votes = Objective(Votes(), "tree", "mse")
    assert votes.with_logit_adjustment(np.zeros((3, 37)), 0.5) == votes


def test_votes_cast_are_whole_numbers_that_follow_the_tree(table):
    volunteers = torch.tensor(table["volunteers"].to_numpy(np.float32))[:, None]
    votes = votes_cast(fractions(table), volunteers, GALAXY_ZOO_2)
    whole = votes.round()
    torch.testing.assert_close(votes, whole, atol=1e-3, rtol=0)
    assert (whole[:, :3].sum(dim=1) == volunteers[:, 0]).all()
    for question in GALAXY_ZOO_2.questions:
        if question.parent is not None:
            asked = whole[:, GALAXY_ZOO_2.index(question.parent)]
            assert (whole[:, question.columns].sum(dim=1) == asked).all()


def test_the_likelihood_is_that_of_one_question_after_the_other():
    random = np.random.default_rng(0)
    raw, votes = random.normal(size=(1, 37)), random.integers(0, 9, (1, 37)).astype(float)
    expected = 0.0
    for question in GALAXY_ZOO_2.questions:
        strength, cast = np.exp(raw[0, question.columns]), votes[0, question.columns]
        number, total = cast.sum(), strength.sum()
        expected += gammaln(total) + gammaln(number + 1) - gammaln(number + total)
        expected += (gammaln(cast + strength) - gammaln(strength) - gammaln(cast + 1)).sum()
    likelihood = dirichlet_multinomial(torch.tensor(raw), torch.tensor(votes), GALAXY_ZOO_2)
    assert float(likelihood) == pytest.approx(expected)


def test_all_outcomes_of_a_vote_have_together_the_likelihood_one():
    raw = torch.randn(1, 37, generator=torch.Generator().manual_seed(1))
    votes = torch.zeros(6, 37)
    votes[:, 3] = torch.arange(6)  # five volunteers, edge-on or not
    votes[:, 4] = 5 - torch.arange(6)
    likelihood = dirichlet_multinomial(raw.expand(6, -1), votes, GALAXY_ZOO_2).exp().sum()
    assert float(likelihood) == pytest.approx(1)


def test_a_question_that_nobody_reached_says_nothing():
    raw = torch.randn(1, 37, requires_grad=True)
    votes = torch.zeros(1, 37)
    votes[0, :3] = torch.tensor([5.0, 0.0, 2.0])
    dirichlet_multinomial(raw, votes, GALAXY_ZOO_2).sum().backward()
    assert (raw.grad[0, :3] != 0).all()
    assert (raw.grad[0, 3:].abs() < 1e-12).all()


@pytest.mark.parametrize("loss", ["mse", "rmse", "dirichlet-multinomial"])
def test_each_loss_leads_to_the_fractions_that_the_volunteers_gave(table, loss):
    objective = Objective(Votes(), "tree", loss)
    labels = objective.labels(fractions(table).numpy()[:4], table[:4])
    raw, head = torch.zeros(4, 37, requires_grad=True), create_head("tree", Votes())
    optimiser = torch.optim.Adam([raw], lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        objective.loss(raw, head(raw), labels).backward()
        optimiser.step()
    merit = objective.batch_sum(head(raw.detach()), labels)
    error = objective.epoch_metric(float(merit) / 4)
    assert error < 0.02


@pytest.mark.parametrize("raw", [-1e4, 1e4])
def test_extreme_numbers_have_a_finite_likelihood(raw):
    values = torch.full((1, 37), raw, requires_grad=True)
    dirichlet_multinomial(values, torch.full((1, 37), 1000.0), GALAXY_ZOO_2).sum().backward()
    assert torch.isfinite(values.grad).all()


def test_head_and_loss_follow_from_the_labels(table):
    recipe = load_recipe("lenet5")
    assert choose_objective(recipe, Votes(), table, "x") == Objective(Votes(), "tree", "mse")
    assert choose_objective(recipe, CLASSES, table, "x") == Objective(
        CLASSES, "softmax", "cross-entropy"
    )


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        (Votes(), {"head": "softmax"}, "recipe 'lenet5' does not fit sky: the head 'softmax'"),
        (
            Votes(),
            {"loss": "cross-entropy"},
            "'cross-entropy' does not fit.* votes.*--classes",
        ),
        (CLASSES, {"head": "tree"}, "does not fit sky: the head 'tree' does not fit"),
        (CLASSES, {"loss": "rmse"}, "'rmse' does not fit"),
        (Unlabelled(), {}, "sky has no labels"),
        (
            Votes(),
            {"loss": "dirichlet-multinomial", "head": "sigmoid"},
            "needs the head 'tree', not 'sigmoid'",
        ),
    ],
)
def test_labels_that_a_recipe_cannot_learn_from_are_refused(table, task, settings, message):
    with pytest.raises(RequestError, match=message) as error:
        choose_objective(load_recipe("lenet5", settings), task, table, "sky")
    assert "\n" not in str(error.value)


def test_counting_votes_needs_the_number_of_volunteers(table):
    recipe = load_recipe("lenet5", {"loss": "dirichlet-multinomial"})
    assert choose_objective(recipe, Votes(), table, "sky").counts_votes
    with pytest.raises(RequestError, match="no column 'volunteers'"):
        choose_objective(recipe, Votes(), table.drop(columns="volunteers"), "sky")
    for wrong in (0, np.nan, "many"):
        volunteers = table["volunteers"].astype(object)
        volunteers[3] = wrong
        with pytest.raises(RequestError, match=r"1 rows have a 'volunteers'.*: sim-000003"):
            choose_objective(recipe, Votes(), table.assign(volunteers=volunteers), "sky")
