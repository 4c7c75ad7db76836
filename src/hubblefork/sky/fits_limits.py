"""FITS files that are small on the disk and huge when read: found before astropy reads them.

astropy makes an object of each card and each part, and unpacks a gzipped tile whole.
"""

import zlib
from mmap import mmap
from typing import Any

import numpy as np

from hubblefork.sky.fits_images import FitsError

_BLOCK, _CARD = 2880, 80
# A hundred thousand cards, of all parts together: long histories have a few thousand.
_MOST_HEADER = 8 << 20
# Mosaics of large cameras have some hundred parts.
_MOST_PARTS = 1000

# Deflate packs at most this many times.
_MOST_PACKING = 1032
# Numbers of 64 bits, and the header of a tile that holds next to nothing.
_COUNT_BYTES, _LEAST_BYTES = 8, 1 << 16
_PIECE = 1 << 20


def check_parts(content: bytes | mmap) -> None:
    """FitsError where a file has more parts, or longer headers, than any that holds images."""
    place = headers = 0
    for _ in range(_MOST_PARTS + 1):
        if content[place : place + 8] not in (b"SIMPLE  ", b"XTENSION"):
            return  # the end, or what astropy takes for it
        cards, end = {}, place
        while (card := content[end : end + _CARD]) and card.rstrip() != b"END":
            end += _CARD
            if headers + end - place > _MOST_HEADER:
                raise FitsError(f"headers of more than {_MOST_HEADER >> 20} MB")
            if card[8:9] == b"=":
                cards[card[:8].rstrip()] = card[10:].split(b"/")[0].strip()
        headers += end - place
        place += -(-(end + _CARD - place) // _BLOCK) * _BLOCK
        place += -(-_data_bytes(cards) // _BLOCK) * _BLOCK
    raise FitsError(f"more than {_MOST_PARTS:,} parts")


def _data_bytes(cards: dict[bytes, bytes]) -> int:
    """The size of a part's data, as FITS standard 4.0, 4.4.1 and 7.3.1, has it."""

    def number(name: str, default: int) -> int:
        try:
            return int(cards.get(name.encode(), default))
        except ValueError:
            raise FitsError(f"damaged or incomplete ({name} is no whole number)") from None

    axes = [number(f"NAXIS{axis}", 0) for axis in range(1, min(number("NAXIS", 0), 999) + 1)]
    groups = axes[:1] == [0] and cards.get(b"GROUPS") == b"T"
    elements = int(np.prod(axes[1:] if groups else axes, dtype=object)) if axes else 0
    size = abs(number("BITPIX", 8)) // 8 * number("GCOUNT", 1) * (number("PCOUNT", 0) + elements)
    return max(0, size)


def check_tiles(table: Any, most: int) -> None:
    """FitsError where a gzipped tile of a compressed image unpacks to more than its counts.

    table: the binary table that holds the tiles. most: bytes that any tile may have.
    """
    header = table.header
    sides = [header[f"ZTILE{axis}"] for axis in range(1, header["ZNAXIS"] + 1)
             if f"ZTILE{axis}" in header]  # fmt: skip
    # Without tiles of their own, rows are the tiles.
    counts = int(np.prod(sides or [header["ZNAXIS1"]], dtype=object))
    limit = max(_LEAST_BYTES, min(most, _COUNT_BYTES * counts))
    info = table.fileinfo()
    file, start = info["file"], info["datLoc"]
    width, rows = header["NAXIS1"], header["NAXIS2"]
    heap = start + header.get("THEAP", width * rows)
    file.seek(start)
    cells = np.frombuffer(file.read(width * rows), table.columns.dtype)
    gzipped = {"GZIP_COMPRESSED_DATA"}
    if header["ZCMPTYPE"].startswith("GZIP"):
        gzipped.add("COMPRESSED_DATA")
    for column in gzipped & set(table.columns.names):
        order = cells[column].dtype.newbyteorder(">")
        for length, offset in cells[column].view(order).reshape(-1, 2).tolist():
            if length * _MOST_PACKING > limit:
                file.seek(heap + offset)
                if _unpacks_beyond(file.read(length), limit):
                    raise FitsError(f"a tile of more than {limit >> 10:,} KB when unpacked")


def _unpacks_beyond(packed: bytes, limit: int) -> bool:
    """Whether gzipped bytes hold more than `limit`, found piece by piece."""
    found = 0
    while packed:
        piece = zlib.decompressobj(wbits=47)
        while packed and not piece.eof:
            found += len(piece.decompress(packed, _PIECE))
            if found > limit:
                return True
            packed = piece.unconsumed_tail
        packed = piece.unused_data
    return False
