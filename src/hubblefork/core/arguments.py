"""What a notebook gives for an argument: checked where it comes in, named in the error."""

import os
from numbers import Integral
from pathlib import Path

from hubblefork.core.errors import RequestError

# In bytes, of a file or folder: on Linux, and no more on other systems.
_LONGEST_NAME = 255


def wrong(name: str, given: object, expected: str) -> RequestError:
    """The error for an argument of another type or value.

    >>> raise wrong("out", {"a": 1}, "a path")
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: out is a dict; expected a path
    """
    plain = given is None or isinstance(given, str | bytes | int | float)
    what = repr(given) if plain else f"a {type(given).__name__}"
    return RequestError(f"{name} is {what}; expected {expected}")


def as_path(given: object, name: str, expected: str) -> Path:
    """A path from text or from what is like one, such as a `Run`; RequestError for anything else.

    >>> as_path("runs/first", "run", "a run folder").name
    'first'
    """
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    # Empty text would be the current folder, and is more likely a variable that was never set.
    if not isinstance(path, str) or not path or "\0" in path:
        raise wrong(name, given, expected)
    longest = max(len(part.encode("utf-8", "surrogateescape")) for part in Path(path).parts or [""])
    if longest > _LONGEST_NAME:
        raise RequestError(
            f"{name} has a name of {longest:,} bytes; files can have at most {_LONGEST_NAME}"
        )
    return Path(path)


def as_whole(given: object, name: str, least: int, most: int | None = None, of: str = "") -> int:
    """A whole number, of Python or NumPy, within its range; RequestError for anything else.

    >>> as_whole(0, "crop", 1, 10_000, " of pixels")
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: crop is 0; expected a whole number of pixels from 1 to ...
    """
    number = int(given) if isinstance(given, Integral) and not isinstance(given, bool) else None
    if number is None or number < least or (most is not None and number > most):
        limits = f"from {least} to {most:,}" if most is not None else f"of at least {least}"
        raise wrong(name, given, f"a whole number{of} {limits}")
    return number
