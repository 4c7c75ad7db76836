"""A fitted logistic regression as the dense layer of a network."""

import numpy as np
from sklearn.linear_model import LogisticRegression


def dense_layer(model: LogisticRegression) -> tuple[np.ndarray, np.ndarray]:
    """Weight (K, F) and bias (K,) of a dense layer whose softmax gives the model's probabilities.

    >>> model = LogisticRegression().fit([[-1.0], [0.5], [1.0]], [0, 1, 1])
    >>> weight, bias = dense_layer(model)
    >>> np.allclose(weight[1] - weight[0], model.coef_[0]), bias.shape
    (True, (2,))
    """
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # two classes have one logit, the difference of the two here
        weight, bias = np.stack([-weight[0], weight[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
    return weight, bias
