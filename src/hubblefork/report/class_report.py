"""What the report of a run shows where the labels are classes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hubblefork.core.errors import first_few
from hubblefork.core.text import between, percent
from hubblefork.evaluation.class_metrics import class_intervals
from hubblefork.evaluation.examples import balanced_sample
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.evaluation.reliability import risk_coverage
from hubblefork.report import summary
from hubblefork.report.charts import Draw, count_bars, pie
from hubblefork.report.components import Card, Cell, Panel, Section, Sheet, Table, Tile
from hubblefork.report.confusion import confusion_table
from hubblefork.report.confusion_chart import confusion
from hubblefork.report.figures import Chart
from hubblefork.report.reliability_charts import (
    reliability_diagram,
    selective_accuracy,
    set_coverage,
)
from hubblefork.report.run_data import RunData
from hubblefork.report.sheets import draw_tiles
from hubblefork.report.style import SET_NAMES, undrawn
from hubblefork.report.summary import FEW
from hubblefork.tasks.task import Task

# From here on, accuracy mostly tells how the common classes fare.
_UNEVEN = 10

# Confidence that is off by so much more than expected by chance misleads whoever acts on it.
_MOST_OFF = 0.02

# The fraction of images that one who checks those with low confidence by eye might keep.
_KEPT = 0.8


class ClassReport:
    """The parts of a report that are made for classes; `VoteReport` has the same."""

    kind = "Test results of a classifier"
    loss = "The loss falls as the network gives higher probabilities to the true classes."
    script = "confusion.js"
    meanings: Mapping[str, str] = {
        "accuracy": "fraction of test images that are correctly classified",
        "balanced_accuracy": "mean recall of the classes",
        "macro_f1": "mean F1 of the classes",
        "expected_calibration_error": "mean difference between confidence and accuracy",
    }

    def charts(self, run: RunData) -> dict[str, Draw]:
        measured = {"coverage": set_coverage} if run.metrics.get("prediction_sets") else {}
        return {
            "confusion": confusion,
            "reliability": reliability_diagram,
            "selective": selective_accuracy,
            **measured,
            "classes": class_counts,
            "fractions": class_fractions,
        }

    def sheets(self) -> dict[str, Draw]:
        return {
            "examples": lambda run: draw_tiles(example_tiles(run), run.task.words.names),
            "predictions": lambda run: draw_tiles(prediction_tiles(run), run.task.words.names),
        }

    def cards(self, run: RunData) -> list[Card]:
        """The baseline."""
        name, fraction = _baseline(run)
        about = f"accuracy of always predicting ‘{name}’"
        return [Card(run.task.words.baseline, percent(fraction), about)]

    def sentences(self, run: RunData) -> Iterator[str]:
        """How good it is, and where it is best and worst."""
        name, fraction = _baseline(run)
        yield _most_frequent_confusion(run)
        yield (
            f"{summary.result(run)} Always predicting ‘{name}’, the most common class, would "
            f"reach {percent(fraction)}."
        )
        yield from _extremes(run)
        yield from _calibration(run)
        accuracy = risk_coverage(*run.classified()).accuracy_at(_KEPT)
        kept = round(_KEPT * run.metrics["n"])
        interval = between(wilson_interval(round(accuracy * kept), kept))
        yield (
            f"Of the {percent(_KEPT, 0)} of the images with the highest confidence, "
            f"{percent(accuracy)} are correctly classified (95\u00a0% interval {interval}); the "
            "others could be checked by eye."
        )
        yield from _sets(run)

    def cautions(self, run: RunData) -> Iterator[str]:
        yield from _of_classes(run)
        yield from _of_calibration(run)
        yield from _of_sets(run)

    def sections(self, run: RunData, drawn: Mapping[str, Chart]) -> Iterator[Section]:
        yield Section("Class by class", [
            "Precision: the fraction of the images predicted as this class that belong to it. "
            "Recall: the fraction of the images of this class that are predicted as it. F1 is "
            "their harmonic mean. Small numbers are 95\u00a0% intervals.",
            undrawn(run.task.words.names),
            class_table(run.task, run.metrics),
        ])  # fmt: skip
        yield Section("Confusion matrix", confusion_table(run))
        yield Section("Confidence and calibration", list(_confidence(run, drawn)), "Confidence")
        yield Section("Class distribution", [
            "The number of images of each class, in the sets of the split.",
            Panel("classes", "Bar chart of the number of images of each class in each set of the "
                  "split", "", drawn["classes"]),
            *([Panel("fractions", "Pie chart of the fraction of images in each class", "",
                     drawn["fractions"])] if _shows_fractions(run) else []),
        ], open=False)  # fmt: skip
        yield Section("Examples of each class", [
            "Test images drawn at random, rare classes as often as common ones where there are "
            "enough images.",
            Sheet(example_tiles(run)),
        ], "Examples")  # fmt: skip
        yield Section("Correct and wrong predictions", [
            "Half of them correctly classified and half misclassified where there are enough, "
            "spread over the classes and over the confusions; this is not how often each occurs. "
            "The percentage is the confidence.",
            Sheet(prediction_tiles(run), "predictions"),
        ], "Predictions")  # fmt: skip


def _shows_fractions(run: RunData) -> bool:
    """Whether the run reproduces a publication with a pie chart; bars show the same numbers."""
    return run.reproduction is not None and "fractions" in run.reproduction.publication.shows


def _confidence(run: RunData, drawn: Mapping[str, Chart]) -> Iterator[str | Panel]:
    both = ", before and after calibration" if run.metrics.get("calibration") else ""
    yield (
        "Of images classified with a confidence of 80\u00a0%, 80\u00a0% should be correct: on the "
        "dashed line, confidence equals accuracy; points below it are over-confident, points above "
        "it under-confident. Bars are 95\u00a0% intervals; the number of images of each point is "
        "below it."
    )
    yield Panel("reliability", f"Reliability diagram: accuracy against confidence{both}, with the "
                "number of images", "", drawn["reliability"])  # fmt: skip
    yield (
        "The accuracy that is left when the images with low confidence are set aside, to be "
        "checked by eye. A curve near the dashed line would mean that confidence does not tell "
        "correct from wrong predictions."
    )
    yield Panel("selective", "Line chart of the accuracy against the fraction of images kept, "
                "those with the highest confidence", "", drawn["selective"])  # fmt: skip
    if "coverage" in drawn:
        yield (
            "Prediction sets (`predict --coverage`) should contain the true class as often "
            "as the vertical line says, over all images, if these are like the validation set. A "
            "class left of the line is covered less often; an orange cross marks a class for which "
            "chance does not explain it."
        )
        yield Panel("coverage", "Dot chart of how often the prediction sets contain the true "
                    "class, class by class", "", drawn["coverage"])  # fmt: skip


def class_counts(run: RunData) -> Figure:
    """How many images each class has, in each set of the split."""
    sets = {
        part: np.array([counts.get(name, 0) for name in run.task.names])
        for part in SET_NAMES
        if sum((counts := run.counts.get(part, {})).values())
    }
    return count_bars(run.task.words.names, sets)


def class_fractions(run: RunData) -> Figure:
    """The fraction of each class among all images of the split."""
    counts = [sum(each.get(name, 0) for each in run.counts.values()) for name in run.task.names]
    return pie(run.task.words.names, np.array(counts))


def example_tiles(run: RunData) -> list[Tile]:
    """25 test images of all classes, in the order of the classes."""
    found = run.predictions
    names = run.task.words.labels(found.labels)
    return [
        Tile(run.image(found.ids[row]), f"Image {found.ids[row]}, {names[row]}", names[row],
             id=found.ids[row], links=run.links(found.ids[row]))
        for row in balanced_sample(found.labels)
    ]  # fmt: skip


def prediction_tiles(run: RunData) -> list[Tile]:
    """Ten test images, half of them misclassified where there are enough, correct ones first.

    The correct ones are of as many classes as there is room for, the others of as many confusions.
    """
    found, words = run.predictions, run.task.words
    confusion = found.labels * run.task.outputs + found.leading
    right, wrong = np.flatnonzero(found.correct), np.flatnonzero(~found.correct)
    number = min(len(right), max(5, 10 - len(wrong)))
    rows = [
        each[balanced_sample(confusion[each], size)]
        for each, size in ((right, number), (wrong, 10 - number))
        if len(each)
    ]
    true, predicted = words.labels(found.labels), words.answers(found.values)
    return [
        Tile(
            run.image(found.ids[row]),
            f"Image {found.ids[row]}: predicted {predicted[row]}, true class {true[row]}",
            percent(found.confidence[row], 0),
            {"predicted": predicted[row], "true": true[row]},
            bool(found.correct[row]),
            found.ids[row],
            run.links(found.ids[row]),
        )
        for row in np.concatenate(rows)
    ]


def class_table(task: Task, metrics: Mapping[str, Any]) -> Table:
    """Precision, recall and F1, with their intervals."""
    intervals = class_intervals(np.array(metrics["confusion_matrix"]))
    rows: list[list[str | Cell]] = []
    for name, raw, ends in zip(task.words.names, task.names, intervals, strict=True):
        found = metrics["per_class"][raw]
        support = found["support"]
        few = "" if support >= FEW else "few" if support else "none"
        precision, recall, f1 = (
            Cell(percent(found[key]), between(each) if each else "") for key, each in ends.items()
        )
        count = Cell(f"{support:,}", few, few=bool(few))
        rows.append([name, precision, recall, replace(f1, bar=found["f1"] or 0), count])
    columns = ["Class", "Precision", "Recall", "F1", "Test images"]
    return Table("Precision, recall and F1 of each class", columns, rows)


def _baseline(run: RunData) -> tuple[str, float]:
    """The most common class of the test set, and the accuracy of always predicting it."""
    counts = np.bincount(run.predictions.labels, minlength=run.task.outputs)
    return run.task.words.names[int(counts.argmax())], run.task.baseline(run.predictions.labels)


def _extremes(run: RunData) -> Iterator[str]:
    measured = zip(run.task.words.names, run.metrics["per_class"].values(), strict=True)
    found = {name: values for name, values in measured if values["recall"] is not None}
    best = max(found, key=lambda name: found[name]["recall"])
    worst = min(found, key=lambda name: found[name]["recall"])
    if found[best]["recall"] != found[worst]["recall"]:
        yield (
            f"Recall is highest for ‘{best}’ ({_recall(found[best])}) and lowest for ‘{worst}’ "
            f"({_recall(found[worst])}; 95\u00a0% intervals)."
        )


def _recall(measured: Mapping[str, Any]) -> str:
    """A recall with the number of images and its interval."""
    value, number = measured["recall"], measured["support"]
    interval = between(wilson_interval(round(value * number), number))
    return f"{percent(value)} of {number:,}, {interval}"


def _most_frequent_confusion(run: RunData) -> str:
    matrix = np.array(run.metrics["confusion_matrix"])
    wrong = matrix - np.diag(matrix.diagonal())
    if not wrong.any():
        most = percent(1 - run.metrics["intervals"]["accuracy"][0])
        return f"No test image is misclassified; the interval allows an error rate of up to {most}."
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    count, total = wrong[true, predicted], matrix[true].sum()
    back = matrix[predicted, true]
    reverse = f"; the reverse, {back:,} of {matrix[predicted].sum():,}" if back else ""
    names = run.task.words.names
    return (
        f"The most frequent confusion is ‘{names[true]}’ misclassified as ‘{names[predicted]}’: "
        f"{count:,} of {total:,} ({percent(count / total)}, 95\u00a0% interval "
        f"{between(wilson_interval(int(count), int(total)))}){reverse}."
    )


def _calibration(run: RunData) -> Iterator[str]:
    told = run.metrics.get("calibration")
    if told:
        error = run.metrics["expected_calibration_error"]
        yield (
            f"The calibration error is {percent(error)} (95\u00a0% interval "
            f"{between(run.metrics['intervals']['expected_calibration_error'])}), where "
            f"{percent(told['error_by_chance'])} are expected by chance; before calibration on the "
            f"validation set it was {percent(told['error_before'])}."
        )


def _sets(run: RunData) -> Iterator[str]:
    """The prediction sets of the highest coverage that was measured."""
    measured = run.metrics.get("prediction_sets")
    if measured:
        asked = max(measured, key=float)
        values = measured[asked]
        yield (
            f"Prediction sets with a requested coverage of {percent(float(asked), 0)} have "
            f"{values['mean_size']:.2f} classes on average, and {percent(values['coverage'])} of "
            f"them (95\u00a0% interval {between(values['interval'])}) contain the true class."
        )


def _of_classes(run: RunData) -> Iterator[str]:
    metrics = run.metrics
    name, fraction = _baseline(run)
    if metrics["intervals"]["accuracy"][0] <= fraction:
        yield (
            f"The accuracy is not clearly above the {percent(fraction)} of always predicting "
            f"‘{name}’: the network may have learnt nothing useful."
        )
    found = dict(zip(run.task.words.names, metrics["per_class"].values(), strict=True))
    support = {name: values["support"] for name, values in found.items()}
    absent = [f"‘{name}’" for name, count in support.items() if count == 0]
    if absent:
        yield f"Not in the test set, so not measured: {first_few(absent, 5)}."
    few = [f"‘{name}’ ({count})" for name, count in support.items() if 0 < count < FEW]
    if few:
        yield f"Fewer than {FEW} test images, so the numbers are uncertain: {first_few(few, 5)}."
    never = [f"‘{name}’" for name, values in found.items() if values["recall"] == 0]
    if never:
        yield f"Never predicted correctly in the test set: {first_few(never, 5)}."
    most, least = max(support.values()), min(count for count in support.values() if count)
    if most >= _UNEVEN * least:
        yield (
            f"The classes are imbalanced: the most common has {most / least:,.0f} times as many "
            "test images as the rarest. Accuracy is dominated by the common classes; balanced "
            "accuracy and macro F1 weight all classes equally."
        )


def _of_calibration(run: RunData) -> Iterator[str]:
    told = run.metrics.get("calibration", ...)
    if told is None:
        yield (
            "There was no validation set to calibrate the probabilities on: they may be over- or "
            "under-confident."
        )
    elif told is not ...:
        error = "expected_calibration_error"
        if run.metrics["intervals"][error][0] > told["error_by_chance"] + _MOST_OFF:
            yield (
                "Confidence is off even after calibration: it is "
                f"{percent(float(run.predictions.confidence.mean()))} on average, and the accuracy "
                f"is {percent(run.metrics['accuracy'])}."
            )


def _of_sets(run: RunData) -> Iterator[str]:
    """Where sets, or those of some classes, cover less than requested, by more than chance."""
    for asked, values in (run.metrics.get("prediction_sets") or {}).items():
        missed = [
            f"‘{name}’ ({percent(found['coverage'], 0)})"
            for name, raw in zip(run.task.words.names, run.task.names, strict=True)
            for found in [values["per_class"][raw]]
            if found["interval"] and found["interval"][1] < float(asked)
        ]
        if values["interval"][1] < float(asked):
            yield (
                f"Prediction sets with a requested coverage of {percent(float(asked), 0)} contain "
                f"the true class of only {percent(values['coverage'])} of these images (95\u00a0% "
                f"interval {between(values['interval'])}): they are unlike the validation set."
            )
            return
        if missed:
            yield (
                f"Prediction sets with a coverage of {percent(float(asked), 0)} reach it over all "
                f"images, but not for {first_few(missed, 5)}."
            )
            return
