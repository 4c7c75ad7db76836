"""Tables of the misclassified images, the uncertain predictions and the confused pairs of classes.

Every table is sorted so that the rows to look at first come first. In `report.ranking_charts`,
`draw_ranked` draws the tables of images and `draw_pairs` that of pairs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hubblefork.evaluation.class_metrics import checked


def confident_errors(
    ids: Sequence[str] | np.ndarray,
    true: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
) -> pd.DataFrame:
    """The misclassified images, highest confidence first.

    ids: N names of images; true: (N,) classes; probabilities: (N, K); names: the K class names.

    Returns a table: row (index in the arrays), id, true, predicted, probability (of the predicted
    class) and p_true.

    >>> table = confident_errors(["a", "b", "c"], np.array([0, 0, 1]),
    ...     np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]]), ["disc", "arm"])
    >>> table[["id", "true", "predicted", "probability"]].values.tolist()
    [['c', 'arm', 'disc', 0.8], ['b', 'disc', 'arm', 0.6]]
    """
    true, probabilities = checked(true, probabilities, names)
    predicted = probabilities.argmax(axis=1)
    rows = np.flatnonzero(predicted != true)
    rows = rows[np.argsort(-probabilities[rows, predicted[rows]], kind="stable")]
    words = np.array(names, dtype=object)
    return pd.DataFrame(
        {
            "row": rows,
            "id": np.asarray(ids, dtype=object)[rows],
            "true": words[true[rows]],
            "predicted": words[predicted[rows]],
            "probability": probabilities[rows, predicted[rows]],
            "p_true": probabilities[rows, true[rows]],
        }
    )


def of_each_confusion(errors: pd.DataFrame, number: int) -> pd.DataFrame:
    """Errors spread over the confusions: one of each in turn, the most frequent confusion first.

    errors: of `confident_errors`; within a confusion, they stay in order.

    >>> errors = pd.DataFrame({"true": list("aab"), "predicted": list("bba"), "n": [1, 2, 3]})
    >>> of_each_confusion(errors, 2)["n"].tolist()
    [1, 3]
    """
    confusions = errors.groupby(["true", "predicted"], sort=False)
    keys = pd.DataFrame(
        {"turn": confusions.cumcount(), "rare": -confusions["true"].transform("size")}
    )
    return errors.loc[keys.sort_values(["turn", "rare"], kind="stable").index[:number]]


def confused_pairs(confusion: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """The pairs of classes that are confused with one another, the most frequent first.

    confusion: (K, K) counts of true by predicted class.

    Returns a table: first, second (class names), first_as_second, second_as_first, errors (their
    sum) and fraction (of all errors). Pairs that are never confused are left out.

    >>> pairs = confused_pairs(np.array([[5, 1, 0], [2, 9, 0], [1, 0, 3]]), ["a", "b", "c"])
    >>> pairs[["first", "second", "errors", "fraction"]].values.tolist()
    [['a', 'b', 3, 0.75], ['a', 'c', 1, 0.25]]
    """
    confusion = np.asarray(confusion)
    first, second = np.triu_indices(len(names), 1)
    there, back = confusion[first, second], confusion[second, first]
    words = np.array(names, dtype=object)
    table = pd.DataFrame(
        {
            "first": words[first],
            "second": words[second],
            "first_as_second": there,
            "second_as_first": back,
            "errors": there + back,
        }
    )
    table = table[table["errors"] > 0].sort_values("errors", ascending=False, kind="stable")
    return table.assign(fraction=table["errors"] / table["errors"].sum()).reset_index(drop=True)


def least_certain(
    ids: Sequence[str] | np.ndarray, probabilities: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """All images by the margin between the two most probable classes, the smallest margin first.

    Returns a table: row, id, predicted, probability, runner_up (the second most probable class),
    p_runner_up and margin (the difference of the two probabilities).

    >>> table = least_certain(["a", "b"], np.array([[0.9, 0.1], [0.45, 0.55]]), ["disc", "arm"])
    >>> table.loc[0, "id"], table.loc[0, "runner_up"], float(table.loc[0, "margin"].round(2))
    ('b', 'disc', 0.1)
    """
    probabilities = np.asarray(probabilities, dtype=float)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    every = np.arange(len(probabilities))
    best, next_best = (probabilities[every, order[:, place]] for place in (0, 1))
    words = np.array(names, dtype=object)
    table = pd.DataFrame(
        {
            "row": every,
            "id": np.asarray(ids, dtype=object),
            "predicted": words[order[:, 0]],
            "probability": best,
            "runner_up": words[order[:, 1]],
            "p_runner_up": next_best,
            "margin": best - next_best,
        }
    )
    return table.sort_values("margin", kind="stable").reset_index(drop=True)
