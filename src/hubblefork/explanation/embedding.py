"""Images laid out on a plane, like beside like, as a network sees them.

found = feature_map(features, labels, names, "tsne")
found.save("map.png", images)

PCA keeps distances as they are along the two widest directions. t-SNE (van der Maaten and Hinton
2008) and UMAP (McInnes et al. 2018) keep neighbours together; how far groups lie apart, and how
large they are, means little there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.files import replacing
from hubblefork.core.sampling import stable_sample
from hubblefork.report.figures import sheet_png
from hubblefork.report.style import INK, MUTED, WEDGES, styled, wrapped

# Images of the smallest map: t-SNE needs some neighbours of each.
FEWEST = 4

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}

# Images on a map: t-SNE of so many takes about half a minute on one core, and more points
# cover one another.
MOST = 2_000

# Features are first reduced to so many directions, as van der Maaten and Hinton do.
_DIRECTIONS = 50

# Of neighbours that t-SNE keeps together: its makers' value; fewer where images are few.
_PERPLEXITY = 30

# Thumbnails along a side of the map, and inches of the map's side.
_THUMBNAILS, _SIDE = 14, 5.2

# With the colours, these tell 28 classes apart.
_MARKS = "osD^"


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Places of M images on a plane.

    method: `pca`, `tsne` or `umap`.
    places: (M, 2) float32, each axis from 0 to 1.
    rows: (M,) which of the images these are; all, or as many as a map has room for.
    labels: (M,) their classes, indices into `names`.
    """

    method: str
    places: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    def table(self, ids: Sequence[str]) -> pd.DataFrame:
        """id, x, y and class of each; `ids` are those of all images."""
        return pd.DataFrame(
            {
                "id": np.asarray(ids, dtype=object)[self.rows],
                "x": self.places[:, 0],
                "y": self.places[:, 1],
                "class": np.array(self.names, dtype=object)[self.labels],
            }
        )

    def thumbnail_places(self) -> np.ndarray:
        """Which of the M stand for the others: the one nearest the middle of each occupied cell."""
        cells = np.minimum((self.places * _THUMBNAILS).astype(int), _THUMBNAILS - 1)
        off = np.abs(self.places - (cells + 0.5) / _THUMBNAILS).max(axis=1)
        order = np.argsort(off, kind="stable")
        number = cells[order, 0] * _THUMBNAILS + cells[order, 1]
        return order[np.unique(number, return_index=True)[1]]

    def figure(self, images: dict[int, np.ndarray] | None = None) -> Figure:
        """The points by class and, with images, the same map in thumbnails.

        images: (H, W) or (H, W, 3) uint8 by the numbers `rows[thumbnail_places()]`.
        """
        panels = 2 if images else 1
        with styled(self.names) as labels:
            figure = Figure(figsize=(panels * (_SIDE + 0.1), _SIDE + 1.2), layout="constrained")
            axes = figure.subplots(1, panels, squeeze=False)[0]
            self._points(axes[0], labels)
            if images:
                self._thumbnails(axes[1], images)
            figure.legend(loc="outside lower center", ncols=4, fontsize=8)
        return figure

    def save(self, path: str | Path, images: dict[int, np.ndarray] | None = None) -> None:
        """Write the figure as a PNG file."""
        with replacing(path, binary=True) as file:
            file.write(sheet_png(self.figure(images)))

    def _points(self, axes: Axes, labels: dict[str, str]) -> None:
        # The commonest first, so that the rare ones lie on top; those beyond the marks are grey.
        order = np.argsort(-np.bincount(self.labels, minlength=len(self.names)), kind="stable")
        told = len(WEDGES) * len(_MARKS)
        size = np.clip(8_000 / len(self.places), 9, 36)  # fewer points can be larger
        for place, label in enumerate(order):
            points = self.places[self.labels == label]
            if len(points):
                rare = place >= told - 1 and len(order) > told
                mark = "o" if rare else _MARKS[place // len(WEDGES) % len(_MARKS)]
                axes.scatter(
                    *points.T, s=size, marker=mark, linewidths=0, alpha=0.8,
                    color=MUTED if rare else WEDGES[place % len(WEDGES)],
                    label="" if rare else wrapped(labels[self.names[label]], 30, 1),
                )  # fmt: skip
        _frame(axes, f"{METHODS[self.method]}: each point an image")

    def _thumbnails(self, axes: Axes, images: dict[int, np.ndarray]) -> None:
        half = 0.48 / _THUMBNAILS
        for place in self.thumbnail_places():
            x, y = (np.floor(self.places[place] * _THUMBNAILS).clip(0, _THUMBNAILS - 1) + 0.5) / (
                _THUMBNAILS
            )
            axes.imshow(
                images[int(self.rows[place])], "gray", vmin=0, vmax=255, aspect="auto",
                extent=(x - half, x + half, y - half, y + half), interpolation="antialiased",
            )  # fmt: skip
        _frame(axes, "one image of each place")


def feature_map(
    features: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    method: str = "tsne",
    most: int = MOST,
    seed: int = 0,
) -> FeatureMap:
    """Lay out images by their features.

    Parameters
    ----------
    features
        (N, F) of N images, 4 or more.
    labels, names
        The class of each image (N,), and the names of the classes.
    method
        `pca`, `tsne`, or `umap` where umap-learn is installed (the extra `umap`).
    most, seed
        Of more images than this, so many are drawn by chance.

    Raises RequestError for too few images, an unknown method, and where umap-learn is missing.

    >>> random = np.random.default_rng(0)
    >>> crowds = random.normal(size=(60, 5)) + 20 * np.repeat([[0], [1]], 30, axis=0)
    >>> found = feature_map(crowds, np.repeat([0, 1], 30), ["near", "far"], "pca")
    >>> abs(found.places[:30, 0].mean() - found.places[30:, 0].mean()) > 0.5
    np.True_
    >>> found.table([str(place) for place in range(60)]).columns.tolist()
    ['id', 'x', 'y', 'class']
    """
    if method not in METHODS:
        raise RequestError(f"no map is called {method!r}; {nearest(method, METHODS)}")
    if len(features) < FEWEST:
        raise RequestError(f"{len(features)} images: a map needs {FEWEST} or more")
    rows = stable_sample(np.arange(len(features)), most, seed)
    places = _lay_out(_reduced(features[rows], seed), method, seed)
    low, high = places.min(axis=0), places.max(axis=0)
    places = (places - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    return FeatureMap(method, places.astype(np.float32), rows, labels[rows], tuple(names))


def _reduced(features: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    number = min(_DIRECTIONS, *features.shape)
    with np.errstate(invalid="ignore"):  # shares of the variance, where there is none
        return PCA(number, random_state=seed).fit_transform(features)


def _lay_out(reduced: np.ndarray, method: str, seed: int) -> np.ndarray:
    if method == "pca" or reduced.shape[1] < 2:
        return np.pad(reduced[:, :2], ((0, 0), (0, max(0, 2 - reduced.shape[1]))))
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(_PERPLEXITY, (len(reduced) - 1) / 3)
        return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced)
    try:
        from umap import UMAP
    except ImportError as error:
        raise RequestError(
            "a map by umap needs umap-learn: pip install 'hubblefork[umap]', or take tsne"
        ) from error
    return UMAP(random_state=seed, n_jobs=1).fit_transform(reduced)


def _frame(axes: Axes, title: str) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[], yticks=[])
    axes.set_title(title, fontsize=9.5, color=INK)
    axes.set_aspect("equal")
