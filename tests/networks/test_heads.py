"""Whatever a network gives, the answers of a tree head satisfy every sum of the tree."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hubblefork.core.errors import RequestError
from hubblefork.networks.heads import HEADS, choose_head, create_head
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes

TREES = ("tree", "dieleman")
RAW = arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.just(37)),
    elements=st.floats(-1000, 1000, width=32) | st.sampled_from([0.0, -1e30, 1e30]),
)


def even() -> np.ndarray:
    """The fractions where nobody prefers any answer."""
    own = [np.full(len(q.answers), 1 / len(q.answers)) for q in GALAXY_ZOO_2.questions]
    return GALAXY_ZOO_2.weighted(np.concatenate(own)[None])


@pytest.mark.parametrize("name", TREES)
@given(raw=RAW)
def test_the_answers_of_every_question_sum_to_the_fraction_of_its_parent(name, raw):
    fractions = create_head(name, Votes())(torch.tensor(raw)).numpy()
    assert fractions.dtype == np.float32
    assert fractions.min() >= 0
    assert fractions.max() <= 1 + 1e-6
    assert not GALAXY_ZOO_2.check(fractions, tolerance=1e-5).any()


def test_the_tree_is_weighted_as_the_catalogues_weigh_it():
    raw = torch.randn(20, 37, generator=torch.Generator().manual_seed(0))
    own = [torch.softmax(raw[:, q.columns], dim=1) for q in GALAXY_ZOO_2.questions]
    expected = GALAXY_ZOO_2.weighted(torch.cat(own, dim=1).numpy())
    np.testing.assert_allclose(create_head("tree", Votes())(raw).numpy(), expected, atol=1e-6)


def test_values_above_nothing_are_divided_by_their_sum():
    raw = torch.full((1, 37), -5.0)
    raw[0, :3] = torch.tensor([3.0, 1.0, -2.0])
    fractions = create_head("dieleman", Votes())(raw)[0, :3]
    np.testing.assert_allclose(fractions, [0.75, 0.25, 0], atol=1e-3)


@pytest.mark.parametrize(("name", "raw"), [("tree", 0.0), ("dieleman", -3.0), ("dieleman", 0.0)])
def test_a_network_that_prefers_nothing_answers_evenly(name, raw):
    fractions = create_head(name, Votes())(torch.full((1, 37), raw))
    np.testing.assert_allclose(fractions, even(), atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
def test_every_answer_has_a_slope(name):
    raw = torch.rand(3, 37, requires_grad=True)
    create_head(name, Votes())(raw).square().sum().backward()
    assert torch.isfinite(raw.grad).all()
    assert (raw.grad != 0).all()


@pytest.mark.parametrize("name", TREES)
def test_sums_hold_under_autocast(name):
    layer, head = torch.nn.Linear(8, 37), create_head(name, Votes())
    with torch.autocast("cpu", torch.bfloat16):
        raw = layer(torch.randn(5, 8))
        fractions = head(raw)
    assert raw.dtype == torch.bfloat16
    assert fractions.dtype == torch.float32
    assert not GALAXY_ZOO_2.check(fractions.detach().numpy(), tolerance=1e-5).any()


def test_sigmoids_know_nothing_of_the_tree():
    fractions = create_head("sigmoid", Votes())(torch.zeros(1, 37))
    assert (fractions == 0.5).all()


def test_heads_have_nothing_to_learn_or_to_save():
    for name in HEADS:
        head = create_head(name, Votes())
        assert not list(head.parameters())
        assert not head.state_dict()


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        (
            "softmax",
            Votes(),
            "fractions of votes; expected tree .*: --set head=auto.*, or",
        ),
        (
            "sigmoid",
            Classes(("a", "b")),
            "classes; expected softmax: --set head=auto --set loss=auto",
        ),
        ("tree", Classes(("a", "b")), "which are classes"),
        ("teee", Votes(), "did you mean 'tree'"),
    ],
)
def test_a_head_that_does_not_fit_the_labels_is_refused(name, task, message):
    with pytest.raises(RequestError, match=message):
        choose_head(name, task)
