"""The sections on features: maps of the test part, odd pictures, like training pictures."""

import importlib.util

import numpy as np

from hubblefork.evaluation.anomalies import rank_anomalies
from hubblefork.evaluation.mistakes import confident_errors
from hubblefork.explanation.feature_map import FEWEST, METHODS, FeatureMap, feature_map
from hubblefork.explanation.neighbours import Neighbours
from hubblefork.explanation.part import Finding, Part
from hubblefork.report.explain import Group, Section, Tile
from hubblefork.report.figures import sheet_png
from hubblefork.report.material import Panel, displayable
from hubblefork.report.words import percent, several

# Errors that are shown, and neighbours of each.
_ERRORS, _SHOWN = 6, 5

_ODD = 15

_WHAT_THEY_KEEP = {
    "pca": "PCA keeps distances as they are along the two widest directions.",
    "tsne": "t-SNE keeps like pictures together; how far groups lie apart means little.",
    "umap": "UMAP keeps like pictures together, and something of how groups lie to one another.",
}


def map_features(part: Part) -> Finding:
    """The test part on a plane, by PCA and by t-SNE; by UMAP too, where it is installed."""
    if len(part) < FEWEST:
        return Finding(Section("Map of the pictures", "There are too few test pictures for one."))
    methods = [each for each in METHODS if each != "umap" or importlib.util.find_spec("umap")]
    maps = {
        method: feature_map(part.features, part.labels, part.names, method) for method in methods
    }
    table = maps["tsne"].table(part.ids)
    table = table.assign(**dict(zip(("pca_x", "pca_y"), maps["pca"].places.T, strict=True)))
    some = len(table) < len(part)
    note = (
        "Each picture lies where the network's last features put it. Classes that mix are those "
        "that it can hardly tell apart; a group of one class by itself may be a kind that the "
        "labels do not name."
        + (f" {len(table):,} of the {len(part):,} are shown, drawn by chance." if some else "")
    )
    charts = [
        Panel(
            f"map-{method}",
            f"Map of the test pictures by {METHODS[method]}",
            f"{_WHAT_THEY_KEEP[method]} On the right, one picture of each place.",
            sheet_png(found.figure(_thumbnails(part, found))),
        )
        for method, found in maps.items()
    ]
    return Finding(Section("Map of the pictures", note, charts=charts), {"map.csv": table})


def _thumbnails(part: Part, found: FeatureMap) -> dict[int, np.ndarray]:
    rows = found.rows[found.thumbnail_places()]
    return {int(row): displayable(part.pictures[part.rows[row]]) for row in rows}


def find_anomalies(part: Part) -> Finding:
    """The test pictures most unlike the training pictures."""
    table = rank_anomalies(part.ids, part.features, part.known.features)
    words = np.array(part.names, dtype=object)
    table["true"] = words[part.labels[table["row"]]]
    table["predicted"] = words[part.predicted[table["row"]]]
    tiles = [
        part.tile(row.row, f"in truth {row.true}", said=part.answer(row.row), picture=str(row.id))
        for row in table.head(_ODD).itertuples()
    ]
    note = (
        "The test pictures that lie farthest from the training pictures, by Mahalanobis' distance "
        "and by an isolation forest together. Among them are faults of the data, rare objects, and "
        "whatever nobody asked for. All are in anomalies.csv."
    )
    return Finding(
        Section("Odd ones out", note, sheets=[Group("", tiles)]),
        {"anomalies.csv": table.drop(columns="row")},
    )


def find_neighbours(part: Part) -> Finding:
    """For the surest errors, the training pictures that the network finds most like them."""
    found = part.neighbours
    errors = confident_errors(part.ids, part.labels, part.probabilities, part.names)
    cards = []
    for row in errors.head(_ERRORS).itertuples():
        tiles = [part.tile(row.row, f"said {row.predicted}; in truth {row.true}")]
        tiles += [_known(part, each) for each in found.rows[row.row, :_SHOWN]]
        cards.append(Group(str(row.id), tiles))
    share = neighbours_accuracy(found, np.asarray(part.known.labels), _words(part))
    note = (
        "The surest mistakes, each followed by the training pictures that the network finds most "
        "like it. If they have the wrong class too, the network sees no difference; if one of them "
        f"is labelled wrongly, it learnt that. The commonest label of the {found.rows.shape[1]} "
        f"nearest training pictures is right for {percent(share)} of "
        f"{several(len(part), 'test picture')}. All are in neighbours.csv."
    )
    return Finding(
        Section("What it compares them with", note, cards=cards),
        {"neighbours.csv": found.table(part.ids, part.known.ids, part.known.labels)},
        {"neighbours_accuracy": share},
    )


def neighbours_accuracy(found: Neighbours, labels: np.ndarray, true: np.ndarray) -> float:
    """The share of pictures whose true class is the commonest label of their neighbours.

    labels: of the known pictures; true: (N,) classes in the same words. Of equals the first word
    counts.

    >>> found = Neighbours(np.array([[0, 1, 2]]), np.ones((1, 3), np.float32))
    >>> neighbours_accuracy(found, np.array(["a", "b", "b"]), np.array(["b"]))
    1.0
    """
    names, numbers = np.unique(labels, return_inverse=True)
    votes = np.zeros((len(true), len(names)), dtype=np.int64)
    np.add.at(votes, (np.arange(len(true))[:, None], numbers[found.rows]), 1)
    return float(np.mean(names[votes.argmax(axis=1)] == true))


def _words(part: Part) -> np.ndarray:
    return np.array(part.names)[part.labels]


def _known(part: Part, row: int) -> Tile:
    label, identifier = part.known.labels[row], part.known.ids[row]
    alt = f"Training picture {identifier}, {label}"
    return Tile(displayable(part.known.picture(row)), alt, label)
