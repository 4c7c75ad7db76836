"""Whom the model's prediction of an image was told, or given away to, before they answered.

Answering is blind only where neither the rater nor the browser knew. They know what a response
that was sent to them tells: the model's fractions, why it says so, an answer's comparison. They
also know something of an image that a page shows because of a prediction: in a queue, an order,
filters or colours that come from the model; pages say so by `/api/offered` before they show it.

What a rater was told is an event of the label store. What a browser was told holds for whoever
answers in it next, under whatever name, as long as the server runs: somebody looks around first,
and gives a name then. Images are known by their pixels, so that of a copy is known too.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable

from starlette.requests import Request

from hubblefork.workbench.data import Collection
from hubblefork.workbench.store import LabelStore


class Seen:
    """What each rater and each browser was told; safe to use from several threads."""

    def __init__(self, collection: Collection, store: LabelStore) -> None:
        self._collection, self._store = collection, store
        self._lock = threading.Lock()
        self._browsers: dict[str, set[str]] = defaultdict(set)

    def note(self, request: Request, rater: str, rows: Iterable[int]) -> None:
        """Note that what a model says of these rows is told; it is on the disk when this returns.

        RequestError for a row that is not there.
        """
        images = [self._collection.image(row) for row in rows]
        with self._lock:
            self._browsers[request.state.browser].update(digest for _, digest in images)
        self._store.show(rater, images)

    def in_browser(self, request: Request, row: int) -> bool:
        """Whether the browser that asks was told what a model says of a row."""
        _, digest = self._collection.image(row)
        with self._lock:
            return digest in self._browsers[request.state.browser]
