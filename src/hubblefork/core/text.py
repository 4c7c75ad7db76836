"""Numbers as a reader wants them, the same in figures, page and terminal."""

# Between a number and its unit, so that a line never breaks there.
_JOINT = "\u00a0"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 in percent; a dash where there is none.

    >>> percent(0.9534), percent(None)
    ('95.3\\xa0%', '–')
    """
    return "–" if share is None else f"{100 * share:.{digits}f}{_JOINT}%"


def whole_percent(share: float) -> str:
    """A share above 0, rounded, but 100 % only for all and 0 % for none.

    >>> whole_percent(0.004), whole_percent(0.996), whole_percent(0.5)
    ('<\xa01\xa0%', '>\xa099\xa0%', '50\xa0%')
    """
    if share < 0.005:
        return f"<{_JOINT}1{_JOINT}%"
    return f">{_JOINT}99{_JOINT}%" if 0.995 <= share < 1 else percent(share, 0)


def between(interval: tuple[float, float] | list[float] | None, digits: int = 1) -> str:
    """An interval of shares, in percent.

    >>> between([0.9421, 0.9603])
    '94.2 to 96.0\\xa0%'
    """
    if interval is None:
        return "–"
    low, high = interval
    return f"{100 * low:.{digits}f} to {percent(high, digits)}"


def duration(seconds: float) -> str:
    """A time that a person can judge.

    >>> duration(8.21), duration(75), duration(7380)
    ('8.2\\xa0s', '1\\xa0min 15\\xa0s', '2\\xa0h 3\\xa0min')
    """
    if seconds < 60:
        return f"{seconds:.1f}{_JOINT}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{_JOINT}min {rest}{_JOINT}s"
    return f"{minutes // 60}{_JOINT}h {minutes % 60}{_JOINT}min"


def several(number: int, one: str, many: str | None = None) -> str:
    """A number of things, with the right word.

    >>> several(1, "class", "classes"), several(21785, "image")
    ('1\\xa0class', '21,785\\xa0images')
    """
    return f"{number:,}{_JOINT}{one if number == 1 else many or one + 's'}"


def listed(items: list[str]) -> str:
    """Join as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
