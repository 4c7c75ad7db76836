"""One-line errors about a request: what was given, what was expected, what to do."""

from collections.abc import Iterable
from difflib import get_close_matches

from hubblefork.core.text import one_line, shortened


class RequestError(Exception):
    """A request cannot be carried out as given.

    The message is one printable line, written for the user, and cut where what it quotes is long.
    The command line prints it on stderr and exits with status 2; Python code sees the exception
    itself.

    >>> import hubblefork
    >>> hubblefork.train("galaxys/")
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: galaxys/: neither a file or directory nor a known ...
    """

    def __init__(self, message: str) -> None:
        super().__init__(shortened(one_line(message)))


# How many known words are listed where none is close: nobody reads more.
_MAX_WORDS = 20
_MOST_LETTERS = 200


def nearest(word: object, known: Iterable[str]) -> str:
    """Return a hint that names the known words closest to `word`, or the first twenty of them.

    >>> nearest("lenet", ["mlp", "lenet5"])
    "did you mean 'lenet5'?"
    >>> nearest("zzz", ["mlp", "lenet5"])
    "known: 'lenet5', 'mlp'"
    """
    words = sorted(known)
    # Comparing takes the square of the length, and a name that is meant is not as long.
    close = get_close_matches(str(word)[:_MOST_LETTERS], words, n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(w) for w in close) + "?"
    return f"known: {first_few(map(repr, words), _MAX_WORDS)}"


def first_line(error: Exception) -> str:
    """The first line of an error's message without its full stop, or what kind of error it is.

    >>> first_line(ValueError("no header.\\nmore")), first_line(KeyError())
    ('no header', 'KeyError')
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def first_few(items: Iterable[object], limit: int = 3) -> str:
    """Name the first few of many things.

    >>> first_few(["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    'a.jpg, b.jpg, c.jpg and 1 more'
    """
    listed = [str(item) for item in items]
    text = ", ".join(listed[:limit])
    rest = len(listed) - limit
    return f"{text} and {rest} more" if rest > 0 else text
