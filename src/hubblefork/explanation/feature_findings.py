"""The sections on features: maps of the test set, odd images, like training images."""

import importlib.util

import numpy as np

from hubblefork.evaluation.anomalies import rank_anomalies
from hubblefork.explanation.embedding import FEWEST, METHODS, FeatureMap, feature_map
from hubblefork.explanation.test_set import Finding, Part
from hubblefork.report.comparison_data import shown
from hubblefork.report.explain import Group, Section, Tile
from hubblefork.report.figures import sheet_png
from hubblefork.report.run_data import Panel, displayable

# Errors that are shown, and neighbours of each.
_ERRORS, _SHOWN = 6, 5

_ODD = 15

_WHAT_THEY_KEEP = {
    "pca": "PCA keeps distances as they are along the two widest directions.",
    "tsne": "t-SNE keeps like images together; how far groups lie apart means little.",
    "umap": "UMAP keeps like images together, and something of how groups lie to one another.",
}


def map_features(part: Part) -> Finding:
    """The test set on a plane, by PCA and by t-SNE; by UMAP too, where it is installed."""
    if len(part) < FEWEST:
        return Finding(Section("Map of the images", "There are too few test images for one."))
    methods = [each for each in METHODS if each != "umap" or importlib.util.find_spec("umap")]
    labels, names = part.task.kinds(part.labels)
    maps = {method: feature_map(part.features, labels, names, method) for method in methods}
    table = maps["tsne"].table(part.ids)
    table = table.assign(**dict(zip(("pca_x", "pca_y"), maps["pca"].places.T, strict=True)))
    some = len(table) < len(part)
    note = (
        "Each image lies where the network's last features put it, in the colour of what its "
        "label says. Kinds that mix are those that it can hardly tell apart; a group of one kind "
        "by itself may be one that the labels do not name."
        + (f" {len(table):,} of the {len(part):,} are shown, drawn by chance." if some else "")
    )
    charts = [
        Panel(
            f"map-{method}",
            f"Map of the test images by {METHODS[method]}",
            f"{_WHAT_THEY_KEEP[method]} On the right, one image of each place.",
            sheet_png(found.figure(_thumbnails(part, found))),
        )
        for method, found in maps.items()
    ]
    return Finding(Section("Map of the images", note, charts=charts), {"map.csv": table})


def _thumbnails(part: Part, found: FeatureMap) -> dict[int, np.ndarray]:
    rows = found.rows[found.thumbnail_places()]
    return {int(row): displayable(part.images[part.rows[row]]) for row in rows}


def find_anomalies(part: Part) -> Finding:
    """The test images most unlike the training images."""
    table = rank_anomalies(part.ids, part.features, part.known.features)
    table["true"] = part.true_words[table["row"]]
    table["predicted"] = part.said_words[table["row"]]
    tiles = [
        part.tile(row.row, part.held(row.row), said=part.answer(row.row), image=str(row.id))
        for row in table.head(_ODD).itertuples()
    ]
    note = (
        "The test images that lie farthest from the training images, by Mahalanobis' distance "
        "and by an isolation forest together. Among them are faults of the data, rare objects, and "
        "whatever nobody asked for. All are in anomalies.csv."
    )
    return Finding(
        Section("Odd ones out", note, sheets=[Group("", tiles)]),
        {"anomalies.csv": table.drop(columns="row")},
    )


def find_neighbours(part: Part) -> Finding:
    """For the worst answers, the training images that the network finds most like them."""
    found, task = part.neighbours, part.meaning
    cards = []
    for place in task.worst(part.labels, part.values)[:_ERRORS]:
        tiles = [part.tile(place, f"said {part.said_words[place]}; {part.held(place)}")]
        tiles += [_known(part, each) for each in found.rows[place, :_SHOWN]]
        cards.append(Group(str(part.ids[place]), tiles))
    pooled = task.pooled(part.known.true[found.rows])
    score = task.score(task.tally(part.labels, pooled))
    note = (
        f"{task.words.compared} "
        + task.words.pooled_score(found.rows.shape[1], shown(score.measure, score.value))
        + " All are in neighbours.csv."
    )
    return Finding(
        Section("What it compares them with", note, cards=cards),
        {"neighbours.csv": found.table(part.ids, part.known.ids, part.known.labels)},
        {f"neighbours_{score.measure}": score.value},
    )


def _known(part: Part, row: int) -> Tile:
    label, identifier = part.known.labels[row], part.known.ids[row]
    alt = f"Training image {identifier}, {label}"
    return Tile(displayable(part.known.image(row)), alt, label)
