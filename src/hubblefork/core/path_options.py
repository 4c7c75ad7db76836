"""Options after a path: `FILE.parquet:labels=COLUMN:images=COLUMN`."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from hubblefork.core.errors import RequestError, nearest

_OPTION = re.compile(r":([a-z]+)=([^:]*)$")


def split_options(text: str | Path) -> tuple[str, dict[str, str]]:
    """Split a source's text into its path and the options after it.

    A path that exists is a path, even with a colon and an equals sign in its name.

    >>> split_options("galaxies/:labels=summary:split=test")
    ('galaxies/', {'labels': 'summary', 'split': 'test'})
    >>> split_options("kaggle/:test")
    ('kaggle/:test', {})
    """
    rest = str(text)
    options: dict[str, str] = {}
    while not os.path.exists(os.path.expanduser(rest)) and (found := _OPTION.search(rest)):
        options = {found[1]: found[2], **options}
        rest = rest[: found.start()]
    return rest, options


def check_options(options: Mapping[str, str], known: Collection[str], name: str) -> None:
    """Refuse an option that the source `name` does not have, or that is empty."""
    for key, value in options.items():
        if key not in known:
            hint = nearest(key, known) if known else "it has none"
            raise RequestError(f"{name}: no option {key!r} for this kind of source; {hint}")
        if not value:
            raise RequestError(f"{name}: the option {key!r} is empty; expected {key}=NAME")
