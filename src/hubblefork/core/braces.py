"""Numbered files in one word, as shells write them: `shards-{000..009}.tar`."""

import os
import re
from itertools import product

from hubblefork.core.errors import RequestError

_RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")

# A survey of 10^9 images has about as many shards.
_MOST = 100_000


def expand_braces(text: str) -> list[str]:
    """Return every name that a text with ranges of numbers stands for; itself where it has none.

    Numbers have as many digits as the first one of their range. A path that exists is a path, even
    with braces in its name. Raises RequestError for more than 100,000 names.

    >>> expand_braces("sky-{08..10}.tar"), expand_braces("sky.tar")
    (['sky-08.tar', 'sky-09.tar', 'sky-10.tar'], ['sky.tar'])
    """
    if os.path.exists(text):
        return [text]
    *parts, end = _RANGE.split(text)
    firsts, lasts = parts[1::3], parts[2::3]
    ranges = [range(int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]
    number = 1
    for each in ranges:
        number *= len(each)
    if not 0 < number <= _MOST:
        raise RequestError(
            f"{text} stands for {number:,} files; expected 1 to {_MOST:,}, as sky-{{000..009}}.tar"
        )
    return [
        "".join(
            f"{before}{value:0{len(first)}d}"
            for before, value, first in zip(parts[::3], values, firsts, strict=True)
        )
        + end
        for values in product(*ranges)
    ]
