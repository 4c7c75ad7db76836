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

# Number of answers with a map: each map takes about a second.
_MAPS = 4


@dataclass(frozen=True)
class Votes(Task):
    """Each image has the fraction of volunteers for every answer of a decision tree.

    A table has one column for each answer. Labels and predictions are fractions (N, K), weighted
    down the tree: those of a question sum to the fraction of volunteers who were asked it.

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
        """The most common answer to the first question."""
        first = self.tree.question(1)
        codes = table[list(self.names[first.columns])].to_numpy().argmax(axis=1)
        answers = tuple(answer.text for answer in first.answers)
        # An answer may be missing in a set of the split, unlike a class: few galaxies are stars.
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
        """The most common answers along the path down the tree, to the questions asked most often.

        The answer "no" is left out: there is no evidence for it in an image.
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
    baseline = "Mean-votes baseline"
    constant = "Always predicting the mean fractions"
    changed = "Changed first answers"
    agreed = "galaxies to which the network gives the volunteers' own first answer"
    maps = (
        "Bright where the evidence for an answer is, with a contour at one half. There are maps "
        "for up to four of the most common predicted answers down the tree, to the questions that "
        "most volunteers are asked; ‘no’ is left out, as an image has no evidence for it."
    )
    compared = (
        "The galaxies whose fractions differ most from the volunteers', each followed by its "
        "nearest training galaxies in the features of the network, with the most common answers of "
        "their volunteers. If these galaxies look similar but have other votes, the error may be "
        "caused by the votes, not by the network."
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
            f"The most common predicted answers are ‘{self.summary(values)}’; the first answer, "
            f"‘{self.names[first]}’, has {percent(values[first])}. Fractions are of all "
            "volunteers, not only of those who are asked a question."
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
                    "Most common answer": question.answers[first].text,
                    "Its fraction": percent(own[first]),
                    "Next answer": question.answers[second].text,
                    "Fraction of the next": percent(own[second]),
                }
            )
        return pd.DataFrame(rows)

    def alike(self, agree: int, number: int) -> str:
        return (
            "The nearest training galaxies in the features of the network, with the most common "
            f"answers of their volunteers; {agree} of {number} have the same first answer."
        )

    def pooled_score(self, k: int, value: str) -> str:
        return (
            f"The mean fractions of the {k} nearest training galaxies differ from the volunteers' "
            f"by an RMSE of {value}."
        )
