"""The distance of an image from the training images, in the features of a network.

It is Mahalanobis' distance, as in Lee et al. (2018, "A simple unified framework for detecting
out-of-distribution samples"), but from one Gaussian for all images: one for each class was no
better in our measurements, as Kamoi and Kobayashi (2020) found, and without classes the distance
can be used for vote fractions too. The relative distance (Ren et al. 2021) did not detect images
that are not of galaxies: these are far from the mean by both of the distances that it subtracts.
"""

from dataclasses import dataclass

import numpy as np

# Principal components that have a variance of their own. More were no better for images of
# galaxies, and 32 components of 4,096 features take half a megabyte.
_DIRECTIONS = 32
# Training images needed for each component: its variance cannot be estimated from fewer.
_IMAGES_EACH = 10
# The smallest variance, as a fraction of the total: a constant feature does not divide by 0.
_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class Outliers:
    """A Gaussian with a variance for each of D directions, and one variance for all others.

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
        # In double precision: `across` is the difference of two numbers that can be close.
        offset = features.astype(np.float64) - self.mean
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
    with np.errstate(invalid="ignore"):  # fractions of the variance are 0 / 0 if it is 0
        found = PCA(wanted, random_state=0).fit(features)
    total = float(features.var(axis=0).sum())
    least = _LEAST * total if total > 0 else 1.0
    # The mean variance of the other directions (Tipping and Bishop 1999), including those that are
    # not spanned by few images. If there are none, or it is 0, the smallest known one is used.
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
