"""How near predicted vote fractions are to the volunteers': the `metrics.json` of a votes run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.intervals import bootstrap, interval
from hubblefork.sky.decision_tree import GALAXY_ZOO_2


def measure_votes(
    true: np.ndarray, predicted: np.ndarray, seed: int = 0, resamples: int = 1000
) -> dict[str, Any]:
    """Measure the predicted vote fractions of N galaxies against the true ones.

    Parameters
    ----------
    true, predicted : (N, 37) fractions from 0 to 1, columns in the order of
        `GALAXY_ZOO_2.columns`.
    seed, resamples : of the bootstrap over galaxies.

    Returns
    -------
    dict, ready for JSON, with the keys
        n; rmse: square root of the mean squared error over all galaxies and all 37 answers, the
        score of Kaggle's Galaxy Zoo challenge; mae: mean absolute error over the same;
        per_question: {number of the question: {text, rmse, mae}} over its own answers;
        per_answer: {column: {text, rmse, mae, bias}}, where bias is the mean of predicted less
        true;
        intervals: {rmse, mae: [low, high]}, 95 % percentile bootstrap.

    Raises
    ------
    RequestError : shapes that do not fit, no galaxies, values that are not numbers.

    >>> result = measure_votes(np.zeros((2, 37)), np.full((2, 37), 0.5))
    >>> result["rmse"], result["per_answer"]["Class1.2"]["bias"]
    (0.5, 0.5)
    """
    found = votes_error(true, predicted)
    error, number = found.error, len(found.error)
    figures = found.scores(np.arange(number))
    drawn = bootstrap(found.scores, number, resamples, seed)
    return {
        "n": number,
        **{name: float(value) for name, value in figures.items()},
        "per_question": {
            str(question.number): {"text": question.text, **_size(error[:, question.columns])}
            for question in GALAXY_ZOO_2.questions
        },
        "per_answer": {
            column: {
                "text": GALAXY_ZOO_2.answers[column].text,
                **_size(error[:, place]),
                "bias": float(error[:, place].mean()),
            }
            for place, column in enumerate(GALAXY_ZOO_2.columns)
        },
        "intervals": {name: interval(values) for name, values in drawn.items()},
    }


@dataclass(frozen=True)
class VotesError:
    """What each of N galaxies adds to the scores."""

    error: np.ndarray  # (N, 37) predicted less true
    squared: np.ndarray  # (N,) mean over the answers
    absolute: np.ndarray  # (N,)

    def scores(self, picks: np.ndarray) -> dict[str, float]:
        """RMSE and MAE of the galaxies at the indices `picks`, which may repeat."""
        return {
            "rmse": np.sqrt(self.squared[picks].mean()),
            "mae": self.absolute[picks].mean(),
        }


def votes_error(true: np.ndarray, predicted: np.ndarray) -> VotesError:
    """Check the arguments of `measure_votes`, and take apart what each galaxy adds."""
    true, predicted = _checked(true, "true"), _checked(predicted, "predicted")
    if true.shape != predicted.shape:
        raise RequestError(
            f"{len(true):,} true and {len(predicted):,} predicted rows of votes: expected as many"
        )
    error = predicted - true
    return VotesError(error, (error**2).mean(axis=1), np.abs(error).mean(axis=1))


def largest_errors(ids: Sequence[str], true: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """All galaxies by how far their fractions are from the volunteers', the farthest first.

    ids: N names of galaxies; true, predicted: as `measure_votes` takes them.

    Returns a table: row (place in the arrays), id, rmse (over its 37 answers), answer (the one
    that misses most), its predicted and true fraction, and Class1 to Class11 (the RMSE over the
    answers of each question).

    >>> true, predicted = np.zeros((2, 2, 37))
    >>> predicted[1, 3] = 0.4
    >>> table = largest_errors(["near", "far"], true, predicted)
    >>> table.loc[0, "id"], table.loc[0, "answer"], float(table.loc[0, "Class2"].round(2))
    ('far', 'Class2.1', 0.28)
    """
    found = votes_error(true, predicted)
    every = np.arange(len(found.error))
    most = np.abs(found.error).argmax(axis=1)
    table = pd.DataFrame(
        {
            "row": every,
            "id": np.asarray(ids, dtype=object),
            "rmse": np.sqrt(found.squared),
            "answer": np.array(GALAXY_ZOO_2.columns, dtype=object)[most],
            "predicted": np.asarray(predicted)[every, most],
            "true": np.asarray(true)[every, most],
        }
        | {
            f"Class{each.number}": np.sqrt((found.error[:, each.columns] ** 2).mean(axis=1))
            for each in GALAXY_ZOO_2.questions
        }
    )
    return table.sort_values("rmse", ascending=False, kind="stable").reset_index(drop=True)


def _size(error: np.ndarray) -> dict[str, float]:
    return {"rmse": float(np.sqrt((error**2).mean())), "mae": float(np.abs(error).mean())}


def _checked(votes: np.ndarray, which: str) -> np.ndarray:
    votes = np.asarray(votes, dtype=float)
    answers = len(GALAXY_ZOO_2.columns)
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
