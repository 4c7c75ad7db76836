"""The images on which compared runs differ most, with the texts about them, for each task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hubblefork.core.text import percent, several
from hubblefork.report.comparison import Comparison, Disputed
from hubblefork.tasks.predictions import Predictions

# Images that the page shows: four rows of five.
_MOST = 20


def disagreements(answers: Sequence[Predictions]) -> np.ndarray:
    """Rows of the images to which not all runs give the same leading answer."""
    leading = np.column_stack([each.leading for each in answers])
    return np.flatnonzero((leading != leading[:, :1]).any(axis=1))


def _order_of_classes(answers: Sequence[Predictions]) -> np.ndarray:
    """The disagreements, with the largest spread of the probability of the true class first."""
    rows, true = disagreements(answers), answers[0].labels
    of_true = np.column_stack([each.values[np.arange(len(true)), true] for each in answers])
    return rows[np.argsort(-np.ptp(of_true[rows], axis=1), kind="stable")]


def _order_of_votes(answers: Sequence[Predictions]) -> np.ndarray:
    """The galaxies whose fractions differ, with the largest RMSE between two runs first."""
    apart = _apart(answers)
    rows = np.argsort(-apart, kind="stable")
    return rows[apart[rows] > 0]


def disputed_classes(names: Sequence[str], answers: Sequence[Predictions]) -> list[Disputed]:
    """The first of the disagreements, in the order of `Dispute.order`."""
    true, words = answers[0].labels, answers[0].task.words
    return [
        Disputed(
            answers[0].ids[row],
            {"true class": words.names[true[row]]}
            | {
                name: f"{'✓' if each.correct[row] else '✗'} {words.summary(each.values[row])}"
                for name, each in zip(names, answers, strict=True)
            },
        )
        for row in _order_of_classes(answers)[:_MOST]
    ]


def disputed_votes(names: Sequence[str], answers: Sequence[Predictions]) -> list[Disputed]:
    """The galaxies with the largest RMSE between the fractions of two runs."""
    true, words, apart = answers[0].labels, answers[0].task.words, _apart(answers)
    errors = np.column_stack([_rmse(each.values, true) for each in answers])
    found = []
    for row in _order_of_votes(answers)[:_MOST]:
        fractions = np.stack([each.values[row] for each in answers])
        most = int(np.ptp(fractions, axis=0).argmax())
        facts = {
            "difference": f"RMSE {apart[row]:.4f}",
            "largest for": f"‘{words.names[most]}’, volunteers {percent(true[row, most], 0)}",
        }
        for name, error, fraction in zip(names, errors[row], fractions[:, most], strict=True):
            closest = " ✓" if error == errors[row].min() else ""
            facts[name] = f"{percent(fraction, 0)}, RMSE {error:.4f}{closest}"
        found.append(Disputed(answers[0].ids[row], facts))
    return found


def _apart(answers: Sequence[Predictions]) -> np.ndarray:
    """(N,) the largest RMSE between the fractions of two runs."""
    return np.max([_rmse(a.values, b.values) for a, b in combinations(answers, 2)], axis=0)


def _rmse(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of each galaxy (N,), over all answers; both are (N, answers)."""
    return np.sqrt(((first - second) ** 2).mean(axis=1))


@dataclass(frozen=True)
class Dispute:
    """How runs of one kind of task disagree.

    order: gives the rows of all images on which they do, the largest difference first. find: gives
    the first of them, from the names of the runs and their predictions. note: what the page says
    of them. count: a sentence on how many there are; empty where they cannot be counted.
    """

    order: Callable[[Sequence[Predictions]], np.ndarray]
    find: Callable[[Sequence[str], Sequence[Predictions]], list[Disputed]]
    note: str
    count: Callable[[Comparison], str]


DISPUTES = {
    "classes": Dispute(
        _order_of_classes,
        disputed_classes,
        "The images with the largest difference in the probability of the true class, of those to "
        "which not all runs give the same class. ✓ and ✗ compare with the labels of the catalogue, "
        "which may themselves be wrong.",
        lambda found: (
            f"They do not all predict the same class for {several(found.disagreements, 'image')} "
            f"({percent(found.disagreements / found.number)})."
        ),
    ),
    "votes": Dispute(
        _order_of_votes,
        disputed_votes,
        "The galaxies with the largest difference between the fractions of two runs, and the "
        "answer for which it is largest. Each run is followed by its fraction of that answer and "
        "its RMSE over all answers; ✓ marks the run that is closest to the volunteers.",
        lambda found: "",
    ),
}
