"""Anomalies: images whose features are unusual, by two complementary measures.

Mahalanobis' distance is large for images that are far from the mean along any direction of the
features. The isolation forest (Liu, Ting and Zhou 2008) finds images that a few random cuts
separate from all others, whatever the distribution. Images that both rank high come first.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.ensemble import IsolationForest

from hubblefork.evaluation.outliers import fit_outliers

# Trees of the forest: with more, the order of the first hundred images hardly changes.
_TREES = 200


def rank_anomalies(
    ids: Sequence[str] | np.ndarray, features: np.ndarray, known: np.ndarray
) -> pd.DataFrame:
    """Rank images by how unusual they are among known ones, the most unusual first.

    Parameters
    ----------
    ids : N names of images.
    features : (N, F) of these images, as a network gives them.
    known : (M, F) features of the images to compare with, such as the training images; M >= 2.

    Returns
    -------
    Table of N rows: row (index in the arrays), id, mahalanobis (squared distance), isolation
    (score from 0 to 1, above 0.5 where an image is easily separated) and score: the mean of the
    two ranks, from 0 to 1, 1 for the most unusual. `report.ranking_charts.draw_ranked` draws it.

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
