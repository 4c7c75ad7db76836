"""The sections on a test set that are the same for every task, and the tiles of all sections."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.text import percent, several
from hubblefork.explanation.attribution import Attribution
from hubblefork.explanation.embedding import CELLS, METHODS
from hubblefork.explanation.explain_test_set import Mislabels, TestSetExplanation
from hubblefork.explanation.neighbours import ReferenceImages
from hubblefork.explanation.predicted_test_set import Example, TestSet
from hubblefork.report.components import (
    Group,
    Groups,
    Mosaic,
    Panel,
    Section,
    Sheet,
    Table,
    Tile,
)
from hubblefork.report.embedding_chart import EmbeddingChart, cells, draw_embedding
from hubblefork.report.explain_figures import draw_faithfulness, draw_robustness
from hubblefork.report.figures import Chart
from hubblefork.report.overlay import overlay
from hubblefork.report.run_data import displayable
from hubblefork.sky.links import links_of
from hubblefork.tasks.classes import display_name
from hubblefork.tasks.task import Task

# Anomalies and likely wrong labels; wrong answers, and neighbours of each.
_ANOMALIES, _LABELS = 15, 20
_ANSWERS, _NEIGHBOURS = 6, 5

_MEANING = {
    "pca": "PCA keeps the distances along the two directions of the largest variance.",
    "tsne": "t-SNE keeps neighbours together; distances between groups mean little.",
    "umap": "UMAP keeps neighbours together, and some of the arrangement of groups.",
}


def common_sections(found: TestSetExplanation) -> list[Section]:
    """What is measured, and what the features tell."""
    return [
        _background(found),
        _robustness(found),
        _faithfulness(found),
        _embedding(found),
        _anomalies(found),
        _neighbours(found),
    ]


def mislabel_sections(found: TestSetExplanation) -> list[Section]:
    """The likely wrong labels, where they were asked for: the page begins with them."""
    return [_mislabels(found.mislabels)] if found.mislabels else []


def label_beside(test_set: TestSet, index: int) -> str:
    """The label of an image, as it stands beside its answer."""
    return test_set.task.words.beside(test_set.label_words[index])


def image_tile(
    test_set: TestSet,
    index: int,
    text: str,
    facts: Mapping[str, str] | None = None,
    correct: bool | None = None,
) -> Tile:
    """An image of a test set above a line of text and rows of name and value."""
    answer = test_set.task.words.summary(test_set.predictions.values[index])
    identifier = str(test_set.predictions.ids[index])
    alt = f"Image {identifier}: predicted {answer}; {label_beside(test_set, index)}"
    links = links_of(identifier, test_set.predictions.positions)
    return Tile(displayable(test_set.image(index)), alt, text, facts or {}, correct, links=links)


def example_card(
    test_set: TestSet, example: Example, title: str, text: str = "", caption: str = "as packed"
) -> Group:
    """An example above its caption, and its maps; `text` follows its id."""
    values = test_set.predictions.values[example.index]
    identifier = str(test_set.predictions.ids[example.index])
    maps = [map_tile(test_set.task, values, identifier, each) for each in example.attributions]
    image = image_tile(test_set, example.index, caption)
    return Group(title, [image, *maps], f"{identifier}{text}")


def map_tile(task: Task, values: np.ndarray, identifier: str, found: Attribution) -> Tile:
    """A map over its image, with the name and the value of the answer."""
    target = task.names.index(found.target)
    name = task.words.names[target]
    return Tile(
        overlay(displayable(found.seen), found.map),
        f"Map of the evidence for {name} in image {identifier}",
        f"no evidence for {name}" if found.empty else f"for {task.words.told(values, target)}",
    )


def reference_tile(
    reference: ReferenceImages, row: int, facts: Mapping[str, str] | None = None
) -> Tile:
    """A training image above its label."""
    label = reference.descriptions[row]
    alt = f"Training image {reference.ids[row]}, {label}"
    return Tile(displayable(reference.image(row)), alt, label, facts or {})


def _background(found: TestSetExplanation) -> Section:
    measured, test_set = found.background, found.test_set
    note = (
        f"The centre is a circle of {percent(2 * measured.radius, 0)} of the image's width. A "
        "network that has learnt the object needs the centre, and little of the background; if "
        "not, find out what in the background tells it the answer."
        f"{_sampled(measured.number, test_set)}"
    )
    rows = pd.DataFrame({"Images": measured.table["images"], **_scores(measured.table, test_set)})
    title = "Background dependence"
    return Section(title, [note, Table.of(title, rows)], "Background")


def _robustness(found: TestSetExplanation) -> Section:
    table, test_set = found.robustness.table, found.test_set
    metric, words = test_set.task.training_metric, test_set.task.words
    note = (
        "The same images, changed as another telescope, the weather or another framing would "
        "change them. Where the score drops, do not use the network on such images without "
        f"training on some.{_sampled(table['n'][0], test_set)}"
    )
    caption = (
        f"Dashed line: {metric.noun} on unchanged images. Bars: 95 % intervals. Dotted "
        "line, where it is within the chart: always giving the same answer. At the right: "
        f"{words.changed.lower()}. All numbers are in robustness.csv."
    )
    title = f"{metric.title} under each perturbation"
    chart = Chart(lambda: draw_robustness(found.robustness, test_set.baseline, words.changed))
    return Section("Robustness", [note, Panel("robustness", title, caption, chart)])


def _faithfulness(found: TestSetExplanation) -> Section:
    measured, words = found.faithfulness, found.test_set.task.words
    table = measured.table
    rows = pd.DataFrame(
        {
            "Method": table["method"],
            "Below random order by": [_signed(each) for each in table["gain"]],
            "95 % interval": [
                f"{_signed(low)} to {_signed(high)}"
                for low, high in zip(table["gain_low"], table["gain_high"], strict=True)
            ],
            "Its maps": [
                "point at what matters" if measured.faithful(each) else "no clear difference"
                for each in table["method"]
            ],
        }
    )
    which = "validation" if measured.validation else "test"
    note = (
        "Images are blurred square by square, those with the strongest evidence first, while the "
        f"{words.quantity} of the answer is measured (Petsiuk et al. 2018). The smaller the area "
        "under the curve, the more faithful the map. A method points at what matters where its "
        "area is below that of random order by more than noise: the interval of the difference "
        f"does not contain 0. Measured on {several(measured.number, f'{which} image')}, drawn at "
        f"random. The maps of this page are by {found.test_set.method}."
    )
    caption = (
        "The earlier a curve falls below the dashed one, the more faithful its maps. Numbers in "
        "brackets are areas."
    )
    chart = Chart(lambda: draw_faithfulness(measured, words.quantity))
    title = "Faithfulness of the maps"
    return Section(title, [note, Panel("faithfulness", "Mean deletion curves", caption, chart),
                           Table.of(title, rows, words=(3,))], "Faithfulness",
                   open=False)  # fmt: skip


def _embedding(found: TestSetExplanation) -> Section:
    test_set = found.test_set
    if not found.embeddings:
        return Section("Embedding", ["There are too few test images for one."], open=False)
    number = len(found.embeddings["tsne"].rows)
    note = (
        "Each image at the position of its features, the input of the network's last layer, in "
        "the colour of its label. Kinds that overlap are hard to tell apart; a separate group "
        "within one kind may be one that the labels do not name." + _sampled(number, test_set)
    )
    blocks: list[Any] = []
    for method, each in found.embeddings.items():
        rows = each.rows[each.representatives()]
        thumbnails = {int(row): displayable(test_set.image(row)) for row in rows}
        title = f"Embedding of the test images by {METHODS[method]}"
        figure = EmbeddingChart(partial(draw_embedding, each), each, thumbnails)
        blocks += [
            Panel(f"embedding-{method}", title, f"{_MEANING[method]} Below, one image in each "
                  "cell.", figure),
            Mosaic(f"{title}, one image in each cell", CELLS, cells(each, thumbnails)),
        ]  # fmt: skip
    return Section("Embedding", [note, *blocks], open=False)


def _anomalies(found: TestSetExplanation) -> Section:
    test_set = found.test_set
    tiles = [
        image_tile(
            test_set,
            row.row,
            label_beside(test_set, row.row),
            {"predicted": row.predicted, "image": str(row.id)},
        )
        for row in found.anomalies.head(_ANOMALIES).itertuples()
    ]
    note = (
        "The test images farthest from the training images, by the mean rank of Mahalanobis "
        "distance and isolation forest. Among them are artefacts, rare objects and unexpected "
        "ones. All images are in anomalies.csv."
    )
    return Section("Anomalies", [note, Sheet(tiles, "predictions")], open=False)


def _neighbours(found: TestSetExplanation) -> Section:
    test_set, score = found.test_set, found.neighbours_score
    predictions, words = test_set.predictions, test_set.task.words
    rows = test_set.neighbours.rows
    cards = []
    for index in test_set.task.worst(predictions.labels, predictions.values)[:_ANSWERS]:
        text = f"predicted {test_set.answer_words[index]}; {label_beside(test_set, index)}"
        tiles = [image_tile(test_set, index, text)]
        tiles += [reference_tile(test_set.reference, row) for row in rows[index, :_NEIGHBOURS]]
        cards.append(Group(str(predictions.ids[index]), tiles))
    metric = test_set.task.training_metric
    interval = metric.between((score.low, score.high))
    value = f"{metric.written(score.value)} (95\u00a0% interval {interval})"
    note = f"{words.compared} {words.pooled_score(rows.shape[1], value)} All are in neighbours.csv."
    return Section("Nearest neighbours", [note, Groups(cards, "three")], "Neighbours", open=False)


def _mislabels(found: Mislabels) -> Section:
    tiles = [
        Tile(
            displayable(found.images[row.row]),
            f"Image {row.id}, label {display_name(row.label)}, "
            f"predicted {display_name(row.suggested)}",
            facts={
                "label": display_name(row.label),
                "predicted": f"{display_name(row.suggested)}, {percent(row.p_suggested, 0)}",
            },
            id=str(row.id),
            links=links_of(str(row.id), found.positions),
        )
        for row in found.table.head(_LABELS).itertuples()
    ]
    total = len(found.table)
    note = (
        f"Each of the {total:,} images of the source was predicted by one of {found.folds} "
        "networks that were trained by this run's recipe without it. By confident learning, "
        f"{several(found.likely, 'label')} ({percent(found.likely / total)}) are likely wrong. "
        "`mislabels.csv` has all images, the least probable label first. Check it from the top by "
        "eye: some of these are rare kinds with a correct label."
    )
    return Section("Likely wrong labels", [note, Sheet(tiles, "predictions")])


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", "\u2212")


def _scores(table: pd.DataFrame, test_set: TestSet) -> dict[str, list[str]]:
    """The columns of a page's table with scores and their intervals."""
    metric = test_set.task.training_metric
    ends = zip(table["low"], table["high"], strict=True)
    return {
        metric.title: [metric.written(each) for each in table[metric.name]],
        "95 % interval": [metric.between(each) for each in ends],
    }


def _sampled(number: int, test_set: TestSet) -> str:
    if number == len(test_set):
        return ""
    return f" {number:,} of the {len(test_set):,} test images were used, drawn at random."
