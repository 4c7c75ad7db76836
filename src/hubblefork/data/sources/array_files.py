"""The arrays in an HDF5 or NumPy file, listed without reading them and read a few rows at a time.

Files come from anywhere: nothing is ever unpickled, and every way in which a file can be damaged
ends in one line.
"""

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.data.sources.hdf5_text import read_text

HDF5_SUFFIXES = (".h5", ".hdf5")
SUFFIXES = (*HDF5_SUFFIXES, ".npz", ".npy")

# Attributes and arrays in which people keep the names of the classes.
NAMES_OF_CLASSES = ("class_names", "classes", "label_names", "target_names", "names", "categories")

# What may be in memory of one array at once. It holds a row of Galaxy10 DECaLS' chunks (555
# images, 109 MB), and leaves room for the slab before it, which the workers still decode.
MOST_BYTES = 256 << 20

# Deflate packs nothing but zeros a thousandfold, and real images twofold: a file that claims to
# hold this many times its own size is damaged, or a trap. Small ones do no harm.
_MOST_PACKING = 500
_HARMLESS = 1 << 28


@dataclass(frozen=True, eq=False)
class Array(ABC):
    """One array of a file.

    file: the source as the user named it, for messages.
    key: its name in the file; of an .npy file, the file's name.
    shape, dtype: as NumPy writes them; text of any length has the dtype object.
    chunk: how many rows are packed together, so that they are best read together.
    trouble: why it cannot be read, in words; nothing where it can.
    """

    file: str
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype
    chunk: int = 1
    trouble: str = ""

    @property
    def row_bytes(self) -> int:
        """What one row takes in memory."""
        return self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=object))

    @property
    def is_text(self) -> bool:
        return self.dtype.kind in "SUO"

    @property
    def last(self) -> str:
        """The key without its groups, in small letters.

        >>> _Unreadable("a.h5", "train/Images", (1,), np.dtype("u1")).last
        'images'
        """
        return self.key.rpartition("/")[2].lower().removesuffix(".npy")

    def __str__(self) -> str:
        kind = "text" if self.is_text else self.dtype.name
        shape = ", ".join(map(str, self.shape))
        return f"{self.key} ({shape}) {self.trouble or kind}"

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Read these rows, in the byte order of this machine; text is an array of str.

        Raises RequestError where the file is damaged.
        """
        if self.trouble:
            raise RequestError(f"{self.file}: {self.key} is {self.trouble}")
        with damage_told(self.file):
            values = self._read(start, stop)
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def all(self) -> np.ndarray:
        """Read all of it; for labels and positions, never for images."""
        if self.row_bytes * self.shape[0] > MOST_BYTES:
            raise RequestError(f"{self.file}: {self} is too large for labels or for a column")
        return self.rows(0, self.shape[0])

    def column(self) -> pd.Series:
        """Read (N,) or (N, 1) values as a column of a table; bytes become text."""
        values = self.all().reshape(self.shape[0])
        if values.dtype.kind == "S":
            values = np.char.decode(values, "utf-8", "backslashreplace")
        return pd.Series(values, name=self.last)

    def named_classes(self) -> list[str]:
        """The names of classes in an attribute of this array or of its file, or nothing."""
        return []

    @abstractmethod
    def _read(self, start: int, stop: int) -> np.ndarray:
        """Read these rows in whatever byte order."""


def open_arrays_of(path: Path, file: str) -> list[Array]:
    """List the arrays in a file, by the name of its kind.

    file: the source as the user named it.

    Raises RequestError where the file is not there, is damaged or claims impossible sizes.
    """
    if not path.is_file():
        what = "a directory, not a file of arrays" if path.is_dir() else "no such file"
        raise RequestError(f"{path}: {what}")
    readers: dict[str, Callable[[Path, str], list]] = {".npy": _open_npy, ".npz": _open_npz}
    with damage_told(file):
        arrays = readers.get(path.suffix.lower(), _open_hdf5)(path, file)
    claimed, size = sum(each.row_bytes * each.shape[0] for each in arrays), path.stat().st_size
    if claimed > _HARMLESS and claimed > _MOST_PACKING * size:
        raise RequestError(
            f"{file}: {size:,} bytes claim to hold {claimed:,}: the file is damaged, or its "
            "images are blank"
        )
    return arrays


@contextmanager
def damage_told(file: str) -> Iterator[None]:
    """Turn what readers raise over a damaged file into one line."""
    try:
        yield
    except RequestError:
        raise
    # HDF5, zip and NumPy meet arbitrary bytes and answer with errors of almost every kind.
    except Exception as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise RequestError(
            f"{file} is damaged, incomplete or of another kind ({words[0].rstrip('.')}); "
            "get it again or write it anew"
        ) from error


# HDF5 ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Hdf5Array(Array):
    dataset: h5py.Dataset = field(kw_only=True)

    def _read(self, start: int, stop: int) -> np.ndarray:
        if self.dtype.kind == "O":
            words = read_text(Path(self.dataset.file.filename), self.key)
            return np.array(words, object).reshape(self.shape)[start:stop]
        return self.dataset[start:stop]

    def named_classes(self) -> list[str]:
        with damage_told(self.file):
            for item in (self.dataset, self.dataset.file):
                for name in NAMES_OF_CLASSES:
                    if name in item.attrs and len(item.attrs.get_id(name).shape or ()) == 1:
                        return read_text(Path(item.file.filename), item.name, name)
        return []


def _open_hdf5(path: Path, file: str) -> list[Array]:
    # Not every shared disk has locks, and nothing is written here.
    opened = h5py.File(path, "r", locking="best-effort")
    arrays: list[Array] = []

    def look(key: str | bytes, item: object) -> None:
        # Only a damaged file has keys that are not UTF-8.
        if isinstance(key, str) and isinstance(item, h5py.Dataset) and item.shape:
            arrays.append(_hdf5_array(file, key, item))

    opened.visititems(look)
    return arrays


def _hdf5_array(file: str, key: str, item: h5py.Dataset) -> Array:
    trouble = ""
    try:
        dtype = item.dtype
    except TypeError as error:  # a type that NumPy does not have
        dtype, trouble = np.dtype(object), f"of a type that cannot be read ({error})"
    if dtype.hasobject and h5py.check_string_dtype(dtype) is None:
        trouble = trouble or "of a type that cannot be read (references or rows of other lengths)"
    if item.is_virtual or item.external:
        trouble = "kept in other files; write its values into this one"
    chunk = item.chunks[0] if item.chunks else 1
    if item.chunks and dtype.itemsize * int(np.prod(item.chunks, dtype=object)) > MOST_BYTES:
        trouble = f"in chunks {item.chunks} of more than {MOST_BYTES >> 20} MB; write smaller ones"
    return _Hdf5Array(file, key, item.shape, dtype, chunk, trouble, dataset=item)


# NumPy ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _NpyArray(Array):
    """An array in an .npy file, or in one that is a member of an .npz.

    stream: the file; it can seek, if only by reading again what is packed.
    offset: where the values begin.
    fortran: whether the first axis varies fastest.
    path: of the file on the disk; nothing for a member of an .npz.
    """

    stream: IO[bytes] = field(kw_only=True)
    offset: int = field(kw_only=True)
    fortran: bool = field(kw_only=True)
    path: Path | None = field(kw_only=True)

    def _read(self, start: int, stop: int) -> np.ndarray:
        if self.fortran and self.path:
            whole = np.memmap(self.path, self.dtype, "r", self.offset, self.shape, order="F")
            return np.array(whole[start:stop])
        if self.fortran:
            return self._values(0, self.shape[0]).reshape(self.shape, order="F")[start:stop]
        return self._values(start, stop).reshape(stop - start, *self.shape[1:])

    def _values(self, start: int, stop: int) -> np.ndarray:
        """The values that lie in the place of these rows, one after another."""
        self.stream.seek(self.offset + start * self.row_bytes)
        content = self.stream.read((stop - start) * self.row_bytes)
        if len(content) < (stop - start) * self.row_bytes:
            raise ValueError("it ends early")
        return np.frombuffer(content, self.dtype)


@dataclass(frozen=True, eq=False)
class _Unreadable(Array):
    """An array that is only listed."""

    def _read(self, start: int, stop: int) -> np.ndarray:
        raise ValueError("there is nothing to read")


def _open_npy(path: Path, file: str) -> list[Array]:
    # Kept open: rows are read as they are asked for.
    stream = open(path, "rb")  # noqa: SIM115
    return _npy_array(file, path.name, stream, path.stat().st_size, path)


def _open_npz(path: Path, file: str) -> list[Array]:
    archive = zipfile.ZipFile(path)
    arrays = []
    for member in archive.infolist():
        if member.filename.endswith(".npy"):
            key = member.filename.removesuffix(".npy")
            arrays += _npy_array(file, key, archive.open(member), member.file_size, None)
    if not arrays:
        found = first_few(archive.namelist()) or "nothing"
        raise RequestError(f"{file} holds no arrays (.npy members), but {found}")
    return arrays


def _npy_array(file: str, key: str, stream: IO[bytes], size: int, path: Path | None) -> list[Array]:
    """The array whose file `stream` is at the start of; nothing where it is a single number."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"NumPy format {version}")
    if not shape:
        return []
    if dtype.hasobject:
        return [
            _Unreadable(file, key, shape, dtype, trouble="pickled objects, which are never read")
        ]
    offset = stream.tell()
    if min(shape) < 0 or int(np.prod(shape, dtype=object)) * dtype.itemsize > size - offset:
        raise ValueError(f"its head says {shape}, more than the file holds")
    trouble = ""
    if fortran and path is None and size > MOST_BYTES:
        trouble = "packed in Fortran order; save it with numpy.ascontiguousarray, or as an .npy"
    more: dict[str, Any] = {"stream": stream, "offset": offset, "fortran": fortran, "path": path}
    return [_NpyArray(file, key, shape, dtype, trouble=trouble, **more)]
