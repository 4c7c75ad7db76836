"""The top of a page of `hubblefork explain`: summary, key figures and cautions."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from hubblefork.core.errors import first_few
from hubblefork.core.text import listed, several
from hubblefork.explanation.background import BackgroundDependence
from hubblefork.explanation.explain_test_set import TestSetExplanation
from hubblefork.explanation.predicted_test_set import TestSet
from hubblefork.report.components import Card
from hubblefork.tasks.classes import display_name
from hubblefork.tasks.metric import Metric

# Test images below which differences between figures are mostly chance.
_FEW = 100


def about_images(
    table: pd.DataFrame,
    why: str,
    number: int,
    problems: Sequence[tuple[str, str]],
    compared: bool,
) -> dict[str, Any]:
    """Sentences and cautions on images that were explained one by one.

    table: one row per image, with predicted, method, faithful (the map) and typicality.
    why: a sentence on the method of the maps; may be empty. number: of images that were given.
    problems: id and reason of those that could not be read.
    compared: whether training images were available.
    """
    most_common = table["predicted"].value_counts()
    name, times = display_name(most_common.index[0]), most_common.iloc[0]
    some = f", {times} predicted ‘{name}’" if len(table) > 1 else ""
    counts = table["method"].value_counts()
    methods = [f"{each} ({count})" if len(counts) > 1 else each for each, count in counts.items()]
    sentences = [
        f"{several(len(table), 'image')} explained by {listed(methods)}{some}.",
        *([why] if why else []),
    ]
    if len(table) > 1:  # the section of a single image says it of its map
        sentences.append(
            f"Maps that point at what matters: {int(table['faithful'].sum())} of {len(table)}. "
            "Blurring their brightest places first lowers the prediction sooner than blurring in "
            "random order, by more than random orders differ."
        )
    cautions = []
    if number > len(table) + len(problems):
        cautions.append(f"Only the first {len(table)} of {number:,} images are explained.")
    if problems:
        named = first_few(f"{identifier} ({reason})" for identifier, reason in problems)
        cautions.append(f"Not read: {named}.")
    if not compared:
        cautions.append(
            "No training images were available for comparison: give the run's folder, and keep its "
            "source where it was."
        )
    if table["typicality"].isna().all():
        cautions.append("This model gives no typicality: it had no validation set.")
    return {"sentences": sentences, "cautions": cautions}


def about_test_set(found: TestSetExplanation, errors: str) -> dict[str, Any]:
    """Sentences, key figures and cautions on a test set.

    errors: a sentence on its errors, which depends on the task; may be empty.
    """
    return {
        "sentences": [each for each in _sentences(found, errors) if each],
        "cards": _cards(found),
        "cautions": list(_cautions(found)),
    }


def baseline_sentence(test_set: TestSet) -> str:
    """The score that has to be beaten."""
    task = test_set.task
    return f"{task.words.constant} has {_value(task.training_metric, test_set.baseline)}."


def background_sentence(found: BackgroundDependence, metric: Metric) -> str:
    """Whether a network relies on the object; claimed only where the 95 % intervals lie apart."""
    kept, lost = found.background_blurred, found.centre_blurred
    if kept.clearly_beats(lost):
        verdict = "The network relies on the object"
    elif lost.clearly_beats(kept):
        verdict = "The network relies on the background, not on the object"
    else:
        verdict = "Whether the network relies on the object or on the background is not clear"
    return (
        f"{verdict}: {metric.noun} {metric.written(kept.value)} (95\u00a0% interval "
        f"{metric.between((kept.low, kept.high))}) with the background blurred, "
        f"{metric.written(lost.value)} ({metric.between((lost.low, lost.high))}) with the centre "
        "blurred."
    )


def _value(metric: Metric, value: float) -> str:
    return f"an {metric.noun} of {metric.written(value)}"


def _sentences(found: TestSetExplanation, errors: str) -> Iterator[str]:
    test_set = found.test_set
    metric = test_set.task.training_metric
    value = _value(metric, test_set.score.value)
    yield f"On {_number(test_set)}, the network has {value}. {baseline_sentence(test_set)}"
    if found.mislabels:
        number = len(found.mislabels.table)
        yield f"{several(found.mislabels.likely, 'label')} of {number:,} are likely wrong."
    yield background_sentence(found.background, metric)
    yield errors
    worst, plain = found.robustness.worst, found.robustness.table[metric.name][0]
    if worst["low"] > plain if metric.lower_is_better else worst["high"] < plain:
        yield (
            f"It is least robust to images that are {_perturbed(worst['perturbation'])}: "
            f"{metric.noun} {metric.written(worst[metric.name])} (95\u00a0% interval "
            f"{metric.between((worst['low'], worst['high']))}) instead of {metric.written(plain)}."
        )
    else:
        yield "Rotation, shift, noise, blur and lower resolution make no significant difference."


def _cards(found: TestSetExplanation) -> list[Card]:
    test_set, background = found.test_set, found.background
    metric = test_set.task.training_metric
    name, worst = metric.noun, found.robustness.worst
    scores = (
        (metric.title, test_set.score, f"on {_number(test_set)}"),
        ("Background blurred", background.background_blurred, name),
        ("Centre blurred", background.centre_blurred, name),
    )
    rows = [(title, each.value, (each.low, each.high), meaning) for title, each, meaning in scores]
    meaning = f"{name}, images {_perturbed(worst['perturbation'])}"
    interval = (worst["low"], worst["high"])
    rows.append(("Worst perturbation", worst[metric.name], interval, meaning))
    cards = [
        Card(title, metric.written(value), meaning, metric.between(interval))
        for title, value, interval, meaning in rows
    ]
    words = test_set.task.words
    baseline = Card(words.baseline, metric.written(test_set.baseline), words.constant)
    return [cards[0], baseline, *cards[1:]]


def _cautions(found: TestSetExplanation) -> Iterator[str]:
    if len(found.test_set) < _FEW:
        number = several(len(found.test_set), "test image")
        yield f"With {number}, small differences are chance."
    measured, used = found.faithfulness, found.test_set.method
    if used not in measured.gains or not measured.faithful(used):
        yield (
            f"The maps of this page, by {used}, show no clear difference from maps in random order "
            f"({several(measured.number, 'image')} were measured): do not interpret them."
        )
    if measured.best != used and measured.faithful(measured.best):
        yield (
            f"{measured.best} measured best on this network: --method {measured.best} draws its "
            "maps."
        )
    yield (
        "The images are chosen because they are unusual. How often something happens is in the "
        "charts and tables, not in these examples."
    )


def _number(test_set: TestSet) -> str:
    example, examples = test_set.task.example, test_set.task.examples
    return several(len(test_set), f"test {example}", f"test {examples}")


def _perturbed(perturbation: str) -> str:
    """What was done to images, as it follows 'images that are'."""
    return f"given {perturbation}" if perturbation.startswith("noise") else perturbation
