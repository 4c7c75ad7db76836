"""How far an image lies from the training images, in the features of a network.

Mahalanobis' distance, as Lee et al. (2018, "A simple unified framework for detecting
out-of-distribution samples") use it, but from one Gaussian for all images: classes were measured
to add nothing, as Kamoi and Kobayashi (2020) found, and without them it serves fractions of votes
too. The distance relative to the whole (Ren et al. 2021) was measured to fail on images of
another kind altogether, which lie far out in both.
"""

from dataclasses import dataclass

import numpy as np

# Directions of the widest scatter that have a variance of their own. More of them were measured to
# add nothing to galaxies, and 32 of 4,096 features are half a megabyte.
_DIRECTIONS = 32
# Training images for each direction: fewer do not tell its variance.
_IMAGES_EACH = 10
# The least variance, as a share of all, so that a feature that never changed is not divided by 0.
_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class Outliers:
    """A Gaussian with D directions of their own variance and one variance for all the others.

    It is probabilistic principal component analysis (Tipping and Bishop 1999).

    mean: (F,) of the features.
    directions: (D, F), orthonormal.
    variances: (D,) along them.
    remainder: the variance along every other direction.
    """

    mean: np.ndarray
    directions: np.ndarray
    variances: np.ndarray
    remainder: float

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distances (N,) of features (N, F) from the mean."""
        offset = features - self.mean
        along = (offset @ self.directions.T) ** 2
        across = np.einsum("nf,nf->n", offset, offset) - along.sum(axis=1)
        return (along / self.variances).sum(axis=1) + np.maximum(across, 0) / self.remainder


def fit_outliers(features: np.ndarray) -> Outliers:
    """Fit a Gaussian to the features (N, F) of training images, N of 2 or more.

    >>> features = np.random.default_rng(0).normal(size=(50_000, 3)) * (1, 2, 0.5)
    >>> fitted = fit_outliers(features)
    >>> fitted.distance(np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]])).round()
    array([4., 1.])
    """
    from sklearn.decomposition import PCA

    number, width = features.shape
    wanted = max(1, min(_DIRECTIONS, width, number // _IMAGES_EACH))
    with np.errstate(invalid="ignore"):  # shares of the variance, where there is none
        found = PCA(wanted, random_state=0).fit(features)
    total = float(features.var(axis=0).sum())
    least = _LEAST * total if total > 0 else 1.0
    # The mean variance of the other directions (Tipping and Bishop 1999), those that so few
    # images cannot span included. Where none is left, or was seen, the least known stands for it.
    others = features.var(axis=0, ddof=1).sum() - found.explained_variance_.sum()
    remainder = others / (width - wanted) if width > wanted else 0.0
    if remainder <= 0:
        remainder = found.explained_variance_[-1]
    return Outliers(
        mean=found.mean_.astype(np.float32),
        directions=found.components_.astype(np.float32),
        variances=np.maximum(found.explained_variance_, least).astype(np.float32),
        remainder=float(max(remainder, least)),
    )
