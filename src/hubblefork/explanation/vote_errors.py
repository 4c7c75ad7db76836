"""The errors of predicted votes on a test set: the galaxies with the largest, and the smallest."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.evaluation.vote_metrics import largest_errors, question_column
from hubblefork.explanation.predicted_test_set import Example, TestSet
from hubblefork.sky.decision_tree import DecisionTree, Question

# Galaxies with maps: each map takes a second or so. Of the smallest errors, two of each kind, or
# they would be of the most common kind alone. Maps of each of these.
_LARGEST, _OF_KIND, _MAPS = 12, 2, 2


@dataclass(frozen=True, eq=False)
class VoteErrors:
    """How far predicted fractions are from the volunteers'.

    errors: all galaxies, the largest RMSE first, as `largest_errors` gives them, with what network
    and volunteers see in words; largest: the first of them, with the evidence on their worst
    question for the most common predicted and true answer.
    smallest: of each kind of galaxy, by its name, those with the smallest RMSE.
    questions: one row a question: its number, text, the galaxies for which it has the largest RMSE,
    and its RMSE over all; the most galaxies first.
    """

    tree: DecisionTree
    errors: pd.DataFrame
    largest: list[Example]
    smallest: list[tuple[str, Example]]
    questions: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        return {"errors": self.errors.drop(columns="row")}

    def to_json(self) -> dict[str, Any]:
        return {"questions": self.questions.to_dict("records")}


def find_vote_errors(test_set: TestSet) -> VoteErrors:
    """Rank the galaxies by their errors, and make examples of the first and the last."""
    tree, found = test_set.task.tree, test_set.predictions
    true = found.labels
    errors = largest_errors(found.ids, true, found.values, tree)
    largest = []
    for row in errors["row"].head(_LARGEST):
        number = worst_questions(tree, true[row], found.values[row])[0].number
        answers = [tree.commonest(each[[row]])[0, number - 1] for each in (found.values, true)]
        largest.append(test_set.example(row, map(int, dict.fromkeys(answers))))
    kind = tree.kind_of(true)
    best_first = errors["row"].to_numpy()[::-1]
    smallest = [
        (
            tree.kinds[number].name,
            test_set.example(row, test_set.task.targets(found.values[row])[:_MAPS]),
        )
        for number in np.unique(kind)
        for row in best_first[kind[best_first] == number][:_OF_KIND]
    ]
    words = {
        "predicted_description": test_set.answer_words[errors["row"]],
        "true_description": test_set.label_words[errors["row"]],
    }
    return VoteErrors(tree, errors.assign(**words), largest, smallest, _by_question(tree, errors))


def worst_questions(
    tree: DecisionTree, true: np.ndarray, predicted: np.ndarray, most: int = 1
) -> list[Question]:
    """The questions with the largest RMSE for one galaxy, whose fractions are (answers,)."""
    squared = (np.asarray(predicted, dtype=float) - true) ** 2
    errors = np.array([squared[question.columns].mean() for question in tree.questions])
    return [tree.questions[each] for each in np.argsort(-errors, kind="stable")[:most]]


def _by_question(tree: DecisionTree, errors: pd.DataFrame) -> pd.DataFrame:
    rmse = errors[[question_column(each) for each in tree.questions]].to_numpy()
    rows = pd.DataFrame(
        {
            "question": [question.number for question in tree.questions],
            "text": [question.short for question in tree.questions],
            "galaxies": np.bincount(rmse.argmax(axis=1), minlength=len(tree.questions)),
            "rmse": np.sqrt((rmse**2).mean(axis=0)),
        }
    )
    return rows.sort_values("galaxies", ascending=False, kind="stable")
