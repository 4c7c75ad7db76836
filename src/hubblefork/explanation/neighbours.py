"""Nearest neighbours: the training images with the most similar features.

If the neighbours of a misclassified image have the wrong class too, the features do not distinguish
the classes, or the labels of the neighbours are wrong.
"""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.progress import say

# With more reference images than this, an index is faster than comparing with every one.
INDEXED_ABOVE = 1_000_000

# Similarities of a block: some tens of megabytes.
_BLOCK = 8_000_000

# Links of each image in the graph of the index; its authors recommend this for accuracy.
_LINKS = 32

# Nodes of the graph that are searched for each image: enough to find nearly all neighbours.
_SEARCHED = 256


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k most similar reference images of each of N images, the most similar first.

    rows: (N, k) indices of reference images.
    similarity: (N, k) float32, cosine similarity of the features, from -1 to 1.
    """

    rows: np.ndarray
    similarity: np.ndarray

    def table(
        self,
        ids: Sequence[str] | np.ndarray,
        reference_ids: Sequence[str] | np.ndarray,
        reference_labels: Sequence[str] | np.ndarray,
    ) -> pd.DataFrame:
        """One row for each neighbour: id, rank (from 1), neighbour, label and similarity."""
        number, k = self.rows.shape
        flat = self.rows.ravel()
        return pd.DataFrame(
            {
                "id": np.repeat(np.asarray(ids, dtype=object), k),
                "rank": np.tile(np.arange(1, k + 1), number),
                "neighbour": np.asarray(reference_ids, dtype=object)[flat],
                "label": np.asarray(reference_labels, dtype=object)[flat],
                "similarity": self.similarity.ravel(),
            }
        )


class NeighbourIndex:
    """Reference images by their features (M, F), ready to be searched.

    Up to a million are compared one by one; of more, the library faiss, where it is installed,
    finds nearly all of the nearest by a graph of neighbours (Malkov and Yashunin 2018).
    """

    def __init__(self, reference: np.ndarray):
        self._reference = _unit(reference)
        self._graph: Any = None
        if len(reference) <= INDEXED_ABOVE:
            return
        if not importlib.util.find_spec("faiss"):
            say(
                f"comparing with every one of {len(reference):,} images; with the extra 'index' "
                "(pip install 'hubblefork[index]') the nearest are found faster"
            )
            return
        import faiss

        self._graph = faiss.IndexHNSWFlat(reference.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
        self._graph.add(self._reference)

    def nearest(self, features: np.ndarray, k: int = 8) -> Neighbours:
        """The k reference images with the most similar features, or all if there are fewer.

        features: (N, F) of the query images; or (N, V, F) in V views of each, of which the most
        similar one counts.
        """
        k = min(k, len(self._reference))
        views = 1 if features.ndim == 2 else features.shape[1]
        queries = _unit(features.reshape(-1, features.shape[-1]))
        if self._graph is None:
            return self._by_comparison(queries, k, views)
        return self._by_graph(queries, k, views)

    def _by_comparison(self, queries: np.ndarray, k: int, views: int) -> Neighbours:
        rows, similarity = [], []
        step = views * max(1, _BLOCK // (views * len(self._reference)))
        for start in range(0, len(queries), step):
            block = queries[start : start + step] @ self._reference.T
            block = block.reshape(-1, views, len(self._reference)).max(axis=1)
            nearest = np.argpartition(-block, k - 1, axis=1)[:, :k]
            values = np.take_along_axis(block, nearest, axis=1)
            order = np.argsort(-values, axis=1, kind="stable")
            rows.append(np.take_along_axis(nearest, order, axis=1))
            similarity.append(np.take_along_axis(values, order, axis=1))
        return Neighbours(np.concatenate(rows), np.concatenate(similarity))

    def _by_graph(self, queries: np.ndarray, k: int, views: int) -> Neighbours:
        self._graph.hnsw.efSearch = max(_SEARCHED, 2 * k)
        _, found = self._graph.search(queries, k)
        rows, similarity = [], []
        for each, candidates in zip(
            queries.reshape(-1, views, queries.shape[1]), found.reshape(-1, views * k), strict=True
        ):
            different = np.unique(candidates)
            values = (each @ self._reference[different].T).max(axis=0)
            order = np.argsort(-values, kind="stable")[:k]
            rows.append(different[order])
            similarity.append(values[order])
        return Neighbours(np.stack(rows), np.stack(similarity))


@dataclass(frozen=True, eq=False)
class ReferenceImages:
    """M labelled images to compare others with: the training images of a model.

    features: (M, F) of the images as they are, as `compute_features` gives them.
    ids: (M,) text. labels: (M,) classes or (M, answers) fractions of votes; descriptions: (M,) the
    same in words.
    image: gives the image of an index, as uint8 (H, W, C).
    """

    features: np.ndarray
    ids: Sequence[str] | np.ndarray
    labels: np.ndarray
    descriptions: Sequence[str] | np.ndarray
    image: Callable[[int], np.ndarray]

    @cached_property
    def index(self) -> NeighbourIndex:
        """For finding the nearest of them."""
        return NeighbourIndex(self.features)

    def nearest_others(
        self, image: np.ndarray, identifier: str, features: np.ndarray, k: int
    ) -> tuple[Neighbours, bool]:
        """The k nearest to one image, without the image itself: none of its id or its pixels.

        image: uint8 (H, W, C). features: as `NeighbourIndex.nearest` takes them. Fewer than k where
        there are no more. The second result is whether its very pixels are among these images.
        """
        asked = k + 1
        while True:
            found = self.index.nearest(features, asked)
            rows = found.rows[0]
            same = np.array([np.array_equal(self.image(row), image) for row in rows], bool)
            others = np.flatnonzero(~same & (np.asarray(self.ids, object)[rows] != identifier))
            if len(others) >= k or asked >= len(self.ids):
                kept = others[:k]
                return Neighbours(found.rows[:, kept], found.similarity[:, kept]), bool(same.any())
            asked *= 2  # there are many copies of it


def nearest_neighbours(features: np.ndarray, reference: np.ndarray, k: int = 8) -> Neighbours:
    """The k reference images (M, F) with the most similar features.

    Takes what `NeighbourIndex` and its `nearest` take.

    >>> found = nearest_neighbours(np.array([[1.0, 0.1]]), np.array([[0, 2], [5, 0], [-1, 0]]), 2)
    >>> found.rows.tolist(), found.similarity.argmax().item()
    ([[1, 0]], 0)
    """
    return NeighbourIndex(reference).nearest(features, k)


def _unit(features: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float32; a row of zeros stays zero."""
    values = np.asarray(features, dtype=np.float32)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.ascontiguousarray(values / np.maximum(length, np.finfo(np.float32).tiny))
