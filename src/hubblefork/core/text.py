"""Numbers and lists as text, the same in figures, on pages and on the terminal."""

import re

# A message is read on one screen; names of files and columns, which it quotes, have no such limit.
_LONGEST = 1000

# Between a number and its unit: no line break there.
_SPACE = "\u00a0"

# What a terminal obeys or takes for the end of a line: control characters but tab and line feed,
# other separators of lines, marks that turn the direction of text, and halves of characters.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction in percent; a dash for None.

    >>> percent(0.9534), percent(None)
    ('95.3\\xa0%', '–')
    """
    return "–" if fraction is None else f"{100 * fraction:.{digits}f}{_SPACE}%"


def whole_percent(fraction: float) -> str:
    """A fraction above 0 as a whole percentage, never rounded to 0 %, nor to 100 % unless it is 1.

    >>> whole_percent(0.005), whole_percent(0.996), whole_percent(0.5)
    ('<\xa01\xa0%', '>\xa099\xa0%', '50\xa0%')
    """
    if fraction <= 0.005:  # halves are rounded to even digits
        return f"<{_SPACE}1{_SPACE}%"
    return f">{_SPACE}99{_SPACE}%" if 0.995 <= fraction < 1 else percent(fraction, 0)


def between(interval: tuple[float, float] | list[float] | None) -> str:
    """An interval of fractions, in percent.

    >>> between([0.9421, 0.9603])
    '94.2 to 96.0\\xa0%'
    """
    if interval is None:
        return "–"
    low, high = interval
    return f"{100 * low:.1f} to {percent(high)}"


def duration(seconds: float) -> str:
    """A duration in one or two units, by its length.

    >>> duration(8.21), duration(75), duration(7380)
    ('8.2\\xa0s', '1\\xa0min 15\\xa0s', '2\\xa0h 3\\xa0min')
    """
    if seconds < 60:
        return f"{seconds:.1f}{_SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{_SPACE}min {rest}{_SPACE}s"
    return f"{minutes // 60}{_SPACE}h {minutes % 60}{_SPACE}min"


def per_second(rate: float, unit: str = "images") -> str:
    """A rate in whole numbers, or with a decimal where it is small.

    >>> per_second(1234.5), per_second(0.61, "rows")
    ('1,234\\xa0images/s', '0.6\\xa0rows/s')
    """
    return f"{rate:{'.1f' if 0 < rate < 10 else ',.0f'}}{_SPACE}{unit}/s"


def several(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun in the singular or plural.

    >>> several(1, "class", "classes"), several(21785, "image")
    ('1\\xa0class', '21,785\\xa0images')
    """
    return f"{number:,}{_SPACE}{singular if number == 1 else plural or singular + 's'}"


def listed(items: list[str]) -> str:
    """Join items as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Text with its middle left out where it is long: a message begins and ends with what matters.

    >>> shortened("no column " + "x" * 5000 + "; expected id", 40)
    'no column xxxxxxx ... xxxx; expected id'
    """
    if len(text) <= longest:
        return text
    half = (longest - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def printable(text: str) -> str:
    r"""Text whose control characters are escapes, so that no terminal obeys a file's name.

    >>> printable("a\x1b[31m.png"), printable("caf\udce9"), printable("ζώο")
    ('a\\x1b[31m.png', 'caf\\udce9', 'ζώο')
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def one_line(text: str) -> str:
    r"""The same without line feeds and tabs.

    >>> one_line("a\nb")
    'a\\nb'
    """
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")
