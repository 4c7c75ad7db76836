"""JSON, TOML and tables from files and users: read within limits, so that none costs too much.

Python's parsers recurse, and that of TOML takes quadratic time for a key of many parts. A table can
be small on the disk and huge in memory: by cells that are not written, or written once.
"""

import json
import re
import tomllib
from typing import Any

# Recipes, trees and metrics have at most six levels, the notes of other programs about ten.
DEEPEST = 32
# A recipe or a decision tree has a few kilobytes; the parser takes a second for this many.
_MOST_TOML = 1 << 20

# The widest catalogues of surveys have a thousand columns; each takes kilobytes, however short.
MOST_COLUMNS = 10_000
# What a table may take in memory: half a gigabyte whatever its file, and beyond that 50 times the
# file. Catalogues of ten million rows, well compressed as Parquet, take 20 times as much.
_MOST_MEMORY = 512 << 20
_MOST_GROWTH = 50


class TooLarge(ValueError):
    """A table that is whole, and larger than this program reads."""


_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')\s*\.\s*"""
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{DEEPEST}}}")
_TOO_DEEP = f"it is nested more than {DEEPEST} levels deep"


def parse_json(text: str | bytes) -> Any:
    """Read JSON; ValueError with a reason of one line for what is none, or is nested too deeply.

    >>> parse_json('{"a": [1]}')
    {'a': [1]}
    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    ValueError: it is nested more than 32 levels deep
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_depth(value)
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """Read TOML; ValueError as `parse_json`, which is a TOMLDecodeError for wrong syntax.

    >>> parse_toml("a.b = 1")
    {'a': {'b': 1}}
    """
    if len(text) > _MOST_TOML:
        raise ValueError(f"it has {len(text):,} characters; expected at most {_MOST_TOML:,}")
    if _LONG_KEY.search(text):
        raise ValueError(_TOO_DEEP)
    try:
        value = tomllib.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_depth(value)
    return value


def check_columns(number: int) -> None:
    """TooLarge for a table of more columns than any catalogue has."""
    if number > MOST_COLUMNS:
        raise TooLarge(
            f"it has {number:,} columns; expected at most {MOST_COLUMNS:,}: leave out those that "
            "are not needed"
        )


def check_memory(needed: int, size: int) -> None:
    """TooLarge where a table from a file of this size needs so many bytes of memory.

    >>> check_memory(10 << 30, 1 << 30)
    >>> check_memory(10 << 30, 1 << 20)
    Traceback (most recent call last):
    hubblefork.core.parsing.TooLarge: its 1,048,576 bytes would take 10,240 MB ...
    """
    if needed > max(_MOST_MEMORY, _MOST_GROWTH * size):
        raise TooLarge(
            f"its {size:,} bytes would take {needed >> 20:,} MB of memory or more; divide it into "
            "several files, or leave out columns that repeat long text"
        )


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            each
            for outer in level
            if isinstance(outer, dict | list)
            for each in (outer.values() if isinstance(outer, dict) else outer)
        ]
    if level:
        raise ValueError(_TOO_DEEP)
