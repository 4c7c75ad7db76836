"""The sections on the answers of a model of votes: the largest and the smallest errors."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from hubblefork.core.text import percent, several
from hubblefork.explanation.explain_test_set import TestSetExplanation
from hubblefork.explanation.vote_errors import VoteErrors, worst_questions
from hubblefork.report.components import Fold, Groups, Section, Table
from hubblefork.report.explain_sections import example_card, label_beside

# Questions that are named of each galaxy.
_QUESTIONS = 2

# Galaxies that are to be seen at once.
_OPEN = 4


def vote_sections(found: TestSetExplanation[VoteErrors]) -> list[Section]:
    return [_largest(found), _smallest(found)]


def vote_sentence(found: TestSetExplanation[VoteErrors]) -> str:
    """Which question most often has the largest error."""
    worst = found.errors.questions.iloc[0]
    return (
        f"For {percent(worst['galaxies'] / len(found.test_set))} of the galaxies, its largest "
        f"error is on the question ‘{worst['text']}’."
    )


def _largest(found: TestSetExplanation[VoteErrors]) -> Section:
    test_set, errors = found.test_set, found.errors
    cards = [
        example_card(
            test_set,
            example,
            f"RMSE {row.rmse:.4f}: predicted {row.predicted_description}",
            f". Largest errors: {'; '.join(_differences(found, row.row))}.",
            label_beside(test_set, row.row),
        )
        for row, example in zip(errors.errors.itertuples(), errors.largest, strict=False)
    ]
    note = (
        f"The {several(len(cards), 'galaxy', 'galaxies')} of {len(test_set):,} whose "
        f"{test_set.task.outputs} fractions have the largest RMSE. Beside each image, maps of the "
        "evidence on the question with the largest error: for the most common predicted answer "
        "and, if it differs, for the volunteers'. Does the network use the wrong part of the "
        "image, or would you have voted as it did? The table shows how often each question has the "
        "largest error. All galaxies are in errors.csv, with the error on each question."
    )
    table = pd.DataFrame(
        {
            "Question": errors.questions["text"],
            "Has the largest error for": [
                percent(each / len(test_set)) for each in errors.questions["galaxies"]
            ],
            "RMSE over all galaxies": [f"{each:.4f}" for each in errors.questions["rmse"]],
        }
    )
    title = "Largest errors"
    more = Fold(f"{len(cards) - _OPEN} more", [Groups(cards[_OPEN:], "three")])
    folded = [more] if cards[_OPEN:] else []
    blocks = [note, Groups(cards[:_OPEN], "three"), *folded, Table.of(title, table)]
    return Section(title, blocks)


def _differences(found: TestSetExplanation[VoteErrors], row: int) -> Iterator[str]:
    """The answer with the largest error to each of a galaxy's worst questions."""
    tree, predictions = found.errors.tree, found.test_set.predictions
    predicted, true = predictions.values[row], predictions.labels[row]
    for question in worst_questions(tree, true, predicted, _QUESTIONS):
        error = np.abs(predicted - true)[question.columns]
        answer = question.columns.start + int(error.argmax())
        name = found.test_set.task.words.names[answer]
        yield f"‘{name}’ {percent(predicted[answer], 0)}, volunteers {percent(true[answer], 0)}"


def _smallest(found: TestSetExplanation[VoteErrors]) -> Section:
    test_set = found.test_set
    rmse = found.errors.errors.set_index("row")["rmse"]
    cards = [
        example_card(
            test_set,
            each,
            f"{kind}: RMSE {rmse[each.index]:.4f}",
            caption=label_beside(test_set, each.index),
        )
        for kind, each in found.errors.smallest
    ]
    note = (
        "Of each kind of galaxy, as most volunteers saw it, those with the smallest RMSE: the "
        "image, and the evidence for the first answers down the tree. It should be on the parts "
        "that you would use."
    )
    return Section("Smallest errors", [note, Groups(cards, "three")], open=False)
