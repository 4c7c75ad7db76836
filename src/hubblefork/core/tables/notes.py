"""Small notes that are written beside a table, such as the model that made it."""

from collections.abc import Callable, Mapping

import pyarrow as pa

from hubblefork.core.text import one_line

# Before the name of each of our notes, in formats that keep those of others too.
PREFIX = "hubblefork:"

# Appends rows to the table that is being written.
Append = Callable[[pa.Table], None]


def check_notes(meta: Mapping[str, str]) -> None:
    """ValueError for notes of more than one line, which not every format can keep.

    >>> check_notes({"model": "a\\nb"})
    Traceback (most recent call last):
    ValueError: the note 'model' has more than one line, or characters that cannot be printed
    """
    for key, value in meta.items():
        if one_line(key) != key or one_line(value) != value or ": " in key:
            raise ValueError(
                f"the note {key!r} has more than one line, or characters that cannot be printed"
            )
