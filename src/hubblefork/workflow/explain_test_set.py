"""Explain a run by its test set: mistakes, doubts, what it looks at, what is odd."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.core.progress import progress, say
from hubblefork.data.dataset import PackedDataset
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.explanation import (
    class_findings,
    feature_findings,
    measured_findings,
    vote_findings,
)
from hubblefork.explanation.features import look
from hubblefork.explanation.neighbours import Neighbours
from hubblefork.explanation.single_image import Known, choose_method
from hubblefork.explanation.test_set import Finding, Part
from hubblefork.models.predictor import Predictor
from hubblefork.recipes.recipe import Recipe
from hubblefork.report.explain import Explained, now, write_explained, write_table
from hubblefork.report.explain_words import about_test_part
from hubblefork.runs.run import Run, short_name
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes
from hubblefork.workflow.evaluate import own_dataset
from hubblefork.workflow.out_of_fold import fold_splits, out_of_fold
from hubblefork.workflow.reference_images import known_of

# Like training images of each test image.
_NEIGHBOURS = 8

_KINDS = {Classes: "A classifier, explained", Votes: "Predicted votes, explained"}

# What is told of single images, by the kind of labels, and then of all.
_SINGLE = {
    Classes: (
        ("mistakes", class_findings.find_errors),
        ("confusions", class_findings.find_confusions),
        ("right answers", class_findings.find_right),
        ("doubts", class_findings.find_doubts),
    ),
    Votes: (
        ("the galaxies farthest from the volunteers", vote_findings.find_farthest),
        ("the nearest", vote_findings.find_nearest),
    ),
}
_WHOLE = (
    ("the object and its surroundings", measured_findings.measure_surroundings),
    ("stability", measured_findings.measure_stability),
    ("a map of the images", feature_findings.map_features),
    ("odd images", feature_findings.find_anomalies),
    ("like images", feature_findings.find_neighbours),
)


def explain_part(
    predictor: Predictor,
    run: Run,
    folder: Path,
    method: str | None,
    layer: str | None,
    folds: int | None,
    device: str,
) -> pd.DataFrame:
    """Look into the test set of a run, and write into `folder`.

    Returns the table `errors.csv`. Raises RequestError where there is no test set, and where a
    class has too few images for the folds.
    """
    dataset, split = own_dataset(run, predictor)
    rows = split.rows(dataset, "test")
    if not len(rows):
        raise RequestError(f"{run.path} has no test set: name images to explain")
    recipe = run.recipe
    if folds is not None:
        fold_splits(recipe, dataset, folds)  # a mistake is told before the long work
    known = known_of(predictor, run, dataset, split)
    part = _part(predictor, dataset, rows, known, method or choose_method(predictor), layer)
    say("looking into faithfulness of maps")
    maps = measured_findings.measure_faithfulness(part)
    if method is None and layer is None:
        part = replace(part, method=measured_findings.reliable_method(maps, part.method))
    findings = list(_findings(part, maps))
    if folds is not None:
        findings.append(_mislabels(recipe, dataset, folds, run.provenance.seed, device))
    tables = {name: table for found in findings for name, table in found.tables.items()}
    for name, table in tables.items():
        write_table(table, folder / name)
    score = part.score
    figures: dict[str, Any] = {"n": len(part), "measure": score.measure}
    figures |= {score.measure: score.value, "low": score.low, "high": score.high}
    figures |= {"baseline": part.baseline, "method": part.method, "layer": part.layer}
    for found in findings:
        figures |= found.figures
        for panel in found.section.charts:
            with replacing(folder / "figures" / f"{panel.name}.png", binary=True) as file:
                file.write(panel.png)
    with replacing(folder / "explanation.json") as file:
        json.dump(figures, file, indent=2, ensure_ascii=False, allow_nan=False)
    page = Explained(
        title=f"{predictor.card.recipe} on {short_name(dataset.source)}",
        kind=_KINDS[type(predictor.task)],
        made=now(),
        sections=[found.section for found in findings],
        **about_test_part(figures),
    )
    write_explained(page, folder / "explanation.html")
    return tables["errors.csv"]


def _findings(part: Part, maps: Finding) -> Iterator[Finding]:
    """What is found, in the order of the page; `maps` were measured before, to choose by."""
    for what, find in (*_SINGLE[type(part.predictor.task)], *_WHOLE):
        say(f"looking into {what}")
        yield find(part)
        if find is measured_findings.measure_stability:
            yield maps


def _part(
    predictor: Predictor,
    dataset: PackedDataset,
    rows: np.ndarray,
    known: Known,
    method: str,
    layer: str | None,
) -> Part:
    values, features, near = [], [], []
    with progress("predicting", len(rows)) as done:
        for answers, sides in look(predictor, dataset.images, rows, done=done):
            values.append(answers)
            features.append(sides.mean(axis=1))
            near.append(known.index.nearest(sides, _NEIGHBOURS))
    return Part(
        predictor=predictor,
        images=dataset.images,
        rows=rows,
        ids=dataset.table["id"].to_numpy(object)[rows],
        labels=dataset.labels[rows],
        values=np.concatenate(values),
        features=np.concatenate(features),
        known=known,
        neighbours=Neighbours(
            np.concatenate([each.rows for each in near]),
            np.concatenate([each.similarity for each in near]),
        ),
        method=method,
        layer=layer,
    )


def _mislabels(
    recipe: Recipe, dataset: PackedDataset, folds: int, seed: int, device: str
) -> Finding:
    with TemporaryDirectory(prefix="hubblefork-") as scratch:
        probabilities = out_of_fold(recipe, dataset, folds, Path(scratch), seed, device)
    ids = dataset.table["id"].to_numpy(object)
    table = likely_mislabels(ids, dataset.labels, probabilities, dataset.task.names)
    return class_findings.show_mislabels(table, dataset.images, folds)
