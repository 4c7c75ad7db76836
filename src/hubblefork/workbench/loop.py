"""The loop: labels teach the last layer, which says what images are the most useful to label next.

Only labels that were given in the workbench teach it, not those that came with the images. A fifth
of each batch is drawn at random, among images that nobody has labelled or been offered. Each of
these is predicted when it is offered, before its label can be learnt from; the learning curve and
the calibration come from these predictions alone, since the other images are chosen for being
difficult. All of it is in the file of labels, so that a loop goes on where it was left.

Of a decision tree, the answers to its first question are learnt.
"""

import threading
from functools import cached_property
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.calibration import Calibration, fit_calibration
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.workbench.data import Collection
from hubblefork.workbench.last_layer import LastLayer, standardised
from hubblefork.workbench.selection import (
    TYPICAL_PER_CLASS,
    clustering_points,
    typical_images,
    undecided_images,
)
from hubblefork.workbench.store import Batch, Image, LabelStore, by_image, majority

BATCH = 25
_RANDOM = 5
# Random images of a point of the learning curve: its interval is about 0.4 wide.
_POINT = 20


class Loop:
    """The loop of one collection and its labels; safe to use from several threads."""

    def __init__(self, collection: Collection, store: LabelStore) -> None:
        self._collection, self._store = collection, store
        self._lock = threading.Lock()
        self._fitted: tuple[dict[int, int], LastLayer | None] = {}, None
        # What was measured, and after how many events: many may ask for it at once.
        self._measured: tuple[int, dict[str, Any]] = -1, {}

    def next_batch(self, rater: str) -> int:
        """The number of a new batch of images for a rater.

        It is that of the last one again where no image of it has been answered yet. RequestError
        where there is no model or nothing is left.
        """
        with self._lock:
            if (last := self._last(rater)) and len(self._left(last, rater)) == len(last.images):
                return last.number
            known = np.zeros(len(self._collection), bool)
            labels = self.labels()
            offered = [image for each in self._store.batches() for image in each.images]
            known[[row for row in map(self._collection.row, offered) if row is not None]] = True
            known[list(labels)] = True
            if not (~known).any():
                raise RequestError("no image is left: all are labelled, or were in a batch")
            random = np.random.default_rng([self._store.events(), len(known)])
            layer = self._fit(labels)
            drawn, useful = choose_batch(
                self._features, self._points, layer, len(labels), known, random
            )
            told = None if layer is None else layer.probabilities(self._features[drawn]).tolist()
            # Mixed, so that nobody can tell the random ones.
            order = random.permutation(len(drawn) + len(useful))
            rows = np.concatenate([drawn, useful])[order]
            images = [self._collection.image(int(row)) for row in rows]
            places = np.argsort(order)[: len(drawn)].tolist()
            return self._store.offer(rater, images, places, len(labels), told).number

    def rows(self, batch: str) -> np.ndarray:
        """The rows of a batch by its number, in the order in which they are shown."""
        batches = self._store.batches()
        if not (batch.isascii() and batch.isdigit() and 1 <= int(batch) <= len(batches)):
            raise RequestError(f"batch={batch}: expected a number from 1 to {len(batches)}")
        found = map(self._collection.row, batches[int(batch) - 1].images)
        return np.array([row for row in found if row is not None], np.int64)

    def tagged(self, queue: str, image: Image) -> str:
        """A queue as it is stored: with `random=1` for an image that a batch drew at random.

        Browsers are not told which these are.
        """
        name, _, batch = queue.partition("=")
        if name != "batch":
            return queue
        drawn = self._store.batches()[int(batch) - 1].drawn
        return f"{queue}&random=1" if image in drawn else queue

    def labels(self) -> dict[int, int]:
        """The class of each row that people have labelled, unless they are divided evenly."""
        choices = [choice.name for choice in self._question.choices]
        found = {}
        for image, answers in by_image(self._store.standing()).items():
            row, name = self._collection.row(image), majority(each.answer[0] for each in answers)
            if row is not None and name is not None:
                found[row] = choices.index(name)
        return found

    def told(self, rater: str) -> dict[str, Any]:
        """What the page of the loop shows; nothing of an image that has no label yet.

        RequestError where there is no model.
        """
        with self._lock:
            events = self._store.events()
            if self._measured[0] != events:
                self._measured = events, self._measure()
        batch = self._last(rater)
        left = [] if batch is None else self._left(batch, rater)
        told = None if batch is None else {"number": batch.number, "left": len(left)}
        return self._measured[1] | {"batch": told}

    def _measure(self) -> dict[str, Any]:
        self._require_features()
        labels = self.labels()
        values, true, taught = self._tested(labels)
        calibration = fit_calibration(values, true) if len(true) else Calibration()
        return {
            "images": len(self._collection),
            "labels": len(labels),
            "random": len(true),
            "curve": learning_curve(taught, values.argmax(axis=1) == true),
            "confidence": _mean(values.max(axis=1)) if len(true) else None,
            "calibrated": _mean(calibration.applied(values).max(axis=1)) if len(true) else None,
            "temperature": calibration.temperature,
        }

    def _tested(self, labels: dict[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the random images with a label: prediction (n, K), class, and how many labels taught
        the prediction. Not of those for which a rater had seen what the model says."""
        values, true, taught = [], [], []
        seen = {(each.image, each.digest) for each in self._store.standing() if each.shown}
        for batch in self._store.batches():
            for image, told in zip(batch.drawn, batch.values or (), strict=False):
                if (row := self._collection.row(image)) in labels and image not in seen:
                    values.append(told)
                    true.append(labels[row])
                    taught.append(batch.labels)
        return np.reshape(values, (-1, self._outputs)), np.array(true, int), np.array(taught, int)

    def _fit(self, labels: dict[int, int]) -> LastLayer | None:
        known, layer = self._fitted
        if known != labels:
            rows = list(labels)
            classes = np.array(list(labels.values()), int)
            layer = LastLayer.fit(self._features[rows], classes, self._outputs)
            self._fitted = labels, layer
        return layer

    def _last(self, rater: str) -> Batch | None:
        own = [each for each in self._store.batches() if each.rater == rater]
        return own[-1] if own else None

    def _left(self, batch: Batch, rater: str) -> list[Image]:
        given = {(each.image, each.digest) for each in self._store.standing()
                 if each.rater == rater}  # fmt: skip
        return [image for image in batch.images if image not in given]

    @property
    def _question(self) -> Any:
        if not self._collection.questions.asked:
            raise RequestError("the loop needs classes to label: serve a run")
        return self._collection.questions.asked[0]

    @property
    def _outputs(self) -> int:
        return len(self._question.choices)

    def _require_features(self) -> np.ndarray:
        if self._collection.features is None:
            raise RequestError("the loop needs the features of a model: serve a run")
        return self._collection.features

    @cached_property
    def _features(self) -> np.ndarray:
        return standardised(self._require_features())

    @cached_property
    def _points(self) -> np.ndarray:
        return clustering_points(self._features)


def choose_batch(
    features: np.ndarray, points: np.ndarray, layer: LastLayer | None, labels: int,
    known: np.ndarray, random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Rows of the random and of the most useful images of a batch.

    features, points: of all N images, standardised and to find clusters in. layer: as fitted to so
    many labels, None before. known: (N,) of bool, images that cannot be chosen.
    """
    free = np.flatnonzero(~known)
    drawn = random.choice(free, min(_RANDOM, len(free)), replace=False)
    known = known.copy()
    known[drawn] = True
    if layer is None or labels < TYPICAL_PER_CLASS * len(layer.bias):
        return drawn, typical_images(points, known, BATCH - _RANDOM, random)
    return drawn, undecided_images(layer.probabilities(features), known, BATCH - _RANDOM)


def learning_curve(taught: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    """Points of the learning curve: accuracy with Wilson's 95 % interval, of _POINT images or more.

    taught: (n,) the number of labels behind each prediction, in the order of the batches. right:
    (n,) of bool. The first point may be of fewer images; the last one is the most wanted.

    >>> curve = learning_curve(np.repeat([25, 50, 75], 12), np.ones(36, bool))
    >>> [(each["labels"], each["n"]) for each in curve]
    [(25.0, 12), (62.5, 24)]
    """
    points: list[dict[str, Any]] = []
    # A batch is not divided: all of its predictions are of one classifier.
    starts, end = [0, *(np.flatnonzero(np.diff(taught)) + 1).tolist()], len(taught)
    for start in reversed(starts):
        number = end - start
        if number and (number >= _POINT or start == 0):
            hits = int(right[start:end].sum())
            low, high = wilson_interval(hits, number) or (0.0, 1.0)
            points.append({"labels": _mean(taught[start:end]), "n": number,
                           "accuracy": hits / number, "low": low, "high": high})  # fmt: skip
            end = start
    return points[::-1]


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values))
