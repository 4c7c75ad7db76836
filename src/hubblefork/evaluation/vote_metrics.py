"""How close predicted vote fractions are to the volunteers': the `metrics.json` of a votes run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.intervals import bootstrap, unseen, widened
from hubblefork.evaluation.registered import further_scores, registered_scores
from hubblefork.sky.class_rules import NO_CLASS, rules_of
from hubblefork.sky.decision_tree import DecisionTree, Question


def measure_votes(
    true: np.ndarray, predicted: np.ndarray, tree: DecisionTree, resamples: int = 1000
) -> dict[str, Any]:
    """Measure the predicted vote fractions of N galaxies against the true ones.

    Parameters
    ----------
    true, predicted : (N, answers) fractions from 0 to 1, in the order of `tree.columns`.
    tree : the questions that were asked.
    resamples : of the bootstrap over galaxies.

    Returns
    -------
    dict, ready for JSON, with the keys
        n; rmse: square root of the mean squared error over all galaxies and all answers, the
        score of Kaggle's Galaxy Zoo challenge; mae: mean absolute error over the same;
        per_question: {number of the question: {text, rmse, mae, interval}} over its own answers,
        with the interval of this RMSE;
        per_answer: {column: {text, rmse, mae, bias}}, where bias is the mean of predicted minus
        true;
        the metrics of `register_metric` by name;
        intervals: {metric: [low, high]}, 95 % percentile bootstrap, as for the questions; where
        all draws are the same, as with one galaxy, what these galaxies may lack (see `intervals`).

    Raises
    ------
    RequestError : shapes that do not fit, no galaxies, values that are not numbers.

    >>> from hubblefork.sky.decision_tree import load_tree
    >>> tree = load_tree("galaxy-zoo-2")
    >>> result = measure_votes(np.zeros((2, 37)), np.full((2, 37), 0.5), tree)
    >>> result["rmse"], result["per_answer"]["Class1.2"]["bias"]
    (0.5, 0.5)
    """
    found = votes_error(true, predicted, tree)
    error, number = found.error, len(found.error)
    figures, of_questions = found.scores(np.arange(number)), found.of_questions(np.arange(number))
    drawn = bootstrap(
        lambda picks: found.scores(picks) | found.of_questions(picks), number, resamples
    )
    intervals = widened(of_questions, drawn, found.further_of_questions())
    return {
        "n": number,
        **{name: float(value) for name, value in figures.items()},
        "per_question": {
            str(question.number): {
                "text": question.text,
                **_size(error[:, question.columns]),
                "interval": intervals[question_column(question)],
            }
            for question in tree.questions
        },
        "per_answer": {
            column: {
                "text": tree.answers[column].text,
                **_size(error[:, place]),
                "bias": float(error[:, place].mean()),
            }
            for place, column in enumerate(tree.columns)
        },
        "intervals": widened(figures, drawn, found.further()),
    }


@dataclass(frozen=True)
class VotesError:
    """The contribution of each of N galaxies to the scores."""

    true: np.ndarray  # (N, answers)
    error: np.ndarray  # (N, answers) predicted minus true
    squared: np.ndarray  # (N,) mean over the answers
    absolute: np.ndarray  # (N,)
    questions: Mapping[str, slice]  # the answers to each, by the names of `question_column`
    registered: Callable[[np.ndarray], dict[str, float]]  # see `registered_scores`

    def scores(self, picks: np.ndarray) -> dict[str, float]:
        """Every metric of the galaxies at the indices `picks`, which may repeat."""
        return {
            "rmse": np.sqrt(self.squared[picks].mean()),
            "mae": self.absolute[picks].mean(),
            **self.registered(picks),
        }

    def of_questions(self, picks: np.ndarray) -> dict[str, float]:
        """The RMSE over the answers to each question, of the same galaxies."""
        weights = np.bincount(picks, minlength=len(self.error)) / len(picks)
        means = np.sqrt(weights @ self._squared_of_questions)
        return dict(zip(self.questions, means.tolist(), strict=True))

    @cached_property
    def _squared_of_questions(self) -> np.ndarray:
        """(N, questions) the mean over the answers to each."""
        return self._over_questions(self.error**2)

    def _over_questions(self, values: np.ndarray) -> np.ndarray:
        """The mean of values (N, answers) over the answers to each question, (N, questions)."""
        means = [values[:, columns].mean(axis=1) for columns in self.questions.values()]
        return np.stack(means, axis=1)

    def further(self) -> dict[str, np.ndarray]:
        """Every metric with `unseen` galaxies of the same fractions, (2, 1), for `widened`.

        Their true ones are as far from these as they can be, or the same.
        """
        predicted, farthest = self._farthest()
        fraction = unseen(len(predicted))
        worst = np.abs(predicted - farthest)
        squared = (1 - fraction) * self.squared.mean() + fraction * np.array(
            [[(worst**2).mean()], [0]]
        )
        absolute = (1 - fraction) * self.absolute.mean() + fraction * np.array(
            [[worst.mean()], [0]]
        )
        registered = further_scores("votes", self.true, predicted, (farthest, predicted))
        return {"rmse": np.sqrt(squared), "mae": absolute, **registered}

    def further_of_questions(self) -> dict[str, np.ndarray]:
        """The same (2, 1) for the RMSE of each question."""
        predicted, farthest = self._farthest()
        fraction = unseen(len(predicted))
        worst = self._over_questions((predicted - farthest) ** 2).mean(axis=0)
        seen = self._squared_of_questions.mean(axis=0)
        ends = np.sqrt((1 - fraction) * seen + fraction * np.stack([worst, 0 * worst]))
        return {name: ends[:, [place]] for place, name in enumerate(self.questions)}

    def _farthest(self) -> tuple[np.ndarray, np.ndarray]:
        """The predicted fractions, and true ones that would be as far from them as they can be."""
        predicted = self.true + self.error
        return predicted, (predicted < 0.5).astype(float)


def votes_error(true: np.ndarray, predicted: np.ndarray, tree: DecisionTree) -> VotesError:
    """Check the arguments of `measure_votes`, and compute the contribution of each galaxy."""
    true, predicted = _checked(true, "true", tree), _checked(predicted, "predicted", tree)
    if true.shape != predicted.shape:
        raise RequestError(
            f"{len(true):,} true and {len(predicted):,} predicted rows of votes: expected as many"
        )
    error = predicted - true
    return VotesError(
        true,
        error,
        squared=(error**2).mean(axis=1),
        absolute=np.abs(error).mean(axis=1),
        questions={question_column(each): each.columns for each in tree.questions},
        registered=registered_scores("votes", true, predicted),
    )


def largest_errors(
    ids: Sequence[str] | np.ndarray, true: np.ndarray, predicted: np.ndarray, tree: DecisionTree
) -> pd.DataFrame:
    """All galaxies by the error of their fractions, the largest first.

    ids: N names of galaxies; true, predicted, tree: as `measure_votes` takes them.

    Returns a table: row (index in the arrays), id, rmse (over its answers), answer (the one
    with the largest error), its predicted and true fraction, and question_1, question_2... (the
    RMSE over the answers of each question).

    >>> from hubblefork.sky.decision_tree import load_tree
    >>> true, predicted = np.zeros((2, 2, 37))
    >>> predicted[1, 3] = 0.4
    >>> table = largest_errors(["near", "far"], true, predicted, load_tree("galaxy-zoo-2"))
    >>> table.loc[0, "id"], table.loc[0, "answer"], float(table.loc[0, "question_2"].round(2))
    ('far', 'Class2.1', 0.28)
    """
    found = votes_error(true, predicted, tree)
    every = np.arange(len(found.error))
    most = np.abs(found.error).argmax(axis=1)
    table = pd.DataFrame(
        {
            "row": every,
            "id": np.asarray(ids, dtype=object),
            "rmse": np.sqrt(found.squared),
            "answer": np.array(tree.columns, dtype=object)[most],
            "predicted": np.asarray(predicted)[every, most],
            "true": np.asarray(true)[every, most],
        }
        | {
            question_column(each): np.sqrt((found.error[:, each.columns] ** 2).mean(axis=1))
            for each in tree.questions
        }
    )
    return table.sort_values("rmse", ascending=False, kind="stable").reset_index(drop=True)


def question_column(question: Question) -> str:
    """The name of a question's error, as a column of `largest_errors`."""
    return f"question_{question.number}"


@dataclass(frozen=True, eq=False)
class VoteSummary:
    """A summary of the vote fractions (N, answers) of a sample.

    tree: the questions. first: the fractions of the answers to the first question (N, answers).
    reached: for each question the mean fraction of volunteers who were asked it, and the number of
        galaxies for which at least half of them were.
    rules: the number of galaxies of each class by each rule that converts votes to classes.
    rmse_of_mean: the RMSE of predicting the mean fractions of the sample for every galaxy.
    """

    tree: DecisionTree = field(repr=False)
    first: np.ndarray = field(repr=False)
    reached: list[tuple[float, int]]
    rules: Mapping[str, Mapping[str, int]]
    rmse_of_mean: float


def summarise_votes(fractions: np.ndarray, tree: DecisionTree) -> VoteSummary:
    """Summarise vote fractions (N, answers), weighted down the tree."""
    reached = [tree.reached(fractions, question) for question in tree.questions]
    rules = {}
    for rule, (names, classify) in rules_of(tree).items():
        found = classify(fractions)
        counts = np.bincount(found[found != NO_CLASS], minlength=len(names)).tolist()
        rules[rule] = dict(zip(names, counts, strict=True))
    return VoteSummary(
        tree=tree,
        first=fractions[:, tree.question(1).columns],
        reached=[(float(each.mean()), int((each >= 0.5).sum())) for each in reached],
        rules=rules,
        rmse_of_mean=float(np.sqrt(fractions.var(axis=0, dtype=np.float64).mean())),
    )


def _size(error: np.ndarray) -> dict[str, float]:
    return {"rmse": float(np.sqrt((error**2).mean())), "mae": float(np.abs(error).mean())}


def _checked(votes: np.ndarray, which: str, tree: DecisionTree) -> np.ndarray:
    votes = np.asarray(votes, dtype=float)
    answers = len(tree.columns)
    if votes.ndim != 2 or votes.shape[1] != answers or len(votes) == 0:
        raise RequestError(
            f"{which} votes of shape {votes.shape}: expected (galaxies, {answers}) with at least "
            "one galaxy"
        )
    if not np.isfinite(votes).all():
        wrong = (~np.isfinite(votes)).any(axis=1).sum()
        raise RequestError(
            f"{which} votes that are not a number or infinite in {wrong:,} of {len(votes):,} rows: "
            "expected fractions from 0 to 1"
        )
    return votes
