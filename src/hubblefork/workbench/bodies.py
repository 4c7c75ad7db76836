"""What is sent to the workbench: read within limits of size and time, and checked."""

import asyncio
from typing import Any

from starlette.requests import Request

from hubblefork.core.errors import RequestError
from hubblefork.core.parsing import parse_json
from hubblefork.core.text import one_line

# A request to change something holds an answer, or the rows of a screen of images.
_MOST_BYTES = 64 << 10
# Seconds in which it has to arrive.
BODY_SECONDS = 10.0
_LONGEST_TEXT = 1000
_LONGEST_RATER = 60


class TooMuch(RequestError):
    """More than a request may hold, or more slowly sent."""

    status = 413


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """What a request holds; TooMuch for more than so many bytes, or where it takes longer.

    What says of itself that it is more is not read at all.
    """
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > most:
        raise TooMuch(f"more than {most:,} bytes in one request")
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise TooMuch(f"more than {most:,} bytes in one request")
    except TimeoutError:
        raise TooMuch(f"the request took more than {seconds:g} seconds to arrive") from None
    return bytes(body)


async def read_json(request: Request, **expected: type) -> dict[str, Any]:
    """The JSON object of a request; RequestError unless it has these fields of these types."""
    body = await read_body(request, _MOST_BYTES, BODY_SECONDS)
    try:
        given = parse_json(body)
    except ValueError as error:
        raise RequestError(f"expected JSON: {error}") from None
    if not isinstance(given, dict) or given.keys() != expected.keys():
        raise RequestError(f"expected a JSON object with {', '.join(expected)}")
    for name, kind in expected.items():
        value = given[name]
        long = isinstance(value, str) and len(value) > _LONGEST_TEXT
        if type(value) is not kind or long:
            raise RequestError(f"{name}: expected a {kind.__name__} of usual length")
    if not all(isinstance(each, str) for each in given.get("answer", ())):
        raise RequestError("answer: expected names of answers")
    return given


def rater_name(name: str) -> str:
    """RequestError for what can be no name of a person in a table."""
    name = name.strip()
    if not name or len(name) > _LONGEST_RATER or name != one_line(name):
        raise RequestError(f"rater: expected a name of 1 to {_LONGEST_RATER} characters")
    return name
