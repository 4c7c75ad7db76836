"""A column of labels as classes: whole numbers or names, spelt in one way."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.names import alike, normalised
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
        expected = list(map(str, range(len(names))))
        if values.dtype.kind not in "iuf":
            expected = [normalised(each) for each in names]
        names, merged = merged_names(names, name)
        places = text.map(dict(zip(expected, merged.tolist(), strict=True)))
        if places.isna().any():
            raise RequestError(
                f"{name}: {labels} that are none of its {len(expected)} classes: "
                f"{first_few(text[places.isna()].unique())}; expected {first_few(expected)}"
            )
        numbers = places.to_numpy(np.int64)
    if len(names) < 2:
        raise RequestError(f"{name} has only one class, {names[0]!r}; two or more are needed")
    return Classes(tuple(names)), numbers


def merged_names(names: Sequence[str], source: str) -> tuple[list[str], np.ndarray]:
    """Return the names of classes `normalised`, and for each given one its index among them.

    Different spellings of one name become one class; `spelling_notes` tells of them.

    Raises RequestError where a name is empty, or stands there twice.

    >>> merged_names(["dog", "cat", " dog"], "pets")
    (['dog', 'cat'], array([0, 1, 0]))
    """
    if len(set(names)) < len(names):
        raise RequestError(
            f"{source}: two of its classes have the same name: {first_few(names, 10)}"
        )
    plain = [normalised(str(each)) for each in names]
    if not all(plain):
        raise RequestError(f"{source}: one of its classes has no name: {first_few(names, 10)}")
    kept = list(dict.fromkeys(plain))
    return kept, np.array([kept.index(each) for each in plain])


def spelling_notes(labels: Iterable[object]) -> list[str]:
    """Return notes on classes whose names are spelt in several ways, or nearly alike.

    labels: of images or classes, as they were written, in any number.

    >>> spelling_notes(["dog", "dog ", "Dog", None])[0]
    "Spellings that differ only in spaces around them, or in how accents are coded, are one ..."
    """
    written = {each for each in pd.unique(pd.Series(list(labels), dtype=object))
               if isinstance(each, str) and normalised(each)}  # fmt: skip
    spellings: dict[str, int] = {}
    for each in written:
        spellings[normalised(each)] = spellings.get(normalised(each), 0) + 1
    similar: dict[str, list[str]] = {}
    for each in sorted(spellings):
        similar.setdefault(alike(each), []).append(each)
    notes = []
    if several := [f"{each!r} ({n} spellings)" for each, n in sorted(spellings.items()) if n > 1]:
        notes.append(
            "Spellings that differ only in spaces around them, or in how accents are coded, are "
            f"one class: {first_few(several)}."
        )
    if near := [" and ".join(map(repr, each)) for each in similar.values() if len(each) > 1]:
        notes.append(
            "These are different classes, although their names differ only in case, spaces or "
            f"underscores: {first_few(near)}."
        )
    return notes
