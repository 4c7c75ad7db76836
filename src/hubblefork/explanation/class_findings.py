"""The sections on classes: surest errors, confused pairs, right answers, doubts, wrong labels."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.text import percent, several
from hubblefork.evaluation.misclassified import confident_errors, confused_pairs, least_certain
from hubblefork.explanation.test_set import Finding, Part
from hubblefork.report.example_selection import evenly
from hubblefork.report.explain import Group, Section, Tile
from hubblefork.report.run_data import displayable

# Images that sections show: each map costs a second or so, and a reader's patience too.
_ERRORS, _RIGHT, _DOUBTS, _LABELS = 12, 10, 15, 20

# Pairs of classes, and images of each kind of error.
_PAIRS, _OF_PAIR = 4, 3


def find_errors(part: Part) -> Finding:
    """The wrong answers, the surest first, with maps for what was said and for the truth."""
    errors = confident_errors(part.ids, part.labels, part.values, part.names)
    cards = []
    for row in errors.head(_ERRORS).itertuples():
        title = f"{row.predicted}, {percent(row.probability, 0)} sure; in truth {row.true}"
        tiles = [
            part.tile(row.row, "as packed"),
            part.map_tile(row.row, part.predicted[row.row]),
            part.map_tile(row.row, part.labels[row.row]),
        ]
        cards.append(Group(title, tiles, str(row.id)))
    shown = f"The surest {len(cards)} of {several(len(errors), 'mistake')}. " if cards else ""
    note = (
        f"{shown}Beside each image, the same below a map of the evidence for what was said, and "
        "for the truth: bright where it is, with a line around the places above one half. Look "
        "whether the network saw the wrong thing, or whether the label is wrong. All are in "
        "errors.csv."
        if cards
        else "There are no mistakes in this part."
    )
    return Finding(
        Section("Most confident mistakes", note, cards=cards),
        {"errors.csv": errors.drop(columns="row")},
        {"errors": len(errors)},
    )


def find_confusions(part: Part) -> Finding:
    """The pairs of classes that are taken for one another, with images of both."""
    number = len(part.names)
    counts = np.bincount(part.labels * number + part.predicted, minlength=number**2)
    pairs = confused_pairs(counts.reshape(number, number), part.names)
    cards = [group for pair in pairs.head(_PAIRS).itertuples() for group in _of_pair(part, pair)]
    note = (
        f"The {several(min(_PAIRS, len(pairs)), 'pair')} of classes with most mistakes between "
        "them. For each, first images of both classes that were correctly classified, then those "
        "that were misclassified as the other class, highest confidence first: look for what the "
        "last have in common with the class that they were misclassified as."
        if len(pairs)
        else "No class is taken for another."
    )
    table = pd.DataFrame(
        {
            "Classes": [f"{pair.first} and {pair.second}" for pair in pairs.itertuples()],
            "First taken for second": [f"{each:,}" for each in pairs["first_as_second"]],
            "Second taken for first": [f"{each:,}" for each in pairs["second_as_first"]],
            "Of all mistakes": [percent(each) for each in pairs["share"]],
        }
    ).head(2 * _PAIRS)
    return Finding(
        Section("Most confused classes", note, cards=cards, table=table if len(table) else None),
        {},
        {"confused_pairs": pairs.to_dict("records")},
    )


def _of_pair(part: Part, pair: Any) -> Iterator[Group]:
    first, second = part.names.index(pair.first), part.names.index(pair.second)
    for true, said in ((first, first), (second, second), (first, second), (second, first)):
        places = np.flatnonzero((part.labels == true) & (part.predicted == said))
        places = places[np.argsort(-part.values[places, said], kind="stable")]
        title = part.names[true] + (f" taken for {part.names[said]}" if true != said else "")
        count = several(len(places), "mistake" if true != said else "right answer")
        yield Group(title, [_judged(part, place) for place in places[:_OF_PAIR]], count)


def _judged(part: Part, place: int) -> Tile:
    share = percent(part.values[place, part.predicted[place]], 0)
    tile = part.tile(place, share, image=str(part.ids[place]))
    return replace(tile, right=bool(part.right[place]))


def find_right(part: Part) -> Finding:
    """Right answers of all classes, drawn by chance, with their maps."""
    right = np.flatnonzero(part.right)
    chosen = right[evenly(part.labels[right], _RIGHT)] if len(right) else right
    cards = [
        Group(
            part.answer(place),
            [part.tile(place, "as packed"), *part.map_tiles(place)],
            str(part.ids[place]),
        )
        for place in chosen
    ]
    note = (
        "Drawn by chance, the rare classes as often as the common ones: the image, the evidence "
        "for its class, and for the runner-up. The light should lie where you would look too."
    )
    return Finding(Section("Right answers", note, cards=cards))


def find_doubts(part: Part) -> Finding:
    """The images between whose first and second class the network hardly decides."""
    table = least_certain(part.ids, part.values, part.names)
    tiles = []
    for row in table.head(_DOUBTS).itertuples():
        tile = part.tile(row.row, part.held(row.row))
        facts = {
            row.predicted: percent(row.probability),
            row.runner_up: percent(row.p_runner_up),
        }
        tiles.append(replace(tile, facts=facts))
    note = (
        "The images whose two most probable classes are nearest to one another. If you cannot "
        "tell either, more training will not help. All are in least_certain.csv, in this order."
    )
    true = part.true_words[table["row"]]
    return Finding(
        Section("Least certain", note, sheets=[Group("", tiles)]),
        {"least_certain.csv": table.drop(columns="row").assign(true=true)},
    )


def show_mislabels(table: pd.DataFrame, images: np.ndarray, folds: int) -> Finding:
    """The labels that are likely wrong, as `likely_mislabels` ranks them.

    images: packed, (N, H, W, C) uint8; `row` of the table is a place in them.
    """
    likely, total = int(table["likely"].sum()), len(table)
    tiles = [
        Tile(
            displayable(images[row.row]),
            f"Image {row.id}, labelled {row.label}, likely {row.suggested}",
            f"labelled {row.label}",
            {
                "fits better": f"{row.suggested}, {percent(row.p_suggested, 0)}",
                "image": str(row.id),
            },
        )
        for row in table.head(_LABELS).itertuples()
    ]
    note = (
        f"All {total:,} images of the source were answered to by {folds} networks, each trained "
        "by this run's recipe without the images that it answers to. "
        f"Confident learning calls {several(likely, 'label')} likely wrong "
        f"({percent(likely / total)}). Work through mislabels.csv from the top, with your own "
        "eyes: some of these are rare kinds with the right label."
    )
    return Finding(
        Section("Likely wrong labels", note, sheets=[Group("", tiles)]),
        {"mislabels.csv": table.drop(columns="row")},
        {"mislabels": {"folds": folds, "images": total, "likely": likely}},
    )
