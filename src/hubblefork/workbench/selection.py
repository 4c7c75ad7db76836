"""Which images to label next: typical ones first, then those between two classes.

While there are few labels, a classifier does not know what it does not know: one image is taken of
each cluster of features that has none yet, the one with the nearest neighbours (TypiClust: Hacohen
et al. 2022, arXiv 2202.02794). Later come those whose two most probable classes are closest in
probability. Both, in this order, are TCM (Doucet et al. 2024, arXiv 2403.03728).
"""

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors

from hubblefork.evaluation.components import principal_components

# Typical images until there are so many labels a class.
TYPICAL_PER_CLASS = 5
# Clusters are found in so many principal components: in a second for 26,000 images.
_COMPONENTS = 32
# As in the paper: neighbours that make an image typical, and the most clusters.
_NEIGHBOURS = 20
_MOST_CLUSTERS = 500
# Images, drawn at random, among which typical ones are looked for.
_MOST_IMAGES = 30_000


def clustering_points(features: np.ndarray) -> np.ndarray:
    """The principal components (N, D) of standardised features (N, F), to find clusters in."""
    return principal_components(features, _COMPONENTS, "randomized")


def typical_images(
    points: np.ndarray, known: np.ndarray, number: int, random: np.random.Generator
) -> np.ndarray:
    """Rows of the most typical images of the clusters that are covered least, the largest first.

    points: (N, D). known: (N,) of bool, the images that are not looked for: they have labels, or
    will have. There are as many clusters as known and wanted images.

    >>> points = np.array([[0.0], [0.1], [0.2], [0.3], [5.0], [5.1], [5.2]])
    >>> known = np.array([True, *[False] * 6])
    >>> typical_images(points, known, 1, np.random.default_rng(0)).tolist()
    [5]
    """
    drawn = np.arange(len(points))
    if len(points) > _MOST_IMAGES:
        free = random.choice(np.flatnonzero(~known), _MOST_IMAGES - known.sum(), replace=False)
        drawn = np.union1d(np.flatnonzero(known), free)
    points, known = points[drawn], known[drawn]
    clusters = min(int(known.sum()) + number, _MOST_CLUSTERS, len(points))
    seed = int(random.integers(1 << 31))
    kmeans = MiniBatchKMeans(clusters, n_init=3, batch_size=4096, random_state=seed)
    cluster = kmeans.fit_predict(points)
    size = np.bincount(cluster, minlength=clusters)
    covered = np.bincount(cluster[known], minlength=clusters)
    chosen: list[int] = []
    for _ in range(min(number, int((~known).sum()))):
        order = np.lexsort((-size, covered, covered >= size))
        rows = np.flatnonzero(cluster == order[0])
        score = np.where(known[rows] | np.isin(rows, chosen), -np.inf, typicality(points[rows]))
        chosen.append(int(rows[score.argmax()]))
        covered[order[0]] += 1
    return drawn[chosen]


def typicality(points: np.ndarray, neighbours: int = _NEIGHBOURS) -> np.ndarray:
    """(n,) the inverse of the mean distance of each of these points (n, D) to its neighbours.

    >>> typicality(np.array([[0.0], [1.0], [3.0]]), neighbours=2).round(2)
    array([0.5 , 0.67, 0.4 ])
    """
    number = min(neighbours, len(points) - 1)
    if number == 0:
        return np.ones(1)
    distances, _ = NearestNeighbors(n_neighbors=number + 1).fit(points).kneighbors(points)
    return 1 / (distances[:, 1:].mean(axis=1) + 1e-7)


def undecided_images(probabilities: np.ndarray, known: np.ndarray, number: int) -> np.ndarray:
    """Rows of the images with the smallest difference of the two highest probabilities (N, K).

    >>> probabilities = np.array([[0.5, 0.5, 0.0], [0.8, 0.1, 0.1], [0.4, 0.1, 0.5]])
    >>> undecided_images(probabilities, np.array([True, False, False]), 1)
    array([2])
    """
    second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
    margin = np.where(known, np.inf, first - second)
    number = min(number, int((~known).sum()))
    return np.argsort(margin, kind="stable")[:number]
