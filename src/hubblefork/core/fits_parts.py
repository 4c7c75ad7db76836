"""The parts of a FITS file (its HDUs), found without reading their data.

astropy makes an object of each card and each part; here a file that claims too much is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import IO

_BLOCK, _CARD = 2880, 80
# A hundred thousand cards, of all parts together: long histories have a few thousand.
_MOST_HEADER = 8 << 20
# Mosaics of large cameras have some hundred parts.
_MOST_PARTS = 1000
# Nothing is behind a part that says it is longer; file systems refuse to go there.
_MOST_BYTES = 1 << 43


@dataclass(frozen=True)
class FitsPart:
    """header: its cards, in whole blocks; start, size: of its data in the file, in bytes.

    cards: by their keywords, their values as they are written, without comments.
    """

    header: bytes
    start: int
    size: int
    cards: dict[str, str]

    @property
    def is_table(self) -> bool:
        """A table, and not an image that is stored as one."""
        return self.cards.get("XTENSION", "").strip("' ") in ("BINTABLE", "TABLE") and (
            self.cards.get("ZIMAGE") != "T"
        )

    @property
    def is_image(self) -> bool:
        """Data of two axes or more that are no table."""
        return not self.is_table and self.size > 0 and self.number("NAXIS", 0) > 1

    def number(self, keyword: str, default: int) -> int:
        """The value of a card that is a whole number, else ValueError."""
        return _number(self.cards, keyword, default)


def fits_parts(file: IO[bytes]) -> Iterator[FitsPart]:
    """Yield the parts one after another; nothing where the file is no FITS file.

    ValueError where it has more parts, or longer headers, than any that holds images or tables.

    >>> from io import BytesIO
    >>> [part.size for part in fits_parts(BytesIO(b"SIMPLE  =   T".ljust(80) + b"END".ljust(2800)))]
    [0]
    """
    place = headers = 0
    for _ in range(_MOST_PARTS + 1):
        file.seek(place)
        header, cards, ended = bytearray(), dict[str, str](), False
        while not ended and (block := file.read(_BLOCK)):
            if not header and block[:8] not in (b"SIMPLE  ", b"XTENSION"):
                break
            for at in range(0, len(block), _CARD):
                card = block[at : at + _CARD]
                if card.rstrip() == b"END":
                    ended = True
                    break
                if card[8:9] == b"=":
                    value = card[10:].split(b"/")[0].strip()
                    cards[card[:8].decode("latin-1").rstrip()] = value.decode("latin-1")
            header += block
            if headers + len(header) > _MOST_HEADER:
                raise ValueError(f"headers of more than {_MOST_HEADER >> 20} MB")
        if not header:
            return  # the end, or what astropy takes for it
        headers += len(header)
        place += len(header)
        size = _data_bytes(cards)
        yield FitsPart(bytes(header), place, size, cards)
        place += -(-size // _BLOCK) * _BLOCK
        if place > _MOST_BYTES:
            return
    raise ValueError(f"more than {_MOST_PARTS:,} parts")


def _number(cards: dict[str, str], keyword: str, default: int) -> int:
    try:
        return int(cards.get(keyword, default))
    except ValueError:
        raise ValueError(f"damaged or incomplete ({keyword} is not a whole number)") from None


def _data_bytes(cards: dict[str, str]) -> int:
    """The size of a part's data, as FITS standard 4.0, 4.4.1 and 7.3.1, has it."""
    number = min(_number(cards, "NAXIS", 0), 999)
    axes = [_number(cards, f"NAXIS{axis}", 0) for axis in range(1, number + 1)]
    groups = axes[:1] == [0] and cards.get("GROUPS") == "T"
    elements = prod(axes[1:] if groups else axes) if axes else 0
    size = abs(_number(cards, "BITPIX", 8)) // 8 * _number(cards, "GCOUNT", 1)
    return max(0, size * (_number(cards, "PCOUNT", 0) + elements))
