"""The task of votes serves any tree: labels, heads, losses, metrics and tables follow it."""

import numpy as np
import pandas as pd
import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.networks.heads import create_head
from hubblefork.sky.decision_tree import DecisionTree, load_tree, tree_names
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.registry import task_from_json
from hubblefork.tasks.task import Unlabelled
from hubblefork.tasks.votes import Votes
from hubblefork.training.losses import Objective

SMALL = DecisionTree.from_content(
    {
        "name": "small", "title": "Small", "source": "nowhere", "fractions_of": "everybody",
        "questions": [
            {"text": "What?", "answers": [{"column": "round", "text": "round", "looks": "round"},
                                          {"column": "flat", "text": "flat", "next": 2}]},
            {"text": "Arms?", "topic": "arms", "parent": "flat",
             "answers": [{"column": "arms", "text": "yes", "looks": "spiral"},
                         {"column": "none", "text": "no"}]},
        ],
        "kinds": [{"name": "round", "answer": "round"}, {"name": "other"}],
    }
)  # fmt: skip
TREES = [*map(load_tree, tree_names()), SMALL]


def some_fractions(tree: DecisionTree, number: int = 6) -> np.ndarray:
    random = np.random.default_rng(0)
    own = [random.dirichlet(np.ones(len(q.answers)), number) for q in tree.questions]
    return tree.weighted(np.concatenate(own, axis=1))


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
class TestEveryTree:
    def test_a_task_is_read_back_from_json(self, tree):
        assert task_from_json(Votes(tree).to_json()) == Votes(tree)

    @pytest.mark.parametrize("head", ["tree", "dieleman"])
    def test_heads_keep_its_sums(self, tree, head):
        raw = torch.randn(5, len(tree.columns), generator=torch.Generator().manual_seed(0))
        fractions = create_head(head, Votes(tree))(raw).numpy()
        assert not tree.check(fractions, 1e-5).any()

    @pytest.mark.parametrize("loss", Votes.losses)
    def test_losses_are_lower_for_the_true_fractions(self, tree, loss):
        task, true = Votes(tree), some_fractions(tree)
        objective = Objective(task, "tree", loss)
        table = pd.DataFrame({"volunteers": np.full(len(true), 40)})
        labels = objective.labels(true.astype(np.float32), table)
        head = create_head("tree", task)
        own = np.nan_to_num(tree.conditional(true), nan=0.5).clip(1e-4)
        # Concentrations of a few dozen votes, so that the likelihood knows them too.
        raws = [torch.tensor(np.log(30 * each), dtype=torch.float32)
                for each in (own, np.roll(own, 1, axis=0))]  # fmt: skip
        right, wrong = (float(objective.loss(raw, head(raw), labels)) for raw in raws)
        assert right < wrong

    def test_metrics_words_and_tables_follow_it(self, tree, tmp_path):
        task, true = Votes(tree), some_fractions(tree)
        measured = task.measure(true, true[::-1])
        assert set(measured["per_answer"]) == set(tree.columns)
        assert measured["rmse"] > 0 == task.measure(true, true)["rmse"]
        assert len(task.words.table(true[0])) == len(task.row(true[0])["path"].split("|"))
        assert all(task.words.names[target] for target in task.targets(true[0]))
        predictions = Predictions(task, np.array(list("abcdef"), object), true, true)
        predictions.save(tmp_path / "predictions.csv")
        read = Predictions.read(tmp_path / "predictions.csv", task)
        np.testing.assert_allclose(read.values, true, atol=1e-5)
        np.testing.assert_allclose(read.true, true, atol=1e-5)
        assert read.ids.tolist() == list("abcdef")

    def test_labels_of_another_kind_or_tree_are_refused(self, tree):
        other = next(each for each in TREES if each != tree)
        with pytest.raises(RequestError, match=f"on the questions of {other.title}"):
            Votes(tree).aligned(Votes(other), "sky.csv")
        for task in (Classes(("a", "b")), Unlabelled()):
            with pytest.raises(
                RequestError, match=r"sky.csv has .*, and the model gives fractions"
            ):
                Votes(tree).aligned(task, "sky.csv")
        labels = some_fractions(tree)
        assert Votes(tree).aligned(Votes(tree), "sky.csv")(labels) is labels
