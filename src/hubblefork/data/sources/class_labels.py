"""A column of labels as classes: whole numbers or names."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.data.sources.table_columns import as_text
from hubblefork.tasks.classes import Classes


def class_numbers(labels: pd.Series) -> tuple[list[str], np.ndarray]:
    """Return the names of the classes in a column of text, and each row's index among them.

    Whole numbers are in numeric order, other names in alphabetical order.
    """
    words = labels.unique()
    numbers = all(word.removeprefix("-").isdecimal() for word in words)
    # "01" and "1" would be one number but are two names.
    if numbers and len({int(word) for word in words}) == len(words):
        names = sorted(words, key=int)
    else:
        names = sorted(words)
    index = {word: number for number, word in enumerate(names)}
    return names, labels.map(index).to_numpy(np.int64)


def classes_of(
    values: pd.Series, name: str, names: Sequence[str] = (), labels: str = "labels"
) -> tuple[Classes, np.ndarray]:
    """Return the classes and the index of each row's class, (N,) int64.

    values: (N,) class names, or whole numbers: indices of `names`, or names themselves.
    name: the source, as the user gave it. labels: what the values are, for messages.

    Raises RequestError where labels are missing, not whole numbers, or not among `names`, and for
    fewer than two classes.
    """
    if values.dtype.kind == "f" and (wrong := values.notna() & ~(values % 1 == 0)).any():
        raise RequestError(
            f"{name}: {wrong.sum():,} {labels} are not whole numbers: {first_few(values[wrong])}"
        )
    text = as_text(values)
    if text.isna().any():
        raise RequestError(f"{name}: {text.isna().sum():,} of {len(text):,} {labels} are missing")
    if not names:
        names, numbers = class_numbers(text)
    else:
        expected = list(map(str, range(len(names)))) if values.dtype.kind in "iuf" else names
        places = text.map({word: place for place, word in enumerate(expected)})
        if places.isna().any():
            raise RequestError(
                f"{name}: {labels} that are none of its {len(names)} classes: "
                f"{first_few(text[places.isna()].unique())}; expected {first_few(expected)}"
            )
        numbers = places.to_numpy(np.int64)
    if len(set(names)) < len(names):
        raise RequestError(f"{name}: two of its classes have the same name: {first_few(names, 10)}")
    if len(names) < 2:
        raise RequestError(f"{name} has only one class, {names[0]!r}; two or more are needed")
    return Classes(tuple(names)), numbers
