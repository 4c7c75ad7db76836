"""What the report of a run shows where the labels are votes on the questions of a decision tree."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hubblefork.core.text import between, listed, percent, several
from hubblefork.evaluation.examples import balanced_sample
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.report import summary
from hubblefork.report.charts import Draw
from hubblefork.report.components import Card, Cell, Fold, Panel, Section, Table, Tile
from hubblefork.report.figures import Chart
from hubblefork.report.page import render_part
from hubblefork.report.run_data import RunData
from hubblefork.report.sheets import draw_tiles
from hubblefork.report.summary import FEW
from hubblefork.report.vote_charts import (
    answer_densities,
    mean_error,
    question_error,
    question_interval,
    questions,
)
from hubblefork.sky.decision_tree import DecisionTree, Question

# The most that rounding to six digits can move the sum of a question.
_ROUNDED = 1e-4

# Galaxies that stand as examples.
_EXAMPLES = 10

# The least fraction of an answer that an example shows beside the most common one.
_SHOWN = 0.1


class VoteReport:
    """The parts of a report that are made for votes; `ClassReport` has the same."""

    kind = "Test results of predicted votes"
    loss = "The loss falls as the predicted fractions come closer to those of the volunteers."
    script = None
    meanings: Mapping[str, str] = {
        "rmse": "root mean squared error over galaxies and answers",
        "mae": "mean distance from the volunteers' fraction",
    }

    def charts(self, run: RunData) -> dict[str, Draw]:
        return {"questions": questions, "answers": answer_densities}

    def sheets(self) -> dict[str, Draw]:
        return {"examples": lambda run: draw_tiles([tile for tile, _ in examples(run)])}

    def cards(self, run: RunData) -> Iterator[Card]:
        """The baseline, and how often the first answer is that of most volunteers."""
        baseline = f"{run.task.baseline(run.predictions.labels):.4f}"
        yield Card(
            run.task.words.baseline, baseline, "RMSE of always predicting the mean fractions"
        )
        same, number = _agreement(run)
        yield Card(
            "First question", percent(same / number),
            "fraction of galaxies with the volunteers' most common answer",
            between(wilson_interval(same, number)),
        )  # fmt: skip

    def sentences(self, run: RunData) -> Iterator[str]:
        """How close the fractions are, and where they are closest and farthest."""
        same, number = _agreement(run)
        asked = sorted(run.task.tree.questions, key=lambda each: question_error(run, each))
        best, worst = asked[0], asked[-1]
        yield (
            "The volunteers' most common answer to the first question is predicted for "
            f"{percent(same / number)} of the galaxies (95\u00a0% interval "
            f"{between(wilson_interval(same, number))})."
        )
        yield (
            f"{summary.result(run)} Always predicting the mean fractions of these galaxies would "
            f"have {run.task.baseline(run.predictions.labels):.4f}."
        )
        yield (
            f"The RMSE is lowest for ‘{best.text}’ ({_error_of(run, best)}) and highest for "
            f"‘{worst.text}’ ({_error_of(run, worst)})."
        )

    def cautions(self, run: RunData) -> Iterator[str]:
        tree, number = run.task.tree, run.metrics["n"]
        if number < FEW:
            few = several(number, "galaxy", "galaxies")
            yield f"There are only {few} in the test set, so the numbers are uncertain."
        unlearnt = [
            str(question.number)
            for question in tree.questions
            if question_error(run, question) >= mean_error(run, question)
        ]
        if unlearnt:
            what = "question" if len(unlearnt) == 1 else "questions"
            yield (
                f"No better than the mean of the galaxies on {what} {listed(unlearnt)}: the "
                "network may have learnt nothing useful there."
            )
        if tree.check(run.predictions.values, _ROUNDED).any():
            broken = tree.check(run.predictions.values, 0.01).any(axis=1).mean()
            yield (
                "The answers to a question do not sum to the fraction of volunteers who were asked "
                f"it: they are off by more than 0.01 for {percent(broken)} of the galaxies. The "
                "head ‘tree’ always keeps these sums."
            )

    def sections(self, run: RunData, drawn: Mapping[str, Chart]) -> Iterator[Section]:
        yield Section("Question by question", [
            "The error on the answers to each question, with its 95\u00a0% interval. The mark is "
            "the error of always predicting the mean of these galaxies: a useful network is well "
            "below it.",
            Panel("questions", "Bar chart of the RMSE on each question, with that of always "
                  "predicting the mean", "", drawn["questions"]),
        ], "Questions")  # fmt: skip
        yield Section("Answer by answer", [
            "The number of test galaxies with each predicted and true fraction, in shades by "
            "powers of ten. On the diagonal, the prediction equals the fraction of the volunteers; "
            "below it, it is too low. The number in the corner is the RMSE. Fractions are of all "
            "volunteers, not only of those who were asked the question.",
            Panel("answers", "Density plots of predicted against true fractions, one for each of "
                  f"the {run.task.outputs} answers", "", drawn["answers"]),
            Fold("The numbers of each answer", [_answer_table(run)]),
        ], "Answers")  # fmt: skip
        yield Section("Examples, with their decision tree", [
            "Test galaxies: some drawn at random, then those with the largest errors. The "
            "questions are those along the volunteers' most common answers, with every answer of a "
            "fraction of at least 10\u00a0%. Bars and numbers are the predictions; vertical marks "
            "and numbers in brackets are the volunteers', whose most common answer is bold.",
            render_part("vote_trees.html", examples=examples(run)),
        ], "Examples")  # fmt: skip


def examples(run: RunData) -> list[tuple[Tile, list[dict[str, Any]]]]:
    """Test galaxies, half of them at random, half with the largest errors; each with its path."""
    found = run.predictions
    error = np.sqrt(run.task.tally(found.labels, found.values))
    worst = run.task.worst(found.labels, found.values)[: min(_EXAMPLES // 2, len(error) // 2)]
    others = np.setdiff1d(np.arange(len(error)), worst)
    random = others[balanced_sample(np.zeros(len(others), int), _EXAMPLES - len(worst))]
    tiles = []
    for row in (*random, *worst):
        steps = path(run.task.tree, found.labels[row], found.values[row])
        text = f"{'large ' if row in worst else ''}RMSE\u00a0{error[row]:.4f}"
        tile = Tile(
            image=run.image(found.ids[row]),
            alt=f"Galaxy {found.ids[row]}, {text}",
            text=text,
            facts={
                step["text"]: f"{percent(step['predicted'], 0)} ({percent(step['true'], 0)})"
                for step in steps
            },
            id=found.ids[row],
            links=run.links(found.ids[row]),
        )
        tiles.append((tile, steps))
    return tiles


def path(tree: DecisionTree, true: np.ndarray, predicted: np.ndarray) -> list[dict[str, Any]]:
    """The answers that most volunteers gave, from the first question to the end of the tree.

    Both are (answers,). Each step has the answer's text, and its true and predicted fraction; and
    the question, how many questions lead to it, and those of its answers with a fraction of at
    least 0.1, as {text, true, predicted, chosen: whether it is the most common one}.

    >>> from hubblefork.sky.decision_tree import load_tree
    >>> tree, votes = load_tree("galaxy-zoo-2"), np.zeros(37)
    >>> votes[[tree.index(column) for column in ("Class1.1", "Class7.2", "Class6.2")]] = 1
    >>> [(step["depth"], step["text"]) for step in path(tree, votes, votes)]
    [(0, 'smooth'), (1, 'in between'), (0, 'odd: no')]
    """
    steps = []
    for question, best in tree.follow(true):
        answers: list[dict[str, Any]] = [
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
                "text": tree.answer_name(tree.columns[best]),
                "question": question.short,
                "depth": tree.depth(question),
                "answers": [
                    each
                    for each in answers
                    if each["chosen"] or max(each["true"], each["predicted"]) >= _SHOWN
                ],
            }
        )
    return steps


def _answer_table(run: RunData) -> Table:
    """Mean fractions and errors of each answer, and the RMSE of always predicting the mean."""
    true, predicted = run.predictions.labels, run.predictions.values
    rows: list[list[str | Cell]] = []
    for question in run.task.tree.questions:
        rows.append([f"{question.number}. {question.text}"])
        for place, answer in enumerate(question.answers, start=question.columns.start):
            found = run.metrics["per_answer"][answer.column]
            means = (float(each[:, place].mean()) for each in (true, predicted))
            errors = (found["rmse"], found["mae"], float(true[:, place].std()))
            rows.append([Cell(answer.text, answer.column), *map(percent, means),
                         *(f"{error:.4f}" for error in errors)])  # fmt: skip
    columns = ["Answer", "Volunteers' mean", "Predicted mean", "RMSE", "Mean absolute error",
               "RMSE of the mean"]  # fmt: skip
    return Table("Fractions and errors of each answer", columns, rows)


def _error_of(run: RunData, question: Question) -> str:
    """The RMSE of a question with its interval."""
    low, high = question_interval(run, question)
    return f"{question_error(run, question):.4f}, {low:.4f} to {high:.4f}"


def _agreement(run: RunData) -> tuple[int, int]:
    """How many galaxies have the same most common first answer, and how many there are."""
    return int(run.predictions.correct.sum()), len(run.predictions)
