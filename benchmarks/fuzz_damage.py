"""The damage of `fuzz.py`: what is done to the bytes of a file.

Each function takes the bytes, which it changes, and the random numbers of the try.
"""

import gzip
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path


def _flip(data: bytearray, dice: random.Random) -> None:
    """Bits here and there, more often among the first bytes, where the headers are."""
    for _ in range(dice.choice((1, 3, 20))):
        reach = len(data) if dice.random() < 0.4 else min(len(data), 1024)
        data[dice.randrange(reach)] ^= 1 << dice.randrange(8)


def _cut(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data)) :]


def _drop(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data))
    del data[start : start + dice.choice((1, 7, 80, 2880))]


def _repeat(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data))
    chunk = data[start : start + dice.choice((1, 80, 1000))]
    data[start:start] = chunk * dice.choice((1, 3, 500))


def _fill(data: bytearray, dice: random.Random) -> None:
    start, length = dice.randrange(len(data)), dice.choice((4, 8, 64, 4096))
    data[start : start + length] = bytes([dice.choice((0, 255, 127, 32))]) * length


def _enlarge(data: bytearray, dice: random.Random) -> None:
    """A number that is written in digits becomes another: huge, negative, not finite."""
    numbers = list(re.finditer(rb"\d+", bytes(data[: 2**16])))
    if not numbers:
        return _flip(data, dice)
    found = dice.choice(numbers)
    huge = (b"999999999999", b"4294967296", b"-1", b"0", b"1e308", b"NaN", b"2147483647", b"''")
    new = dice.choice(huge)
    # Binary headers count their bytes: half of the time the length stays.
    if dice.random() < 0.5:
        new = new[: found.end() - found.start()].rjust(found.end() - found.start(), b"9")
    data[found.start() : found.end()] = new
    return None


def _swap(data: bytearray, dice: random.Random) -> None:
    """Two lines, cells or quoted words change places."""
    parts = list(re.finditer(rb'[^,\n":]+', bytes(data[: 2**16])))
    if len(parts) < 2:
        return _flip(data, dice)
    first, second = sorted(dice.sample(parts, 2), key=lambda part: part.start())
    data[second.start() : second.end()] = first.group()
    data[first.start() : first.end()] = second.group()
    return None


def _insert(data: bytearray, dice: random.Random) -> None:
    """What text should not hold."""
    hostile = (
        b"[" * 5000,
        b'{"a":' * 3000,
        b"\x00" * 9,
        b"\xff\xfe",
        b"\x1b[31m\x1b]0;owned\x07",
        b'"',
        b",,,,,",
        b"\n\n",
        b"[red]",
        b"../" * 9,
        "é\u202e\u0000".encode(),
        b"9" * 5000,
        b"a" * 100_000,
    )
    place = dice.randrange(len(data) + 1)
    data[place:place] = dice.choice(hostile)


def _splice(data: bytearray, dice: random.Random) -> None:
    """The first part and a part from elsewhere in the file, put together."""
    start, end = sorted(dice.randrange(len(data)) for _ in range(2))
    data[:] = data[:start] + data[end:]


def _empty(data: bytearray, dice: random.Random) -> None:
    data.clear()


_DAMAGES: Sequence[Callable[[bytearray, random.Random], None]] = (
    *(_flip, _flip, _flip, _cut, _drop, _repeat, _fill, _enlarge, _enlarge),
    *(_swap, _swap, _insert, _insert, _splice, _empty),
)


def damage(path: Path, dice: random.Random) -> None:
    """Damage a file; one that has checksums is damaged within them, half of the time."""
    content = path.read_bytes()
    inside = dice.random() < 0.5
    if inside and path.suffix == ".gz":
        content = gzip.compress(_damaged(gzip.decompress(content), dice), 1)
    elif inside and path.suffix in (".npz", ".pth"):
        content = _damaged_member(content, dice)
    elif inside and path.suffix == ".png":
        content = _damaged_chunk(content, dice)
    else:
        content = _damaged(content, dice)
    path.unlink()  # which may be a link to the template
    path.write_bytes(content)


def _damaged(content: bytes, dice: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(dice.choice((1, 1, 2))):
        if data:
            dice.choice(_DAMAGES)(data, dice)
    return bytes(data)


def _damaged_member(content: bytes, dice: random.Random) -> bytes:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = dice.choice(sorted(members))
    members[name] = _damaged(members[name], dice)
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return written.getvalue()


def _damaged_chunk(content: bytes, dice: random.Random) -> bytes:
    """Damage the content of one chunk of a PNG, and compute its checksum anew."""
    chunks, place = [], 8
    while place < len(content):
        length = int.from_bytes(content[place : place + 4])
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    chosen = dice.randrange(len(chunks))
    chunks[chosen] = chunks[chosen][0], _damaged(chunks[chosen][1], dice)
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return content[:8] + b"".join(parts)
