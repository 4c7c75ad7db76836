"""The principal components of features: a few numbers of each image that hold most of what differs.

Wherever features are laid out, clustered or compared by distance, they are reduced here first.
"""

from typing import Literal

import numpy as np

from hubblefork.core.errors import RequestError


def principal_components(
    features: np.ndarray, most: int, solver: Literal["auto", "randomized"] = "auto"
) -> np.ndarray:
    """The first principal components (N, D) of features (N, F); D is the least of `most`, N and F.

    Very large or small features are scaled, and their components with them.
    Where all images have the same features, nothing differs: all components are 0. Raises
    RequestError for features that are no finite numbers.

    >>> principal_components(np.array([[0.0, 1.0], [0.0, 3.0], [0.0, 8.0]]), 1).round(6).ravel()
    array([-3., -1.,  4.])
    >>> principal_components(np.full((3, 2), 0.1), 5)
    array([[0., 0.],
           [0., 0.],
           [0., 0.]])
    """
    from sklearn.decomposition import PCA

    check_features(features)
    number = min(most, *features.shape)
    if (features == features[0]).all():
        return np.zeros((len(features), number), features.dtype)
    largest = np.abs(features).max()
    if not 1e-15 < largest < 1e15:  # the squares of float32 would not be in its range
        features = features / largest
    return PCA(number, svd_solver=solver, random_state=0).fit_transform(features)


def check_features(features: np.ndarray) -> None:
    """RequestError for features (N, F) that are no finite numbers.

    >>> check_features(np.array([[0.5], [np.nan]]))
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: the model has no features for 1 of 2 images, ...
    """
    wrong = ~np.isfinite(features).all(axis=1)
    if wrong.any():
        raise RequestError(
            f"the model has no features for {wrong.sum():,} of {len(wrong):,} images, the first of "
            f"them image {wrong.argmax()}, but NaN or infinity: train it again"
        )
