"""The task of predicting the votes of volunteers: a fraction for each answer of a decision tree."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.text import percent
from hubblefork.evaluation import scores
from hubblefork.evaluation.comparison import Difference, compare_votes
from hubblefork.evaluation.scores import Score
from hubblefork.evaluation.vote_metrics import measure_votes, votes_error
from hubblefork.sky.decision_tree import GALAXY_ZOO_2, DecisionTree, load_tree, tree_names
from hubblefork.tasks.metric import RMSE, Metric
from hubblefork.tasks.task import Strata, Task
from hubblefork.tasks.words import AnswerWords

# Answers down the tree that get maps: each costs a second or so, and a reader's patience too.
_MAPS = 4


@dataclass(frozen=True)
class Votes(Task):
    """Each image has the fraction of volunteers for every answer of a decision tree.

    A table holds one column for each answer. Labels and answers are fractions (N, K), weighted down
    the tree: those of a question sum to the fraction of volunteers who came to it.

    >>> Votes().outputs, Votes().names[:2]
    (37, ('Class1.1', 'Class1.2'))
    """

    tree: DecisionTree = GALAXY_ZOO_2

    kind = "votes"
    labels_are = "fractions of votes"
    otherwise = ", or make classes of them with --classes"
    example = "galaxy"
    examples = "galaxies"
    default_head = "tree"
    heads = ("tree", "sigmoid", "dieleman")
    default_loss = "mse"
    losses = ("mse", "rmse", "dirichlet-multinomial")
    training_metric = RMSE
    own_metrics = (RMSE, Metric("mae", "Mean absolute error", lower_is_better=True))
    exclusive = False

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]  # nobody sets it
        return self.tree.columns

    @property
    def summary(self) -> str:
        return f"with {self.outputs} vote fractions on {len(self.tree.questions)} questions"

    @property
    def label_columns(self) -> tuple[str, ...]:
        return self.tree.columns

    @cached_property
    def words(self) -> "VoteWords":
        return VoteWords(self.tree)

    def to_json(self) -> dict[str, Any]:
        shipped = self.tree.name in tree_names() and load_tree(self.tree.name) == self.tree
        return {"kind": self.kind, "tree": self.tree.name if shipped else dict(self.tree.content)}

    def labels(self, table: pd.DataFrame) -> np.ndarray:
        return table[list(self.names)].to_numpy(np.float32)

    def strata(self, table: pd.DataFrame) -> Strata:
        """The commonest answer to the first question."""
        first = self.tree.question(1)
        codes = table[list(self.names[first.columns])].to_numpy().argmax(axis=1)
        answers = tuple(answer.text for answer in first.answers)
        # Votes are no classes: few galaxies are voted a star, and none has to be everywhere.
        return Strata(codes, answers, complete=False, rule="the first question")

    def aligned(self, other: Task, source: str) -> Callable[[np.ndarray], np.ndarray]:
        if not isinstance(other, Votes):
            raise RequestError(
                f"{source} has {other.labels_are}, and the model gives fractions of votes"
            )
        if other.tree != self.tree:
            raise RequestError(
                f"{source} has votes on the questions of {other.tree.title}, and the model answers "
                f"those of {self.tree.title}"
            )
        return lambda labels: labels

    def fractions(self, table: pd.DataFrame, source: str) -> np.ndarray:
        return table[list(self.names)].to_numpy()

    def require_classes(self, purpose: str) -> None:
        raise RequestError(
            f"{purpose}, and these are fractions of votes: make classes of them by --classes five "
            "or --classes galaxy10"
        )

    def measure(self, true: np.ndarray, values: np.ndarray) -> dict[str, Any]:
        return measure_votes(true, values, self.tree)

    def compare(
        self, true: np.ndarray, first: np.ndarray, second: np.ndarray
    ) -> dict[str, Difference]:
        return compare_votes(true, first, second, self.tree)

    def leading(self, values: np.ndarray) -> np.ndarray:
        return values[:, self.tree.question(1).columns].argmax(axis=1)

    def truth(self, true: np.ndarray) -> np.ndarray:
        return self.leading(true)

    def tally(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        return votes_error(true, values, self.tree).squared

    def score(self, tally: np.ndarray) -> Score:
        return scores.rmse(tally)

    def baseline(self, true: np.ndarray) -> float:
        return float(np.sqrt(true.var(axis=0, dtype=float).mean()))

    def pooled(self, true: np.ndarray) -> np.ndarray:
        return true.mean(axis=1)

    def worst(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.argsort(-self.tally(true, values), kind="stable")

    def kinds(self, true: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        return self.tree.kind_of(true), tuple(kind.name for kind in self.tree.kinds)

    def targets(self, values: np.ndarray) -> list[int]:
        """Of the answers that the fractions lead to, those of the questions most people come to.

        A bare "no" is left out: nothing in an image shows it.
        """
        steps = [
            (place, float(self.tree.reached(values[None], question)[0]))
            for question, place in self.tree.follow(values)
            if self.tree.answers[self.names[place]].text != "no"
        ]
        asked = sorted(steps, key=lambda step: -step[1])[:_MAPS]
        return [step[0] for step in steps if step in asked]

    def row(self, values: np.ndarray) -> dict[str, Any]:
        places = [place for _, place in self.tree.follow(values)]
        return {
            "predicted": self.words.names[places[0]],
            "fraction": values[places[0]],
            "looks": self.words.summary(values),
            "path": "|".join(self.words.names[place] for place in places),
            "fractions": "|".join(f"{values[place]:.4g}" for place in places),
        }


class VoteWords(AnswerWords):
    """Words for fractions of volunteers down a decision tree."""

    quantity = "fraction"
    constant = "Always predicting the mean fractions"
    changed = "First answers that changed"
    agreed = "galaxies to which the network gives the volunteers' own first answer"
    maps = (
        "Bright where the evidence for an answer is, with a line around the places above one "
        "half; the answers that the network's fractions lead to down the tree, up to four of them, "
        "those of the questions that most volunteers come to. A bare ‘no’ is left out: nothing in "
        "an image shows it."
    )
    compared = (
        "The galaxies whose fractions are farthest from the volunteers', each followed by its "
        "nearest training galaxies in the features of the network, with what most of their "
        "volunteers saw. Where these look like it and were seen otherwise, the network had "
        "nothing better to learn from."
    )

    def __init__(self, tree: DecisionTree):
        self.tree = tree
        self.names = tuple(map(tree.answer_name, tree.columns))

    def labels(self, true: np.ndarray) -> np.ndarray:
        return self.tree.describe(true)

    def answers(self, values: np.ndarray) -> np.ndarray:
        return self.tree.describe(values)

    def beside(self, label: str) -> str:
        return f"volunteers: {label}"

    def sentence(self, values: np.ndarray) -> str:
        (_, first), *_ = self.tree.follow(values)
        return (
            f"Its fractions lead down the tree to ‘{self.summary(values)}’; the first answer, "
            f"‘{self.names[first]}’, has {percent(values[first])}. Fractions are of all "
            "volunteers, not only of those who come to a question."
        )

    def table(self, values: np.ndarray) -> pd.DataFrame:
        rows = []
        for question, _ in self.tree.follow(values):
            own = values[question.columns]
            first, second = np.argsort(-own, kind="stable")[:2]
            rows.append(
                {
                    "Question": question.short,
                    "Asked": percent(self.tree.reached(values[None], question)[0], 0),
                    "Commonest answer": question.answers[first].text,
                    "Its fraction": percent(own[first]),
                    "Next answer": question.answers[second].text,
                    "Fraction of the next": percent(own[second]),
                }
            )
        return pd.DataFrame(rows)

    def alike(self, agree: int, number: int) -> str:
        return (
            "The nearest training galaxies in the features of the network, with what most of "
            f"their volunteers saw; for {agree} of {number} it begins with the same answer."
        )

    def pooled_score(self, k: int, value: str) -> str:
        return (
            f"The mean fractions of the {k} nearest training galaxies miss the volunteers' by "
            f"{value} (RMSE)."
        )
