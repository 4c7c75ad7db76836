"""JSON and TOML from files and users: read within limits, so that no text can exhaust the program.

Python's parsers recurse, and that of TOML takes quadratic time for a key of many parts.
"""

import json
import re
import tomllib
from typing import Any

# Recipes, trees and metrics have at most six levels, the notes of other programs about ten.
DEEPEST = 32
# A recipe or a decision tree has a few kilobytes; the parser takes a second for this many.
_MOST_TOML = 1 << 20

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
