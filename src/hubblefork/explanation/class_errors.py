"""The errors of a classifier on a test set, its correct answers, and its least certain ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.evaluation.examples import balanced_sample
from hubblefork.evaluation.misclassified import (
    confident_errors,
    confused_pairs,
    least_certain,
    of_each_confusion,
)
from hubblefork.explanation.predicted_test_set import Example, TestSet

# Images with maps: each map takes about a second.
_WRONG, _CORRECT = 12, 10


@dataclass(frozen=True, eq=False)
class ClassErrors:
    """The errors of a classifier.

    errors: misclassified images, highest confidence first; misclassified: some of them, spread
    over the confusions, with the evidence for the predicted and the true class.
    correct: correctly classified images of all classes, with the evidence for class and runner-up.
    pairs: of `confused_pairs`. doubts: of `least_certain`.
    """

    errors: pd.DataFrame
    misclassified: list[Example]
    correct: list[Example]
    pairs: pd.DataFrame
    doubts: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        return {
            "errors": self.errors.drop(columns="row"),
            "least_certain": self.doubts.drop(columns="row"),
        }

    def to_json(self) -> dict[str, Any]:
        return {"errors": len(self.errors), "confused_pairs": self.pairs.to_dict("records")}


def find_class_errors(test_set: TestSet) -> ClassErrors:
    """Rank the errors of a classifier, and make examples of the first of them."""
    found, names = test_set.predictions, test_set.task.names
    true, predicted = found.labels, found.leading
    errors = confident_errors(found.ids, true, found.values, names)
    counts = np.bincount(true * len(names) + predicted, minlength=len(names) ** 2)
    right = np.flatnonzero(found.correct)
    chosen = right[balanced_sample(true[right], _CORRECT)] if len(right) else right
    doubts = least_certain(found.ids, found.values, names)
    return ClassErrors(
        errors=errors,
        misclassified=[
            test_set.example(row, (predicted[row], true[row]))
            for row in of_each_confusion(errors, _WRONG)["row"]
        ],
        correct=[
            test_set.example(row, test_set.task.targets(found.values[row]))
            for row in chosen.tolist()
        ],
        pairs=confused_pairs(counts.reshape(len(names), len(names)), names),
        doubts=doubts.assign(true=test_set.label_words[doubts["row"]]),
    )
