"""The training images that a network finds most like an image.

They tell what an answer was drawn from: where a wrong answer has neighbours of the wrong class,
the network sees no difference; where it has wrongly labelled ones, the labels are at fault.
"""

import importlib.util
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hubblefork.core.progress import say
from hubblefork.core.text import listed
from hubblefork.explanation.tiles import Group, save_sheet, sheet
from hubblefork.report.run_data import displayable
from hubblefork.report.style import wrapped

# Above so many training images, comparing with every one takes longer than an index.
INDEXED_ABOVE = 1_000_000

# Inches of an image's side: nine of them fill the width of a sheet.
_SIDE = 1.1

# Letters of a title on an inch.
_LETTERS = 14

# Numbers of a block of similarities: some tens of megabytes.
_BLOCK = 8_000_000

# Links of each image in the index's graph, the value that its makers recommend for accuracy.
_LINKS = 32

# Places of the graph that are looked at for each image: with these, nearly all are found.
_SEARCHED = 256


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k most similar known images for each of N, the most similar first.

    rows: (N, k) places among the known ones.
    similarity: (N, k) float32, the cosine between the features, from -1 to 1.
    """

    rows: np.ndarray
    similarity: np.ndarray

    def table(
        self, ids: Sequence[str], known_ids: Sequence[str], known_labels: Sequence[str]
    ) -> pd.DataFrame:
        """One row for each neighbour: id, rank (from 1), neighbour, label and similarity."""
        number, k = self.rows.shape
        flat = self.rows.ravel()
        return pd.DataFrame(
            {
                "id": np.repeat(np.asarray(ids, dtype=object), k),
                "rank": np.tile(np.arange(1, k + 1), number),
                "neighbour": np.asarray(known_ids, dtype=object)[flat],
                "label": np.asarray(known_labels, dtype=object)[flat],
                "similarity": self.similarity.ravel(),
            }
        )

    def figure(
        self,
        images: np.ndarray,
        known_images: np.ndarray,
        known_labels: Sequence[str],
        most: int = 6,
    ) -> Figure:
        """The first `most` images, each followed by those most like it.

        images: (N, H, W, C) uint8; known_images and known_labels of all M known ones.
        """
        groups = []
        for image, rows in zip(images[:most], self.rows[:most], strict=True):
            labels = Counter(known_labels[row] for row in rows).most_common()
            title = "most like the first: " + listed([f"{count} {name}" for name, count in labels])
            shown = [image, *(known_images[row] for row in rows)]
            group = Group(title, [displayable(each) for each in shown], _SIDE)
            groups.append(replace(group, title=wrapped(title, int(_LETTERS * group.width), 1)))
        return sheet(groups)

    def save(
        self,
        path: str | Path,
        images: np.ndarray,
        known_images: np.ndarray,
        known_labels: Sequence[str],
        most: int = 6,
    ) -> None:
        """Write the figure as a PNG file."""
        save_sheet(self.figure(images, known_images, known_labels, most), path)


class NeighbourIndex:
    """Known images by their features (M, F), ready to be searched.

    Up to a million, all are compared; above, the library faiss finds nearly all of the nearest,
    by a graph of near neighbours (Malkov and Yashunin 2018), where it is installed.
    """

    def __init__(self, known: np.ndarray):
        self._known = _unit(known)
        self._graph = None
        if len(known) <= INDEXED_ABOVE:
            return
        if not importlib.util.find_spec("faiss"):
            say(
                f"comparing with every one of {len(known):,} images; with the extra 'index' "
                "(pip install 'hubblefork[index]') the nearest are found faster"
            )
            return
        import faiss

        self._graph = faiss.IndexHNSWFlat(known.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
        self._graph.add(self._known)

    def nearest(self, features: np.ndarray, k: int = 8) -> Neighbours:
        """Find the k known images with the most similar features, or all if there are fewer.

        features: (N, F) of the images that are asked about; or (N, S, F), on S sides of each, of
        which the most similar one counts.
        """
        k = min(k, len(self._known))
        sides = 1 if features.ndim == 2 else features.shape[1]
        asked = _unit(features.reshape(-1, features.shape[-1]))
        if self._graph is None:
            return self._by_comparison(asked, k, sides)
        return self._by_graph(asked, k, sides)

    def _by_comparison(self, asked: np.ndarray, k: int, sides: int) -> Neighbours:
        rows, similarity = [], []
        step = sides * max(1, _BLOCK // (sides * len(self._known)))
        for start in range(0, len(asked), step):
            block = asked[start : start + step] @ self._known.T
            block = block.reshape(-1, sides, len(self._known)).max(axis=1)
            nearest = np.argpartition(-block, k - 1, axis=1)[:, :k]
            values = np.take_along_axis(block, nearest, axis=1)
            order = np.argsort(-values, axis=1, kind="stable")
            rows.append(np.take_along_axis(nearest, order, axis=1))
            similarity.append(np.take_along_axis(values, order, axis=1))
        return Neighbours(np.concatenate(rows), np.concatenate(similarity))

    def _by_graph(self, asked: np.ndarray, k: int, sides: int) -> Neighbours:
        self._graph.hnsw.efSearch = max(_SEARCHED, 2 * k)
        _, found = self._graph.search(asked, k)
        rows, similarity = [], []
        for each, candidates in zip(
            asked.reshape(-1, sides, asked.shape[1]), found.reshape(-1, sides * k), strict=True
        ):
            different = np.unique(candidates)
            values = (each @ self._known[different].T).max(axis=0)
            order = np.argsort(-values, kind="stable")[:k]
            rows.append(different[order])
            similarity.append(values[order])
        return Neighbours(np.stack(rows), np.stack(similarity))


def nearest_neighbours(features: np.ndarray, known: np.ndarray, k: int = 8) -> Neighbours:
    """Find the k known images (M, F) with the most similar features, once.

    Takes what `NeighbourIndex` and its `nearest` take.

    >>> found = nearest_neighbours(np.array([[1.0, 0.1]]), np.array([[0, 2], [5, 0], [-1, 0]]), 2)
    >>> found.rows.tolist(), found.similarity.argmax().item()
    ([[1, 0]], 0)
    """
    return NeighbourIndex(known).nearest(features, k)


def _unit(features: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; a row of zeros stays so."""
    values = np.asarray(features, dtype=np.float32)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.ascontiguousarray(values / np.maximum(length, np.finfo(np.float32).tiny))
