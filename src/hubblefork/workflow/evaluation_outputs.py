"""From a model and labelled images to predictions.csv, metrics.json, figures and the report."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.files import replacing
from hubblefork.core.progress import progress, say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.numeric_columns import measured_columns, numbers_of
from hubblefork.data.splits import Split
from hubblefork.data.subsets import SUBSETS
from hubblefork.evaluation.against import score_against
from hubblefork.evaluation.class_metrics import class_contributions
from hubblefork.evaluation.conformal import measure_sets
from hubblefork.explanation.network_examples import network_examples
from hubblefork.models.predictor import Predictor
from hubblefork.networks.registry import count_parameters
from hubblefork.report.network_panels import draw_panels
from hubblefork.report.page import now
from hubblefork.report.run_data import RunData
from hubblefork.report.run_page import draw_charts, save_figures, write_report
from hubblefork.runs.reproduction import Reproduction
from hubblefork.runs.run import Run, short_name
from hubblefork.tasks.predictions import Predictions

# Of metrics.json, whose keys `evaluation/metrics_format.py` describes.
FORMAT = 1

# Columns of a catalogue that a report shows the score against, where none is asked for.
_MOST_AGAINST = 4

# Draws of classes: the mean of so many errors is known to a twentieth.
_DRAWS = 30


def measure_test_part(run: Run, dataset: PackedDataset, split: Split, device: str) -> None:
    """Predict a run's test set with its model file, and write all that follows from it."""
    predictor = Predictor.load(run.path, device)
    rows = split.rows(dataset, "test")
    measure(predictor, dataset, rows, run.path, run, about_split(dataset, split))


def measure(
    predictor: Predictor,
    dataset: PackedDataset,
    rows: np.ndarray,
    folder: Path,
    run: Run | None,
    split: dict[str, Any],
    labels: np.ndarray | None = None,
    further: Mapping[str, Any] | None = None,
    against: str | None = None,
) -> dict[str, Any]:
    """Predict rows of a dataset and write predictions, metrics, figures and report to `folder`.

    `labels` are the true classes by the model's numbering, or the true fractions of votes; by
    default the dataset's own. `further` is written into metrics.json too. `against`: a column of
    numbers to measure the score against; by default the first that came with the images.
    Returns the metrics.
    """
    asked = measured_columns(dataset)[:_MOST_AGAINST] if against is None else [against]
    numbers = {each: numbers_of(dataset, each)[rows] for each in asked}
    with progress("predicting", len(rows)) as done:
        answers = predictor.predict(dataset.images, rows, done)
    true = dataset.labels[rows] if labels is None else labels
    ids = dataset.table["id"].to_numpy(object)[rows]
    columns = dataset.further_columns(rows)
    predictions = Predictions(predictor.task, ids, answers, true, columns=columns)
    measured = predictor.task.measure(true, answers)
    if predictor.task.exclusive:
        measured |= _measure_trust(predictor, answers, true)
    task = predictor.task.to_json()
    metrics = {"format": FORMAT, "source": dataset.source, "task": task, **(further or {})}
    tally, score = predictor.task.tally(true, answers), predictor.task.score
    metrics["against"] = [
        score_against(name, values, tally, score).to_json()
        for name, values in numbers.items()
        if against or len(np.unique(values[np.isfinite(values)])) > 1
    ]
    metrics |= measured
    predictions.save(folder / "predictions.csv")
    with replacing(folder / "metrics.json") as file:
        json.dump(metrics, file, indent=2, ensure_ascii=False, allow_nan=False)
    say("drawing the report")
    run_data = drawn_data(predictor, dataset, predictions, metrics, run, split)
    charts = draw_charts(run_data)
    save_figures(run_data, folder / "figures", charts)
    write_report(run_data, folder / "report.html", charts)
    return metrics


def _measure_trust(
    predictor: Predictor, probabilities: np.ndarray, true: np.ndarray
) -> dict[str, Any]:
    """The effect of calibration, and the measured coverage of prediction sets.

    `calibration`: {temperature, exponent; error_before, brier_before: the expected calibration
    error and the Brier score without it; error_by_chance: the error of as many images whose
    classes are drawn with these probabilities}. `prediction_sets`: see `measure_sets`. Both
    are None where the model had no validation set.
    """
    known = predictor.uncertainty
    if known.calibration is None:
        return {"calibration": None, "prediction_sets": None}

    def measured(given: np.ndarray, classes: np.ndarray) -> dict[str, float]:
        found = class_contributions(classes, given, predictor.names)
        return found.scores(np.arange(len(classes)))

    sets = known.set_scores and measure_sets(known.set_scores, probabilities, true, predictor.names)
    error = "expected_calibration_error"
    before = measured(known.calibration.inverse.applied(probabilities), true)
    random = np.random.default_rng(0)
    chance = [measured(probabilities, _drawn(probabilities, random))[error] for _ in range(_DRAWS)]
    return {
        "calibration": {
            **asdict(known.calibration),
            "error_before": float(before[error]),
            "brier_before": float(before["brier"]),
            "error_by_chance": float(np.mean(chance)),
        },
        "prediction_sets": sets,
    }


def _drawn(probabilities: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A class for each image, drawn with its probabilities (N, K)."""
    up_to = probabilities.cumsum(axis=1)
    place = random.random((len(up_to), 1)) * up_to[:, -1:]
    return (up_to <= place).sum(axis=1)


def about_split(dataset: PackedDataset, split: Split) -> dict[str, Any]:
    """The split for the report, with the number of images of each class in each set."""
    counts = {
        part: dataset.task.class_counts(dataset.labels[split.rows(dataset, part)])
        for part in SUBSETS
    }
    return {
        "rule": split.rule,
        "seed": split.seed,
        "sha256": split.sha256,
        "sizes": split.counts(),
        "counts": counts,
    }


def drawn_data(
    predictor: Predictor,
    dataset: PackedDataset,
    predictions: Predictions,
    metrics: dict[str, Any],
    run: Run | None,
    split: dict[str, Any],
) -> RunData:
    """All that the report of a model shows; split: as `about_split` gives it."""
    data = _run_data(predictor, dataset, predictions, metrics, run, split)
    return replace(
        data, panels=draw_panels(network_examples(predictor, predictions, data.raw), data)
    )


def _run_data(
    predictor: Predictor,
    dataset: PackedDataset,
    predictions: Predictions,
    metrics: dict[str, Any],
    run: Run | None,
    split: dict[str, Any],
) -> RunData:
    card = predictor.card
    row_of = {identifier: row for row, identifier in enumerate(dataset.table["id"])}
    recipe = {"name": card.recipe, "network": {"name": card.network}}
    history, seconds, reproduction = pd.DataFrame(), 0.0, None
    if run:
        recipe = run.recipe.to_toml() | {"run": run.provenance.to_json()}
        recipe.pop("publication", None)
        history, seconds = run.history, float(run.history["seconds"].sum())
        if split["sizes"].get("train"):  # of its own test set, not of other images
            sizes = split["sizes"]
            reproduction = Reproduction.of(run.recipe, dataset.source, sizes, history, metrics)
    return RunData(
        title=f"{card.recipe} on {short_name(dataset.source)}",
        recipe=recipe,
        dataset=dataset.info | {"number": len(dataset)},
        counts=split["counts"],
        split=split,
        history=history,
        predictions=predictions,
        metrics=metrics,
        images=lambda identifier: dataset.images[row_of[identifier]],
        versions=card.versions,
        parameters=count_parameters(predictor.network),
        seconds=seconds,
        made=now(),
        reproduction=reproduction,
    )
