"""The explanation of a test set: errors, dependence on background and perturbations, anomalies.

`explain_test_set` measures and ranks; `TestSetExplanation` has the results and saves them.
"""

import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from hubblefork.core.files import replacing
from hubblefork.core.progress import progress, say
from hubblefork.core.sampling import stable_sample
from hubblefork.evaluation.anomalies import rank_anomalies
from hubblefork.evaluation.scores import Score
from hubblefork.explanation.background import BackgroundDependence, background_dependence
from hubblefork.explanation.class_errors import ClassErrors, find_class_errors
from hubblefork.explanation.embedding import FEWEST, METHODS, Embedding, embedding
from hubblefork.explanation.faithfulness import Faithfulness, faithfulness
from hubblefork.explanation.measured_method import FIGURES
from hubblefork.explanation.predicted_test_set import TestSet
from hubblefork.explanation.robustness import Robustness, robustness
from hubblefork.explanation.saving import save_table
from hubblefork.explanation.vote_errors import VoteErrors, find_vote_errors
from hubblefork.sky.links import Positions

# Images that are measured: each is predicted three times for background dependence, twelve times
# for robustness, and thousands of times for the faithfulness of its maps. An accuracy of a thousand
# images is known to 1.5 percentage points.
_BACKGROUND, _ROBUSTNESS, _FAITHFULNESS = 5_000, 1_000, 10

# How errors are ranked, by the kind of task.
_FIND_ERRORS: Mapping[str, Callable[[TestSet], ClassErrors | VoteErrors]] = {
    "classes": find_class_errors,
    "votes": find_vote_errors,
}

Errors = TypeVar("Errors", bound=ClassErrors | VoteErrors)


@dataclass(frozen=True, eq=False)
class Mislabels:
    """Labels of a whole source that are likely wrong, as `likely_mislabels` ranks them.

    table: its `row` is an index of `images`, packed, (M, H, W, C) uint8. folds: of the networks.
    positions: on the sky, by the ids of images, as far as they are known.
    """

    table: pd.DataFrame
    images: np.ndarray
    folds: int
    positions: Positions = field(default_factory=dict)

    @property
    def likely(self) -> int:
        """The number of labels that are likely wrong."""
        return int(self.table["likely"].sum())


@dataclass(frozen=True, eq=False)
class TestSetExplanation(Generic[Errors]):
    """The results for a test set.

    errors: of its task. embeddings: by method; empty for too few images.
    anomalies: of `rank_anomalies`. neighbours_score: of predicting the labels of the nearest
    training images. mislabels: if requested. model_sha256: of the model file.
    """

    test_set: TestSet
    errors: Errors
    background: BackgroundDependence
    robustness: Robustness
    faithfulness: Faithfulness
    embeddings: Mapping[str, Embedding]
    anomalies: pd.DataFrame
    neighbours_score: Score
    mislabels: Mislabels | None = None
    model_sha256: str = ""

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by the names of their files."""
        test_set, ids = self.test_set, self.test_set.predictions.ids
        reference = test_set.reference
        tables = self.errors.tables() | {
            "background_dependence": self.background.table,
            "robustness": self.robustness.table,
            "faithfulness": self.faithfulness.table,
            "anomalies": self.anomalies.drop(columns="row"),
            "neighbours": test_set.neighbours.table(ids, reference.ids, reference.descriptions),
        }
        if self.embeddings:
            x, y = self.embeddings["pca"].positions.T
            tables["embedding"] = self.embeddings["tsne"].table(ids).assign(pca_x=x, pca_y=y)
        if self.mislabels:
            tables["mislabels"] = self.mislabels.table.drop(columns="row")
        return tables

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        score, pooled = self.test_set.score, self.neighbours_score
        robustness = self.robustness.table.drop(columns=["kind", "amount"])
        figures = {
            "n": len(self.test_set),
            "measure": score.measure,
            score.measure: score.value,
            "low": score.low,
            "high": score.high,
            "baseline": self.test_set.baseline,
            "method": self.test_set.method,
            "layer": self.test_set.layer,
            "most_faithful": self.faithfulness.most_faithful,
            "model_sha256": self.model_sha256,
            **self.errors.to_json(),
            "background_dependence": self.background.to_json(),
            "robustness": robustness.to_dict("records"),
            "faithfulness": self.faithfulness.table.to_dict("records"),
            f"neighbours_{pooled.measure}": pooled.value,
        }
        if self.mislabels:
            figures["mislabels"] = {
                "folds": self.mislabels.folds,
                "images": len(self.mislabels.table),
                "likely": self.mislabels.likely,
            }
        return figures

    def save(self, folder: Path) -> None:
        """Write the tables and the figures, `explanation.json`."""
        for name, table in self.tables().items():
            save_table(table, folder / f"{name}.csv")
        with replacing(folder / FIGURES) as file:
            json.dump(self.to_json(), file, indent=2, ensure_ascii=False, allow_nan=False)


def explain_test_set(test_set: TestSet, choose_method: bool = True) -> TestSetExplanation:
    """Measure a test set, rank its images, and choose the examples of the page.

    choose_method: whether to use the method of attribution whose maps are the most faithful, if
    they are better than chance, in place of `test_set.method`.
    """
    measured = _faithfulness(test_set)
    if choose_method:
        test_set = replace(test_set, method=measured.most_faithful or test_set.method)
    task, found, reference = test_set.task, test_set.predictions, test_set.reference
    say("explaining examples")
    errors = _FIND_ERRORS[task.kind](test_set)
    background = _measured(test_set, background_dependence, "background dependence", _BACKGROUND)
    robust = _measured(test_set, robustness, "robustness", _ROBUSTNESS)
    say("embedding, anomalies and neighbours")
    anomalies = rank_anomalies(found.ids, test_set.features, reference.features)
    rows = anomalies["row"]
    words = {"true": test_set.label_words[rows], "predicted": test_set.answer_words[rows]}
    pooled = task.pooled(reference.labels[test_set.neighbours.rows])
    return TestSetExplanation(
        test_set=test_set,
        errors=errors,
        background=background,
        robustness=robust,
        faithfulness=measured,
        embeddings=_embeddings(test_set),
        anomalies=anomalies.assign(**words),
        neighbours_score=task.score(task.tally(found.labels, pooled)),
    )


def _measured(test_set: TestSet, measure: Callable[..., Any], what: str, most: int) -> Any:
    chosen = stable_sample(np.arange(len(test_set)), most)
    rows, labels = test_set.rows[chosen], test_set.predictions.labels[chosen]
    with progress(f"measuring {what}", len(chosen)) as done:
        return measure(test_set.predictor, test_set.images, rows, labels, done=done)


def _faithfulness(test_set: TestSet) -> Faithfulness:
    """Of some images of the validation set, so that the choice owes nothing to the test set.

    Of the test set where there is no validation set.
    """
    validated = len(test_set.validation) > 0
    chosen = stable_sample(test_set.validation if validated else test_set.rows, _FAITHFULNESS)
    layer = test_set.layer if test_set.method == "grad-cam" else None
    with progress("measuring faithfulness", len(chosen)) as done:
        found = faithfulness(test_set.predictor, test_set.images[chosen], layer=layer, done=done)
    return replace(found, validation=validated)


def _embeddings(test_set: TestSet) -> dict[str, Embedding]:
    """By PCA and t-SNE, and by UMAP if it is installed; none for too few images."""
    if len(test_set) < FEWEST:
        return {}
    labels, names = test_set.task.kinds(test_set.predictions.labels)
    methods = [each for each in METHODS if each != "umap" or importlib.util.find_spec("umap")]
    return {each: embedding(test_set.features, labels, names, each) for each in methods}
