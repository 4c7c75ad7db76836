"""Places of images that a table names: paths, or URLs, which are not looked for on the disk."""

import os
import re
from pathlib import Path

# As fsspec tells a protocol; one letter is a drive of Windows.
_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_LOCAL = ("file", "local")


def protocol_of(place: object) -> str:
    """Return the protocol of a URL in lower case; "" for a path.

    >>> protocol_of("https://a.org/1.jpg"), protocol_of("C://1.jpg"), protocol_of("sky/1.jpg")
    ('https', '', '')
    """
    found = _URL.match(str(place))
    return found[1].lower() if found else ""


def located(place: str, folder: str | Path = "") -> str:
    """Return where an image is: a URL as it is, a path as seen from `folder`, or that of a file://.

    >>> located("1.jpg", "sky"), located("s3://bucket/1.jpg", "sky"), located("file:///a%20b.jpg")
    ('sky/1.jpg', 's3://bucket/1.jpg', '/a b.jpg')
    """
    protocol = protocol_of(place)
    if protocol in _LOCAL:
        # Few tables have such places, and the command line is to start quickly.
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        parts = urlsplit(place)
        # A file of another machine stays a URL, and is refused when it is read.
        if parts.netloc in ("", "localhost"):
            return url2pathname(parts.path)
    return place if protocol else os.path.join(folder, place)


def absolute(place: str) -> str:
    """Return a place that is the same from every folder.

    >>> absolute("/sky/../1.jpg"), absolute("s3://bucket/1.jpg")
    ('/1.jpg', 's3://bucket/1.jpg')
    """
    place = located(place)
    return place if protocol_of(place) else os.path.abspath(place)


def file_name(place: object) -> str:
    """Return the name of the file at a place, without the query of a URL.

    >>> file_name("https://a.org/m31.fits?size=64#top"), file_name("sky/what?.jpg")
    ('m31.fits', 'what?.jpg')
    """
    path = re.split("[?#]", str(place), maxsplit=1)[0] if protocol_of(place) else str(place)
    return os.path.basename(path)
