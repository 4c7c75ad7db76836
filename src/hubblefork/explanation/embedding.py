"""Embedding: positions of images on a plane by the features of a network, similar ones together.

found = embedding(features, labels, names, "tsne")
found.table(ids)  # id, x, y and class of each

PCA preserves distances along the two directions of the largest variance. t-SNE (van der Maaten and
Hinton 2008) and UMAP (McInnes et al. 2018) preserve neighbours; their distances between groups, and
the sizes of groups, have little meaning.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.sampling import stable_sample
from hubblefork.evaluation.components import principal_components

# The fewest images: t-SNE needs some neighbours of each.
FEWEST = 4

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}

# The most images: t-SNE of 2,000 takes about half a minute on one core, and more points cover one
# another.
MOST = 2_000

# Principal components that features are first reduced to, as van der Maaten and Hinton do.
_COMPONENTS = 50

# Perplexity of t-SNE: its authors' value; less where images are few.
_PERPLEXITY = 30

# Cells along a side, each represented by one image.
CELLS = 14


@dataclass(frozen=True, eq=False)
class Embedding:
    """Positions of M images on a plane.

    method: `pca`, `tsne` or `umap`.
    positions: (M, 2) float32, each axis from 0 to 1.
    rows: (M,) which images these are; a random sample where there are many.
    labels: (M,) their classes, indices into `names`.
    """

    method: str
    positions: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    def table(self, ids: Sequence[str] | np.ndarray) -> pd.DataFrame:
        """id, x, y and class of each; `ids` are those of all images."""
        return pd.DataFrame(
            {
                "id": np.asarray(ids, dtype=object)[self.rows],
                "x": self.positions[:, 0],
                "y": self.positions[:, 1],
                "class": np.array(self.names, dtype=object)[self.labels],
            }
        )

    def representatives(self) -> np.ndarray:
        """Indices (from 0 to M) of images, the one nearest to the centre of each occupied cell."""
        cells = np.minimum((self.positions * CELLS).astype(int), CELLS - 1)
        offset = np.abs(self.positions - (cells + 0.5) / CELLS).max(axis=1)
        order = np.argsort(offset, kind="stable")
        number = cells[order, 0] * CELLS + cells[order, 1]
        return order[np.unique(number, return_index=True)[1]]


def embedding(
    features: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    method: str = "tsne",
    most: int = MOST,
) -> Embedding:
    """Compute positions of images on a plane from their features.

    Parameters
    ----------
    features
        (N, F) of N images, 4 or more.
    labels, names
        The class of each image (N,), as an index of the names.
    method
        `pca`, `tsne`, or `umap` where umap-learn is installed (the extra `umap`).
    most
        Of more images, a random sample of this size is used.

    Raises RequestError for too few images, an unknown method, features that are no finite numbers,
    and where umap-learn is missing.

    >>> random = np.random.default_rng(0)
    >>> groups = random.normal(size=(60, 5)) + 20 * np.repeat([[0], [1]], 30, axis=0)
    >>> found = embedding(groups, np.repeat([0, 1], 30), ["near", "far"], "pca")
    >>> abs(found.positions[:30, 0].mean() - found.positions[30:, 0].mean()) > 0.5
    np.True_
    >>> found.table([str(place) for place in range(60)]).columns.tolist()
    ['id', 'x', 'y', 'class']
    """
    if method not in METHODS:
        raise RequestError(f"no embedding is called {method!r}; {nearest(method, METHODS)}")
    if len(features) < FEWEST:
        raise RequestError(f"{len(features)} images: an embedding needs {FEWEST} or more")
    rows = stable_sample(np.arange(len(features)), most)
    positions = _laid_out(principal_components(features[rows], _COMPONENTS), method)
    low, width = positions.min(axis=0), np.ptp(positions, axis=0)
    positions = np.where(width > 0, (positions - low) / np.where(width > 0, width, 1), 0.5)
    return Embedding(method, positions.astype(np.float32), rows, labels[rows], tuple(names))


def _laid_out(reduced: np.ndarray, method: str) -> np.ndarray:
    nothing_differs = not reduced.any()
    if method == "pca" or reduced.shape[1] < 2 or (method == "tsne" and nothing_differs):
        return np.pad(reduced[:, :2], ((0, 0), (0, max(0, 2 - reduced.shape[1]))))
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(_PERPLEXITY, (len(reduced) - 1) / 3)
        return TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(reduced)
    try:
        from umap import UMAP
    except ImportError as error:
        raise RequestError(
            "an embedding by umap needs umap-learn: pip install 'hubblefork[umap]', or use tsne"
        ) from error
    return UMAP(random_state=0, n_jobs=1).fit_transform(reduced)
