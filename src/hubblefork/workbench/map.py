"""The map: a place for each image, images of similar features near one another.

Places are those of `explanation/embedding.py` (t-SNE) for a sample. Each other image is placed
between those of the sample that are nearest to it in feature space, which takes seconds for a
million images.
"""

import threading
from functools import cached_property
from pathlib import Path

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.core.kept_arrays import keep_arrays, kept_arrays
from hubblefork.workbench.last_layer import standardised
from hubblefork.workbench.selection import clustering_points

# Of the sample: t-SNE takes a quarter of a minute for it.
SAMPLE = 3_000
# Images of the sample between which another one is placed.
_NEIGHBOURS = 8
# Places are whole numbers below this: browser and server agree on which are in an area.
SIDE = 1 << 16
MOST_CORNERS = 48


class ImageMap:
    """The map of some images; safe to use from several threads.

    features: (N, F), or None without a model. path: where the places are kept, or None.
    """

    def __init__(self, features: np.ndarray | None, path: Path | None = None) -> None:
        self._features, self._path = features, path
        self._lock = threading.Lock()
        self._computed: np.ndarray | None = None

    def compute(self) -> None:
        """Compute the places unless they are there. RequestError without a model."""
        if self._features is None:
            raise RequestError("the map needs the features of a model: serve a run")
        with self._lock:
            if self._known() is None:
                self._computed = places(self._features)
                if self._path is not None:
                    keep_arrays(self._path, places=self._computed)

    @property
    def places(self) -> np.ndarray:
        """(N, 2) uint16, x and y (downwards). RequestError where they are not computed yet."""
        with self._lock:
            found = self._known()
        if found is None:
            raise RequestError("the map is not there yet: open the page Map first")
        return found

    def inside(self, area: str) -> np.ndarray:
        """(N,) of bool, which images are in an area: `x.y-x.y-x.y`, its corners in their order."""
        return inside(self.places, corners(area))

    def _known(self) -> np.ndarray | None:
        if self._computed is None and self._features is not None:
            kept = (self._kept or {}).get("places")
            if kept is not None and kept.shape == (len(self._features), 2):
                self._computed = kept
        return self._computed

    @cached_property
    def _kept(self) -> dict[str, np.ndarray] | None:
        return None if self._path is None else kept_arrays(self._path)


def places(features: np.ndarray, sample: int = SAMPLE) -> np.ndarray:
    """Places (N, 2) uint16 of images by their features (N, F).

    >>> groups = np.repeat([[0.0], [9.0]], 40, axis=0) + np.random.default_rng(0).random((80, 4))
    >>> found = places(groups, sample=60).astype(int)
    >>> near = np.abs(found[:40] - found[0]).max()
    >>> near < np.abs(found[40:] - found[0]).max(axis=1).min()
    np.True_
    """
    from hubblefork.explanation.embedding import embedding  # loads no torch, but scikit-learn

    points = clustering_points(standardised(features))
    found = embedding(points, np.zeros(len(points), int), [""], most=sample)
    positions = np.empty((len(points), 2))
    positions[found.rows] = found.positions
    others = np.setdiff1d(np.arange(len(points)), found.rows)
    if len(others):
        positions[others] = _between(points[others], points[found.rows], found.positions)
    # Not up to the edges, so that an area of the whole map has all images inside.
    return (1 + positions * (SIDE - 3)).astype(np.uint16)


def _between(points: np.ndarray, sample: np.ndarray, positions: np.ndarray) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    number = min(_NEIGHBOURS, len(sample))
    index = NearestNeighbors(n_neighbors=number, algorithm="brute").fit(sample)
    distances, nearest = index.kneighbors(points)
    # The nearest counts most: between two groups of the map there is little that lies in neither.
    weights = 1 / np.maximum(distances, 1e-9) ** 4
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("nk,nkd->nd", weights, positions[nearest])


def corners(area: str) -> np.ndarray:
    """Corners (n, 2) int64 of an area as it is in an address; RequestError for anything else.

    >>> corners("0.0-9.0-9.9").tolist()
    [[0, 0], [9, 0], [9, 9]]
    """
    pairs = [each.split(".") for each in area.split("-")]
    right = 3 <= len(pairs) <= MOST_CORNERS and all(
        len(pair) == 2
        and all(each.isascii() and each.isdigit() and len(each) <= 5 for each in pair)
        for pair in pairs
    )
    if not right:
        raise RequestError(
            f"area: expected 3 to {MOST_CORNERS} corners, such as 0.0-9000.0-9000.9000"
        )
    return np.array(pairs).astype(np.int64)


def inside(places: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(N,) of bool, which places (N, 2) are inside a polygon of corners (n, 2): even-odd rule.

    >>> square = np.array([[0, 0], [9, 0], [9, 9], [0, 9]])
    >>> inside(np.array([[5, 5], [10, 5]]), square).tolist()
    [True, False]
    """
    x, y = places.T.astype(np.int64)
    within = np.zeros(len(places), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crossed = (y0 > y) != (y1 > y)
        left = (x - x0) * (y1 - y0) < (x1 - x0) * (y - y0)
        within ^= crossed & (left == (y1 > y0))
    return within
