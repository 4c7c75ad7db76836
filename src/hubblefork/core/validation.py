"""What pydantic finds wrong with a value, in the words of this program.

Recipes, the files that describe models and trees, and the options of the command line are all
checked by pydantic, whose messages are made for programmers.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

# In this order; the first two take away what is of Python.
_WORDS = (
    (r"^(Value|Assertion) error, ", ""),
    (r", (unable to|got a number with).*$", ""),
    (r"^Input should be ", "expected "),
    (r"^Field required$", "missing"),
    (r"^Extra inputs are not permitted$", "not known"),
    ("a valid integer", "a whole number"),
    ("a valid number", "a number"),
    ("a valid string", "text"),
    ("a valid boolean", "true or false"),
    ("a valid dictionary", "a table"),
    ("a valid (list|tuple)", "a list"),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
    ("greater than", "more than"),
)


def in_words(error: "ValidationError") -> tuple[str, str]:
    """The place of the first error, empty where it is the whole, and what is expected there.

    >>> from pydantic import BaseModel, ValidationError
    >>> class Training(BaseModel):
    ...     epochs: int
    >>> try:
    ...     Training(epochs="many")
    ... except ValidationError as error:
    ...     in_words(error)
    ('epochs', "expected a whole number, not 'many'")
    """
    first = error.errors(include_url=False)[0]
    message = first["msg"]
    for pattern, words in _WORDS:
        message = re.sub(pattern, words, message)
    if message.startswith("expected"):
        message += f", not {first['input']!r}"
    return ".".join(map(str, first["loc"])), message[:1].lower() + message[1:]
