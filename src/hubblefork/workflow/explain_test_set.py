"""Explain a run by its test set: errors, what they depend on, robustness, anomalies, neighbours."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.file_cache import file_sha256
from hubblefork.core.files import replacing
from hubblefork.core.progress import progress, say
from hubblefork.core.temporary import scratch_folder
from hubblefork.data.dataset import PackedDataset
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.explanation.explain_test_set import Mislabels, explain_test_set
from hubblefork.explanation.features import answers_and_features
from hubblefork.explanation.neighbours import Neighbours, ReferenceImages
from hubblefork.explanation.predicted_test_set import TestSet
from hubblefork.explanation.single_image import choose_method
from hubblefork.models.predictor import Predictor
from hubblefork.recipes.recipe import Recipe
from hubblefork.report.components import Page, Panel, Section
from hubblefork.report.explain_class_sections import class_sections, class_sentence
from hubblefork.report.explain_sections import common_sections, mislabel_sections
from hubblefork.report.explain_vote_sections import vote_sections, vote_sentence
from hubblefork.report.explain_words import about_test_set
from hubblefork.report.page import now, write_page
from hubblefork.runs.run import Run, short_name
from hubblefork.sky.links import positions_of
from hubblefork.tasks.predictions import Predictions
from hubblefork.workflow.evaluate import own_dataset
from hubblefork.workflow.out_of_fold import fold_splits, out_of_fold
from hubblefork.workflow.reference_images import reference_of

# Nearest training images of each test image.
_NEIGHBOURS = 8


# The page's title, the sections on single answers and a sentence on errors, by the kind of task.
_PAGES: dict[str, tuple[str, Callable[[Any], list[Section]], Callable[[Any], str]]] = {
    "classes": ("Explanation of a classifier", class_sections, class_sentence),
    "votes": ("Explanation of predicted votes", vote_sections, vote_sentence),
}


def explain_run(
    predictor: Predictor,
    run: Run,
    folder: Path,
    method: str | None,
    layer: str | None,
    folds: int | None,
    device: str,
) -> pd.DataFrame:
    """Explain the test set of a run, and write into `folder`.

    Returns the table `errors.csv`. Raises RequestError where there is no test set, and where a
    class has too few images for the folds.
    """
    dataset, split = own_dataset(run, predictor)
    rows = split.rows(dataset, "test")
    if not len(rows):
        raise RequestError(f"{run.path} has no test set: name images to explain")
    recipe = run.recipe
    if folds is not None:
        fold_splits(recipe, dataset, folds)  # an error is raised before the long work
    reference = reference_of(predictor, run, dataset, split)
    test_set = _test_set(predictor, dataset, rows, reference)
    test_set = replace(
        test_set,
        method=method or test_set.method,
        layer=layer,
        validation=split.rows(dataset, "val"),
    )
    found = explain_test_set(test_set, choose_method=not (method or layer))
    found = replace(found, model_sha256=file_sha256(run.model))
    if folds is not None:
        seed = run.provenance.seed
        found = replace(found, mislabels=_mislabels(recipe, dataset, folds, seed, device))
    found.save(folder)
    say("drawing the page")
    kind, sections, sentence = _PAGES[predictor.task.kind]
    page = Page(
        title=f"{predictor.card.recipe} on {short_name(dataset.source)}",
        kind=kind,
        made=now(),
        sections=[*mislabel_sections(found), *sections(found), *common_sections(found)],
        **about_test_set(found, sentence(found)),
    )
    for block in (block for section in page.sections for block in section.blocks):
        if isinstance(block, Panel):
            with replacing(folder / "figures" / f"{block.name}.png", binary=True) as file:
                file.write(block.figure.png())
    write_page(page, folder / "explanation.html", "explain")
    return found.tables()["errors"]


def _test_set(
    predictor: Predictor, dataset: PackedDataset, rows: np.ndarray, reference: ReferenceImages
) -> TestSet:
    values, features, near = [], [], []
    with progress("predicting", len(rows)) as done:
        for answers, views in answers_and_features(predictor, dataset.images, rows, done=done):
            values.append(answers)
            features.append(views.mean(axis=1))
            near.append(reference.index.nearest(views, _NEIGHBOURS))
    ids, came = dataset.table["id"].to_numpy(object)[rows], dataset.further_columns(rows)
    return TestSet(
        predictor=predictor,
        images=dataset.images,
        rows=rows,
        predictions=Predictions(
            predictor.task, ids, np.concatenate(values), dataset.labels[rows], columns=came
        ),
        features=np.concatenate(features),
        reference=reference,
        neighbours=Neighbours(
            np.concatenate([each.rows for each in near]),
            np.concatenate([each.similarity for each in near]),
        ),
        method=choose_method(predictor),
    )


def _mislabels(
    recipe: Recipe, dataset: PackedDataset, folds: int, seed: int, device: str
) -> Mislabels:
    with scratch_folder() as scratch:
        probabilities = out_of_fold(recipe, dataset, folds, scratch, seed, device)
    ids = dataset.table["id"].to_numpy(object)
    table = likely_mislabels(ids, dataset.labels, probabilities, dataset.task.names)
    return Mislabels(table, dataset.images, folds, positions_of(dataset.table))
