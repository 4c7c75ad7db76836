"""The last layer of a network, fitted again to the few labels that people have given.

As in `training/probe.py` it is a logistic regression on features; the strength of its penalty is
fixed, since a few labels cannot choose it, and it is fitted while somebody waits.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from hubblefork.evaluation.components import check_features
from hubblefork.training.logistic import dense_layer

# Inverse strength of the penalty, for standardised features.
_STRENGTH = 0.3


def standardised(features: np.ndarray) -> np.ndarray:
    """Features (N, F) float32 with mean 0 and standard deviation 1; constant ones are 0.

    Raises RequestError for features that are no finite numbers.

    >>> standardised(np.array([[1.0, 0.1], [3.0, 0.1]]))
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    """
    features = np.asarray(features, np.float32)
    check_features(features)
    mean, std = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    # Equal numbers differ from their mean by a rounding error, which would become 1.
    std = np.where((features == features[0]).all(axis=0), np.inf, std)
    return ((features - mean.astype(np.float32)) / std.astype(np.float32)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class LastLayer:
    """A fitted last layer. weight: (K, F). bias: (K,), -inf for a class without a label."""

    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, labels: np.ndarray, outputs: int) -> "LastLayer | None":
        """Fit standardised features (n, F) and classes (n,) from 0 to outputs - 1.

        None while all labels are of one class.

        >>> features = np.array([[-1.0], [-0.9], [1.0], [1.1]])
        >>> layer = LastLayer.fit(features, np.array([0, 0, 2, 2]), outputs=3)
        >>> layer.probabilities(features).argmax(axis=1).tolist()
        [0, 0, 2, 2]
        """
        if len(np.unique(labels)) < 2:
            return None
        model = LogisticRegression(C=_STRENGTH, max_iter=1000).fit(features, labels)
        weight = np.zeros((outputs, features.shape[1]), np.float32)
        bias = np.full(outputs, -np.inf, np.float32)
        weight[model.classes_], bias[model.classes_] = dense_layer(model)
        return cls(weight, bias)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """(N, K) of standardised features (N, F)."""
        logits = features @ self.weight.T + self.bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
