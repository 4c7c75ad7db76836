"""A directory with one source in each of its folders, as data of different kinds are kept together.

data/galaxies/catalog.csv      classes
data/kaggle/                   fractions of votes
data/photographs/dragonfly/    classes
"""

import os
from collections.abc import Iterator
from pathlib import Path

from hubblefork.core.errors import RequestError
from hubblefork.core.folders import listing
from hubblefork.core.progress import say
from hubblefork.core.tables.stored import is_table
from hubblefork.data.sources import open_source


def sources_within(directory: str) -> list[str]:
    """Return the sources in the folders of a directory; none where it is one source itself.

    They are several only where some have classes and others votes: folders of classes, or of the
    subsets of a split, could look like sources too, but all of the same kind. Says which folders
    hold none.

    >>> sources_within(galaxies)
    []
    """
    if not os.path.isdir(directory):
        return []
    kinds: dict[str, str] = {}
    refused: list[str] = []
    for name in listing(Path(directory))[0]:
        reasons = []
        for given in _candidates(os.path.join(directory, name)):
            try:
                kinds[given] = open_source(given).task.kind
                break
            except RequestError as error:
                reasons.append(str(error))
        else:
            refused.append(reasons[0])
    if len(set(kinds.values())) < 2:
        return []
    for reason in refused:
        say(f"not used: {reason}")
    return list(kinds)


def _candidates(folder: str) -> Iterator[str]:
    """The folder, and the one table in it, which may be the catalogue of the images beside it."""
    yield folder
    tables = [file for file in listing(Path(folder))[1] if is_table(Path(folder, file))]
    if len(tables) == 1:
        yield os.path.join(folder, tables[0])
