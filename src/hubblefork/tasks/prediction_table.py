"""The table of predictions: the same columns for a test set, for files and for catalogues."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hubblefork.sky.decision_tree import GALAXY_ZOO_2

_OWN_COLUMNS = ("id", "true", "predicted", "typicality", "set", "problem")


def probability_columns(names: Sequence[str]) -> list[str]:
    """The column of each class: its name, told apart from the table's own columns.

    >>> probability_columns(["spiral", "true"])
    ['spiral', 'p(true)']
    """
    return [f"p({name})" if name in _OWN_COLUMNS else name for name in names]


def tabulate(
    ids: np.ndarray,
    names: Sequence[str],
    probabilities: np.ndarray,
    true: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row an image: id, (true,) predicted, then the probability of each class.

    Parameters
    ----------
    ids
        (N,) text.
    names
        The K class names.
    probabilities
        (N, K); a row of NaN is an image without a prediction.
    true
        (N,) numbers of the true classes, where they are known.

    >>> tabulate(np.array(["a"]), ["disc", "spiral"], np.array([[0.25, 0.75]]), np.array([1]))
      id    true predicted  disc  spiral
    0  a  spiral    spiral  0.25    0.75
    """
    words = np.array([*names, ""], dtype=object)
    known = ~np.isnan(probabilities).any(axis=1)
    predicted = np.where(known, np.nan_to_num(probabilities).argmax(axis=1), len(names))
    table = pd.DataFrame({"id": ids})
    if true is not None:
        table["true"] = words[true]
    table["predicted"] = words[predicted]
    columns = probability_columns(names)
    return pd.concat([table, pd.DataFrame(probabilities, columns=columns)], axis=1)


def set_column(names: Sequence[str], sets: np.ndarray, probabilities: np.ndarray) -> list[str]:
    """The names of the classes in each set, the likeliest first; nothing where there is none.

    Parameters
    ----------
    names
        The K class names.
    sets
        (N, K) of bool.
    probabilities
        (N, K).

    >>> set_column(["disc", "spiral"], np.array([[True, True]]), np.array([[0.25, 0.75]]))
    ['spiral|disc']
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    return [
        "|".join(names[place] for place in places if inside[place])
        for inside, places in zip(sets, order, strict=True)
    ]


def tabulate_votes(
    ids: np.ndarray, fractions: np.ndarray, true: np.ndarray | None = None
) -> pd.DataFrame:
    """One row a galaxy: id, then the predicted fraction of each answer under Kaggle's name.

    Parameters
    ----------
    ids
        (N,) text.
    fractions
        (N, 37); a row of NaN is an image without a prediction.
    true
        (N, 37), where they are known: they follow in columns of the same names after `true_`.

    >>> table = tabulate_votes(np.array(["a"]), np.zeros((1, 37)), np.ones((1, 37)))
    >>> list(table)[:2], list(table)[-1]
    (['id', 'Class1.1'], 'true_Class11.6')
    """
    columns = list(GALAXY_ZOO_2.columns)
    parts = [pd.DataFrame({"id": ids}), pd.DataFrame(fractions, columns=columns)]
    if true is not None:
        parts.append(pd.DataFrame(true, columns=[f"true_{column}" for column in columns]))
    return pd.concat(parts, axis=1)
