"""Queues: images in an order that says which are worth a look first.

A queue is a word of the query by which images are asked for (`queue=least-certain`), beside the
filters, so every page that filters can show one, and each label says by which it was given.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.text import several
from hubblefork.workbench.audit import AUDIT, is_random, random_order
from hubblefork.workbench.data import OF_THE_MODEL, Collection
from hubblefork.workbench.questions import Question
from hubblefork.workbench.raters import beside
from hubblefork.workbench.store import Answer, LabelStore, by_image


@dataclass(frozen=True)
class Queue:
    """name, title and text: in an address, as a title, and which images come first, in words.

    rows: gives their rows; None where there is nothing to order by, and `missing` says what is
    needed. tells: whether to be offered an image by it tells something of what a model predicts.
    """

    name: str
    title: str
    text: str
    rows: Callable[[], np.ndarray] | None
    missing: str = ""
    tells: bool = True


class Queues:
    """The queues of a collection, some of which depend on the labels that are given."""

    def __init__(self, collection: Collection, store: LabelStore) -> None:
        self._collection, self._store = collection, store
        every = [*self._of_a_model(), *self._of_raters(), *self._of_two_runs()]
        self.by_name = {queue.name: queue for queue in every}

    def rows(self, query: Mapping[str, str], rater: str | None = None) -> np.ndarray:
        """The rows that are wanted, (n,) int64.

        query: as `Collection.rows` takes it, and a `queue`, whose order holds unless an `order` is
        given. rater: leave out what this one has answered. Of the random audit only what was
        answered in it is left out: it would else be a sample of what other queues have left.
        Raises RequestError for anything else.
        """
        filters = {name: each for name, each in query.items() if name not in ("queue", "at")}
        rows = self._collection.rows(filters)
        if "queue" in query:
            queued = self._queued(query["queue"])
            ordered = filters.get("order")
            rows = rows[np.isin(rows, queued)] if ordered else queued[np.isin(queued, rows)]
        return rows if rater is None else self.left(rows, rater, query.get("queue") == AUDIT)

    def left(self, rows: np.ndarray, rater: str, audit: bool = False) -> np.ndarray:
        """The rows that a rater has not answered; with `audit`, not as a part of the audit."""
        answered = [
            self._collection.row((each.image, each.digest))
            for each in self._store.given()
            if each.rater == rater and (not audit or is_random(each))
        ]
        return rows[~np.isin(rows, [row for row in answered if row is not None])]

    def tells(self, query: Mapping[str, str]) -> bool:
        """Whether to be offered images by this query tells something of their predictions."""
        queue = self.by_name.get(query.get("queue", ""))
        told = {query.get("order", "").removeprefix("-"), query.get("colour", ""), *query}
        return bool(queue and queue.tells) or not told.isdisjoint(OF_THE_MODEL)

    def to_json(self, rater: str) -> list[dict[str, Any]]:
        """Each queue as the page takes it; left: the images that this rater has not answered."""
        return [
            {"name": each.name, "title": each.title, "text": each.text, "tells": each.tells}
            | ({"missing": each.missing} if each.rows is None else self._numbers(each.name, rater))
            for each in self.by_name.values()
        ]

    def _numbers(self, name: str, rater: str) -> dict[str, int]:
        query = {"queue": name}
        return {"images": len(self.rows(query)), "left": len(self.rows(query, rater))}

    def _queued(self, name: str) -> np.ndarray:
        if name not in self.by_name:
            raise RequestError(f"no queue is called {name!r}; {nearest(name, self.by_name)}")
        queue = self.by_name[name]
        if queue.rows is None:
            raise RequestError(f"the queue {name} needs {queue.missing}")
        return queue.rows()

    def _of_a_model(self) -> list[Queue]:
        collection = self._collection
        found, true, suspects = collection.predictions, collection.true, collection.mislabels
        asked, task = collection.questions.asked, collection.questions.task
        values = None if found is None else np.nan_to_num(found.values)
        typicality = None if found is None else found.typicality
        wrong = ""
        if suspects is not None:
            wrong = f"{int(suspects['likely'].sum()):,} of {several(len(suspects), 'label')} are "
            wrong += f"likely wrong. {collection.about_mislabels}"
        return [
            Queue(
                "least-certain", "Least certain",
                "The two most probable answers to the first question are closest.",
                None if values is None or not asked else lambda: least_certain(values, asked[0]),
                "a model: serve a run",
            ),
            Queue(
                "mistakes", "Most confident mistakes",
                "The prediction is furthest from the label.",
                None if values is None or true is None else lambda: task.worst(true, values),
                "a model and images with labels",
            ),
            Queue(
                "mislabels", "Likely mislabels",
                "The label is least probable by a network that was trained without the image. "
                + wrong,
                None if suspects is None else lambda: suspects["row"].to_numpy(np.int64),
                collection.about_mislabels,
            ),
            Queue(
                "least-typical", "Least typical",
                "The image is least like those that the model was trained on.",
                None
                if typicality is None
                else lambda: np.argsort(typicality, kind="stable"),
                "a model that knows typicality",
            ),
        ]  # fmt: skip

    def _of_raters(self) -> list[Queue]:
        collection, store = self._collection, self._store
        name = collection.questions.beside.lower() or "label"
        return [
            Queue(
                "raters-differ", "Raters differ",
                "Most pairs of raters have given different answers.",
                lambda: _rows(collection, raters_differ(store.standing())), tells=False,
            ),
            Queue(
                "labels-differ", f"Raters differ from the {name}",
                f"An answer has the smallest fraction of the {name}, below one half.",
                None
                if collection.true is None
                else lambda: _rows(collection, labels_differ(collection, store.standing())),
                "images with labels", tells=False,
            ),
            Queue(
                AUDIT, "Random audit",
                "A random order that owes nothing to predictions or labels. What is answered in "
                "its turn is a random sample of all images: by it accuracy is measured and a "
                "model calibrated, whatever is chosen otherwise.",
                lambda: self._random_order, tells=False,
            ),
        ]  # fmt: skip

    def _of_two_runs(self) -> list[Queue]:
        pair, missing = self._collection.pair, "a second run: serve RUN --compare RUN2"
        return [
            Queue(
                "runs-differ", "Two runs differ",
                "The predictions of the two runs are furthest apart.",
                None if pair is None else lambda: pair.differing, missing,
            ),
            Queue(
                "corrected", "Corrected by the second run",
                "Only the second run is right, and the difference is largest.",
                None if pair is None else lambda: pair.corrected, missing,
            ),
            Queue(
                "broken", "Broken by the second run",
                "Only the first run is right, and the difference is largest.",
                None if pair is None else lambda: pair.broken, missing,
            ),
        ]  # fmt: skip

    @cached_property
    def _random_order(self) -> np.ndarray:
        collection = self._collection
        return random_order([collection.image(row) for row in range(len(collection))])


def least_certain(values: np.ndarray, question: Question) -> np.ndarray:
    """(N,) rows of predictions (N, K) by the margin between the two largest answers to a question.

    For classes it is the order of `evaluation.misclassified.least_certain`.
    """
    own = np.sort(values[:, question.start : question.start + len(question.choices)], axis=1)
    return np.argsort(own[:, -1] - own[:, -2], kind="stable")


def raters_differ(answers: Sequence[Answer]) -> dict[tuple[str, str], float]:
    """The images with different answers, and the fraction of pairs of raters that agree."""
    agreed = {}
    for image, given in by_image(answers).items():
        counts = Counter(each.answer for each in given)
        same = sum(number * (number - 1) for number in counts.values())
        if (pairs := len(given) * (len(given) - 1)) > same:
            agreed[image] = same / pairs
    return agreed


def labels_differ(
    collection: Collection, answers: Sequence[Answer]
) -> dict[tuple[str, str], float]:
    """The images with an answer whose fraction of the label is below one half, and the least."""
    least: dict[tuple[str, str], float] = {}
    for each in answers:
        image = each.image, each.digest
        if (row := collection.row(image)) is not None:
            own = [fractions[k] for _, k, fractions in beside(collection, row, each.answer)]
            least[image] = min([least.get(image, 1.0), *own])
    return {image: fraction for image, fraction in least.items() if fraction < 0.5}


def _rows(collection: Collection, images: Mapping[tuple[str, str], float]) -> np.ndarray:
    """The rows of images that are still there, the smallest value first."""
    rows = {collection.row(image): value for image, value in images.items()}
    rows.pop(None, None)
    return np.array(sorted(rows, key=lambda row: (rows[row], row)), np.int64)
