"""A made-up run, small and the same each time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hubblefork.data.images.framing import Framing
from hubblefork.evaluation.class_metrics import measure_classes
from hubblefork.evaluation.conformal import Reference, measure_sets
from hubblefork.evaluation.vote_metrics import measure_votes
from hubblefork.report.run_data import RunData
from hubblefork.sky.decision_tree import GALAXY_ZOO_2, DecisionTree
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.votes import Votes


def make(
    names: tuple[str, ...] = ("round", "edge-on", "spiral"),
    number: int = 60,
    strength: float = 3.0,
    true: np.ndarray | None = None,
    channels: int = 3,
    **changes: Any,
) -> RunData:
    """A run that tested `number` images; a higher `strength` makes fewer mistakes."""
    random = np.random.default_rng(0)
    classes = len(names)
    true = random.integers(classes, size=number) if true is None else np.asarray(true)
    number = len(true)
    logits = random.normal(size=(number, classes))
    logits[np.arange(number), true] += strength
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    ids = np.array([f"g{k}" for k in range(number)], dtype=object)
    counts = Classes(names).class_counts(true)
    image = random.integers(256, size=(32, 32, channels), dtype=np.uint8)
    epochs = np.arange(1, 6)
    given = {
        "title": "default on simulated",
        "recipe": {"name": "default", "network": {"name": "lenet5", "options": {"width": 6}}},
        "dataset": {
            "source": "simulated",
            "number": 5 * number,
            "shape": [5 * number, 32, 32, channels],
            "framing": Framing(size=32, channels=channels).to_json(),
            "counts": {name: 5 * count for name, count in counts.items()},
            "left_out": [],
            "notes": [],
            "content": "c0ffee",
            "task": {"kind": "classes", "names": list(names)},
        },
        "counts": {
            "train": {name: 3 * count for name, count in counts.items()},
            "val": dict(counts),
            "test": dict(counts),
        },
        "split": {
            "rule": "stratified",
            "seed": 7,
            "sha256": "5eed",
            "sizes": {"train": 3 * number, "val": number, "test": number},
        },
        "history": pd.DataFrame(
            {
                "epoch": epochs,
                "loss": 1 / epochs,
                "accuracy": 1 - 0.5 / epochs,
                "val_loss": 1.1 / epochs,
                "val_accuracy": 0.98 - 0.5 / epochs,
                "lr": 1e-3,
                "seconds": 2.0,
            }
        ),
        "predictions": Predictions(Classes(names), ids, probabilities, true),
        "metrics": {
            "task": Classes(names).to_json(),
            **measure_classes(true, probabilities, names, resamples=50),
        },
        "images": lambda identifier: image,
        "versions": {"hubblefork": "0.1.0", "python": "3.11"},
        "parameters": 390_326,
        "seconds": 10.0,
    }
    return RunData(**given | changes)


def make_votes(
    number: int = 60, noise: float = 0.3, tree: DecisionTree = GALAXY_ZOO_2, **changes: Any
) -> RunData:
    """A run that predicted votes of `number` galaxies; more noise makes larger errors."""
    task = Votes(tree)
    true, predicted = _votes(number, noise, tree)
    run = make()
    history = run.history.drop(columns=["accuracy", "val_accuracy"])
    history = history.assign(rmse=0.2 / run.history["epoch"], val_rmse=0.21 / run.history["epoch"])
    ids = np.array([f"g{k}" for k in range(number)], dtype=object)
    measured = measure_votes(true, predicted, tree, resamples=50)
    given = {
        "title": "default on votes",
        "counts": {},
        "history": history,
        "predictions": Predictions(task, ids, predicted, true),
        "metrics": {"task": task.to_json(), **measured},
    }
    return replace(run, **given | changes)


def _votes(number: int, noise: float, tree: DecisionTree) -> tuple[np.ndarray, np.ndarray]:
    """Fractions (number, answers) that follow the tree, and others that are near them."""
    random = np.random.default_rng(0)
    raw = 2 * random.normal(size=(number, len(tree.columns)))
    pair = []
    for each in (raw, raw + noise * random.normal(size=raw.shape)):
        own = np.exp(each)
        for question in tree.questions:
            own[:, question.columns] /= own[:, question.columns].sum(axis=1, keepdims=True)
        pair.append(tree.weighted(own))
    return pair[0], pair[1]


def make_trusted(**changes: Any) -> RunData:
    """A run whose probabilities were calibrated, with sets of classes."""
    run = make(**changes)
    true, probabilities = run.classified()
    random = np.random.default_rng(1)
    reference = Reference.of(random.beta(0.5, 3, 200))
    told = {
        **{"temperature": 1.5, "exponent": 1.2},
        **{"error_before": 0.1, "brier_before": 0.2, "error_by_chance": 0.03},
    }
    sets = measure_sets(reference, probabilities, true, run.task.names)
    return replace(run, metrics={**run.metrics, "calibration": told, "prediction_sets": sets})


@pytest.fixture
def trusted() -> Callable[..., RunData]:
    return make_trusted


@pytest.fixture
def run_data() -> Callable[..., RunData]:
    return make


@pytest.fixture
def votes() -> Callable[..., RunData]:
    return make_votes


@pytest.fixture(scope="session")
def small_tree() -> DecisionTree:
    """A tree of two questions that is no survey's."""
    clouds = [{"column": "cloudy", "text": "yes", "looks": "cloudy", "next": 2},
              {"column": "clear", "text": "no", "looks": "clear"}]  # fmt: skip
    kinds = [{"column": "cirrus", "text": "thin"}, {"column": "cumulus", "text": "thick"}]
    return DecisionTree.from_content(
        {
            "name": "clouds",
            "title": "Clouds",
            "source": "made up",
            "fractions_of": "everybody",
            "questions": [
                {"text": "Are there clouds?", "topic": "clouds", "answers": clouds},
                {"text": "How thick are they?", "parent": "cloudy", "answers": kinds},
            ],
            "kinds": [{"name": "clouds", "answer": "cloudy"}, {"name": "no clouds"}],
        }
    )


@pytest.fixture
def unwatched() -> pd.DataFrame:
    """A history without a validation set."""
    history = make().history
    return history.assign(val_loss=np.nan, val_accuracy=np.nan)


@pytest.fixture(scope="session")
def runs_to_show() -> tuple[RunData, RunData, RunData]:
    """Two runs of classes on the same images, and one of votes."""
    return make_trusted(number=240, strength=1.5), make(number=240, strength=3), make_votes()
