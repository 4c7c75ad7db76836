"""A run with votes in words and numbers: how near its fractions are to the volunteers'.

What `summary` and `selection` are for classes. The figures are in `votes_charts`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hubblefork.core.text import between, listed, percent, several
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.report.run_data import Material
from hubblefork.report.summary import FEW, of_data, of_training, training
from hubblefork.sky.decision_tree import GALAXY_ZOO_2

_SEED = 0
_FIRST = GALAXY_ZOO_2.question(1).columns

# A validation error this much above that of training is more than the noise of a small part.
_MOST_LEAD = 1.15

# The most that rounding to six digits can move the sum of a question.
_ROUNDED = 1e-4

# The least fraction of an answer that an example shows beside the commonest one.
_SHOWN = 0.1


def fractions(material: Material) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted fractions of the test galaxies, each (N, 37)."""
    return material.predictions.true, material.predictions.values


def mean_error(material: Material) -> np.ndarray:
    """The RMSE (37,) of always giving an answer's mean over the test galaxies.

    Nobody knows that mean before the test, so a network has to be well below it.
    """
    return fractions(material)[0].std(axis=0)


def sentences(material: Material) -> list[str]:
    """What was trained on what, how near it comes, and where it is best and worst."""
    metrics = material.metrics
    baseline = float(np.sqrt((mean_error(material) ** 2).mean()))
    same, number = _agreement(material)
    errors = {values["text"]: values["rmse"] for values in metrics["per_question"].values()}
    best, worst = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    return [
        training(material, "with the votes of volunteers on 37 answers"),
        f"Its fractions of votes miss the volunteers' by {metrics['rmse']:.4f} (RMSE over all "
        f"answers, 95\u00a0% interval {_between(metrics['intervals']['rmse'])}). Always giving "
        f"the mean of these galaxies would miss them by {baseline:.4f}.",
        f"The answer that most volunteers gave to the first question is its own for "
        f"{percent(same / number)} of the galaxies.",
        f"It is nearest on ‘{best}’ (RMSE {errors[best]:.4f}) and farthest on ‘{worst}’ "
        f"({errors[worst]:.4f}).",
    ]


def cautions(material: Material) -> list[str]:
    """What limits the result, one sentence each; empty if nothing is known to."""
    return [*_of_votes(material), *of_training(material), *_of_lead(material), *of_data(material)]


def cards(material: Material) -> list[dict[str, str]]:
    """The key figures: what it is, its value, its interval, and what it means."""
    metrics = material.metrics
    same, number = _agreement(material)
    return [
        {
            "title": "RMSE",
            "value": f"{metrics['rmse']:.4f}",
            "interval": _between(metrics["intervals"]["rmse"]),
            "meaning": "root of the mean squared error over galaxies and answers",
        },
        {
            "title": "Mean absolute error",
            "value": f"{metrics['mae']:.4f}",
            "interval": _between(metrics["intervals"]["mae"]),
            "meaning": "mean distance from the volunteers' fraction",
        },
        {
            "title": "First question",
            "value": percent(same / number),
            "interval": between(wilson_interval(same, number)),
            "meaning": "share of galaxies whose commonest answer is the same",
        },
    ]


def answer_rows(material: Material) -> list[dict[str, Any]]:
    """One row a question with its answers: mean fractions, errors, and that of the mean."""
    true, predicted = fractions(material)
    of_mean = mean_error(material)
    rows = []
    for question in GALAXY_ZOO_2.questions:
        answers = [
            {
                **material.metrics["per_answer"][answer.column],
                "column": answer.column,
                "true": float(true[:, place].mean()),
                "predicted": float(predicted[:, place].mean()),
                "of_mean": float(of_mean[place]),
            }
            for place, answer in enumerate(question.answers, start=question.columns.start)
        ]
        rows.append({"number": question.number, "text": question.text, "answers": answers})
    return rows


def example_rows(material: Material, number: int = 10) -> list[dict[str, Any]]:
    """Test galaxies: half of them at random, half with the largest errors, as many as there are.

    Each has its id, its RMSE, whether it is one of the worst, and its path.
    """
    true, predicted = fractions(material)
    error = np.sqrt(((predicted - true) ** 2).mean(axis=1))
    worst = np.argsort(-error, kind="stable")[: min(number // 2, len(error) // 2)]
    others = np.setdiff1d(np.arange(len(error)), worst)
    chance = np.random.default_rng(_SEED).permutation(others)[: number - len(worst)]
    return [
        {
            "id": material.predictions.ids[row],
            "rmse": float(error[row]),
            "worst": bool(row in worst),
            "path": path(true[row], predicted[row]),
        }
        for row in (*chance, *worst)
    ]


def path(true: np.ndarray, predicted: np.ndarray) -> list[dict[str, Any]]:
    """The answers that most volunteers gave, from the first question to the end of the tree.

    Both are (37,). Each step has the answer's text, and its true and predicted fraction; and the
    question, how many questions lead to it, and those of its answers that a tenth of the volunteers
    or of the prediction gave, as {text, true, predicted, chosen: whether most volunteers gave it}.

    >>> votes = np.zeros(37)
    >>> for column in ("Class1.1", "Class7.2", "Class6.2"):
    ...     votes[GALAXY_ZOO_2.index(column)] = 1
    >>> [(step["depth"], step["text"]) for step in path(votes, votes)]
    [(0, 'smooth'), (1, 'in between'), (0, 'odd: no')]
    """
    steps = []
    for question, best in GALAXY_ZOO_2.follow(true):
        answers = [
            {
                "text": answer.text,
                "true": float(true[place]),
                "predicted": float(predicted[place]),
                "chosen": place == best,
            }
            for place, answer in enumerate(question.answers, start=question.columns.start)
        ]
        steps.append(
            answers[best - question.columns.start]
            | {
                "text": GALAXY_ZOO_2.answer_name(GALAXY_ZOO_2.columns[best]),
                "question": question.short,
                "depth": GALAXY_ZOO_2.depth(question),
                "answers": [
                    each
                    for each in answers
                    if each["chosen"] or max(each["true"], each["predicted"]) >= _SHOWN
                ],
            }
        )
    return steps


def _agreement(material: Material) -> tuple[int, int]:
    """How many galaxies have the same commonest answer to question 1, and how many there are."""
    true, predicted = (votes[:, _FIRST].argmax(axis=1) for votes in fractions(material))
    return int((true == predicted).sum()), len(true)


def _between(interval: list[float]) -> str:
    low, high = interval
    return f"{low:.4f} to {high:.4f}"


def _of_votes(material: Material) -> Iterator[str]:
    _, predicted = fractions(material)
    of_mean = mean_error(material)
    number = material.metrics["n"]
    if number < FEW:
        yield f"Only {several(number, 'galaxy', 'galaxies')} in the test set: uncertain figures."
    unlearnt = [
        str(question.number)
        for question in GALAXY_ZOO_2.questions
        if material.metrics["per_question"][str(question.number)]["rmse"]
        >= np.sqrt((of_mean[question.columns] ** 2).mean())
    ]
    if unlearnt:
        what = "question" if len(unlearnt) == 1 else "questions"
        yield (
            f"No nearer than the mean of the galaxies on {what} {listed(unlearnt)}: nothing of "
            "use was learnt there."
        )
    if GALAXY_ZOO_2.check(predicted, _ROUNDED).any():
        broken = GALAXY_ZOO_2.check(predicted, 0.01).any(axis=1).mean()
        yield (
            "The answers of a question do not sum to the fraction of volunteers who came to it: "
            f"they are off by more than a hundredth for {percent(broken)} of the galaxies. The "
            "head ‘tree’ always keeps these sums."
        )


def _of_lead(material: Material) -> Iterator[str]:
    if material.history.empty or not material.validated():
        return
    last = material.history.dropna(subset=["rmse", "val_rmse"]).iloc[-1]
    if last["val_rmse"] > _MOST_LEAD * last["rmse"]:
        yield (
            f"Over-fitting: in the last epoch the RMSE was {last['rmse']:.4f} in training and "
            f"{last['val_rmse']:.4f} in validation."
        )
