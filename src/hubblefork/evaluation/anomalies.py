"""Which images are unlike the others, by two measures that err in different ways.

Mahalanobis' distance sees what lies far out along any direction of the features. The isolation
forest (Liu, Ting and Zhou 2008) sees what a few random cuts set apart, whatever the shape of the
crowd. What both rank high is worth a look.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.ensemble import IsolationForest

from hubblefork.evaluation.outliers import fit_outliers

# Trees: the order of the first hundred images hardly changes with more.
_TREES = 200


def rank_anomalies(
    ids: Sequence[str] | np.ndarray, features: np.ndarray, known: np.ndarray
) -> pd.DataFrame:
    """Rank images by how unlike they are to known ones, the most unlike first.

    Parameters
    ----------
    ids : N names of images.
    features : (N, F) of these images, as a network gives them.
    known : (M, F) of those that they are held against, M of 2 or more: the training images.

    Returns
    -------
    Table of N rows: row (place in the arrays), id, mahalanobis (squared distance), isolation
    (score from 0 to 1, above 0.5 where an image is easily set apart) and score, the mean of the
    two ranks, from 0 to 1, 1 being the most unlike. `report.results.draw_ranked` draws it.

    >>> random = np.random.default_rng(0)
    >>> crowd = random.normal(size=(300, 4))
    >>> table = rank_anomalies(["a", "far", "b"], np.array([[0] * 4, [9] * 4, [1] * 4]), crowd)
    >>> table.loc[0, "id"], float(table.loc[0, "score"])
    ('far', 1.0)
    """
    distance = fit_outliers(known).distance(features)
    forest = IsolationForest(n_estimators=_TREES, random_state=0).fit(known)
    isolation = -forest.score_samples(features)
    ranks = [rankdata(each) / len(features) for each in (distance, isolation)]
    table = pd.DataFrame(
        {
            "row": np.arange(len(features)),
            "id": np.asarray(ids, dtype=object),
            "mahalanobis": distance,
            "isolation": isolation,
            "score": np.mean(ranks, axis=0),
        }
    )
    return table.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)
