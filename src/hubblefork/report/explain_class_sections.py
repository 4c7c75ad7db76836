"""The sections on the answers of a classifier: misclassified, confused, correct, least certain."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.text import percent, several
from hubblefork.explanation.class_errors import ClassErrors
from hubblefork.explanation.explain_test_set import TestSetExplanation
from hubblefork.explanation.predicted_test_set import TestSet
from hubblefork.report.components import Fold, Group, Groups, Section, Sheet, Table
from hubblefork.report.explain_sections import example_card, image_tile, label_beside
from hubblefork.tasks.classes import display_name

# Pairs of classes, and images of each kind of error; least certain images.
_PAIRS, _OF_PAIR, _DOUBTS = 4, 3, 15

# Misclassified images that are to be seen at once.
_OPEN = 4


def class_sections(found: TestSetExplanation[ClassErrors]) -> list[Section]:
    return [_misclassified(found), _confused(found), _correct(found), _least_certain(found)]


def class_sentence(found: TestSetExplanation[ClassErrors]) -> str:
    """Which two classes are confused most, if any are."""
    if found.errors.pairs.empty:
        return ""
    pair = found.errors.pairs.iloc[0]
    return (
        f"Of its {several(len(found.errors.errors), 'error')}, {pair.errors:,} are between "
        f"‘{display_name(pair['first'])}’ and ‘{display_name(pair['second'])}’."
    )


def _misclassified(found: TestSetExplanation[ClassErrors]) -> Section:
    errors, test_set = found.errors.errors, found.test_set
    title = "Misclassified images"
    if errors.empty:
        return Section(title, ["No test image is misclassified."])
    cards = [
        example_card(
            test_set,
            example,
            f"Predicted ‘{display_name(row.predicted)}’, {percent(row.probability, 0)}; true class "
            f"‘{display_name(row.true)}’",
        )
        for example in found.errors.misclassified
        for row in errors[errors["row"] == example.index].itertuples()
    ]
    note = (
        f"{len(cards)} of {several(len(errors), 'misclassified image')}: of each confusion in "
        "turn, the one with the highest confidence, the most frequent confusions first. Beside "
        "each image, maps of the evidence for the predicted and for the true class: bright where "
        "it is, with a contour at one half. Does the network use the wrong part of the image, or "
        "is the label wrong? All are in errors.csv."
    )
    more = Fold(f"{len(cards) - _OPEN} more", [Groups(cards[_OPEN:], "three")])
    folded = [more] if cards[_OPEN:] else []
    blocks = [note, Groups(cards[:_OPEN], "three"), *folded]
    return Section(title, blocks, "Misclassified")


def _confused(found: TestSetExplanation[ClassErrors]) -> Section:
    pairs = found.errors.pairs
    title = "Most confused classes"
    if pairs.empty:
        return Section(title, ["No class is confused with another."], open=False)
    cards = [
        group
        for pair in pairs.head(_PAIRS).itertuples()
        for group in _of_pair(found.test_set, pair)
    ]
    note = (
        f"The {several(len(pairs.head(_PAIRS)), 'pair')} of classes with the most errors between "
        "them. For each, correctly classified images of both classes, then those misclassified as "
        "the other class, highest confidence first: what do the misclassified ones have in common "
        "with that class?"
    )
    table = pd.DataFrame(
        {
            "Classes": [
                f"{display_name(pair.first)} and {display_name(pair.second)}"
                for pair in pairs.itertuples()
            ],
            "First misclassified as second": [f"{each:,}" for each in pairs["first_as_second"]],
            "Second misclassified as first": [f"{each:,}" for each in pairs["second_as_first"]],
            "Of all errors": [percent(each) for each in pairs["fraction"]],
        }
    ).head(2 * _PAIRS)
    return Section(title, [note, Groups(cards, "three"), Table.of(title, table)], "Confused",
                   open=False)  # fmt: skip


def _of_pair(test_set: TestSet, pair: Any) -> Iterator[Group]:
    predictions, words = test_set.predictions, test_set.task.words
    first, second = (test_set.task.names.index(each) for each in (pair.first, pair.second))
    for true, predicted in ((first, first), (second, second), (first, second), (second, first)):
        rows = np.flatnonzero((predictions.labels == true) & (predictions.leading == predicted))
        if not len(rows):
            continue
        rows = rows[np.argsort(-predictions.values[rows, predicted], kind="stable")]
        right = true == predicted
        title = f"‘{words.names[true]}’"
        title += "" if right else f" misclassified as ‘{words.names[predicted]}’"
        tiles = [
            image_tile(
                test_set,
                row,
                percent(predictions.confidence[row], 0),
                {"image": str(predictions.ids[row])},
                correct=right,
            )
            for row in rows[:_OF_PAIR]
        ]
        kind = "correctly classified image" if right else "misclassified image"
        yield Group(title, tiles, several(len(rows), kind))


def _correct(found: TestSetExplanation[ClassErrors]) -> Section:
    test_set = found.test_set
    values = test_set.predictions.values
    cards = [
        example_card(test_set, each, test_set.task.words.summary(values[each.index]))
        for each in found.errors.correct
    ]
    note = (
        "Drawn at random, rare classes as often as common ones: the image, and the evidence for "
        "its class and for the second most probable one. It should be on the parts "
        "that you would use."
    )
    return Section("Correctly classified", [note, Groups(cards, "three")], "Correct", open=False)


def _least_certain(found: TestSetExplanation[ClassErrors]) -> Section:
    tiles = [
        image_tile(
            found.test_set,
            row.row,
            label_beside(found.test_set, row.row),
            {
                display_name(row.predicted): percent(row.probability),
                display_name(row.runner_up): percent(row.p_runner_up),
            },
        )
        for row in found.errors.doubts.head(_DOUBTS).itertuples()
    ]
    note = (
        "The images whose two most probable classes are closest in probability. If you cannot "
        "tell them apart either, more training may not help. All images are in "
        "least_certain.csv, in this order."
    )
    return Section("Least certain", [note, Sheet(tiles, "predictions")], open=False)
