"""FITS files that are small on the disk and huge when read: found before astropy reads them.

astropy unpacks a gzipped tile whole, and makes an object of each part (`core/fits_parts.py`).
"""

import zlib
from typing import IO, Any

import numpy as np

from hubblefork.core.fits_parts import fits_parts
from hubblefork.sky.fits_images import FitsError

# Deflate packs at most this many times.
_MOST_PACKING = 1032
# Numbers of 64 bits, and the header of a tile that holds next to nothing.
_COUNT_BYTES, _LEAST_BYTES = 8, 1 << 16
_PIECE = 1 << 20


def check_parts(file: IO[bytes]) -> None:
    """FitsError where a file has more parts, or longer headers, than any that holds images."""
    try:
        for _ in fits_parts(file):
            continue
    except ValueError as error:
        raise FitsError(str(error)) from None


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
