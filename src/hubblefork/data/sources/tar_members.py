"""The files in an uncompressed tar: their names and places, read from its headers alone.

Nothing is extracted, and no link followed: only regular files are members.
"""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.tries import is_transient

# A tar ends with zeros, of which there may be as many as fill a block of a tape, or some more.
_LOOKED_BEHIND = 1 << 20


class Member(NamedTuple):
    """A file in a tar: its name there, without `./`, and where its bytes are."""

    name: str
    offset: int
    size: int


def regular_members(path: Path, ignored: list[str]) -> Iterator[Member]:
    """Yield the regular files of a tar in their order.

    ignored: takes the names of the others: links, sparse files, devices, and names with `..`.

    Raises RequestError where the tar is damaged, cut off or compressed.
    """
    if reason := not_a_file(path):
        raise RequestError(f"{path}: {reason}")
    end = os.path.getsize(path)
    try:
        with tarfile.open(path, "r:") as archive:
            before = -1
            while (member := archive.next()) is not None:
                # A million of them would take a gigabyte.
                archive.members.clear()  # type: ignore[attr-defined]
                data_end = member.offset_data + member.size
                if not before < member.offset_data <= data_end <= end:
                    raise tarfile.ReadError(f"{member.name} reaches beyond its end")
                before = member.offset_data
                name = PurePosixPath(member.name)
                if member.isreg() and not member.issparse() and ".." not in name.parts:
                    yield Member(str(name), member.offset_data, member.size)
                elif not member.isdir():
                    ignored.append(member.name)
            _check_end(path, archive.offset)
    # tarfile meets arbitrary bytes, and answers with errors of many kinds.
    except Exception as error:
        if isinstance(error, OSError) and is_transient(error):
            raise
        raise RequestError(
            f"{path} cannot be read as an uncompressed tar: {first_line(error)}; if it is whole, "
            "uncompress it"
        ) from error


def _check_end(path: Path, offset: int) -> None:
    """A header that is damaged ends a tar for `tarfile`, and so does the end of the file."""
    with open(path, "rb") as file:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
        if block != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it is damaged or cut off, and has no end mark")
        if file.read(_LOOKED_BEHIND).strip(b"\0"):
            raise tarfile.ReadError("more follows after its end mark; join tars by `tar -A`")
