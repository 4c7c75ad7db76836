"""Where the user's cache is."""

import os
from pathlib import Path


def cache_folder(cache: str | Path | None = None) -> Path:
    """Return the folder of the cache: as given, HUBBLEFORK_CACHE, or the user's cache folder.

    >>> cache_folder("elsewhere").name
    'elsewhere'
    """
    given = cache or os.environ.get("HUBBLEFORK_CACHE")
    if given:
        return Path(given).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("hubblefork"))
