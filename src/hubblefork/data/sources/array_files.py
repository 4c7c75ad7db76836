"""The arrays in an HDF5 or NumPy file, listed without reading them and read a few rows at a time.

Files come from anywhere: nothing is ever unpickled, and damage of any kind ends in one line.
"""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import h5py
import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.regular_files import not_a_file
from hubblefork.data.sources.hdf5_text import read_text

# Attributes and arrays that usually hold the names of the classes.
NAMES_OF_CLASSES = ("class_names", "classes", "label_names", "target_names", "names", "categories")

# The most that is in memory of one array. It holds a row of Galaxy10 DECaLS' chunks (555 images,
# 109 MB), and leaves room for the slab before it, which the workers still decode.
MOST_BYTES = 256 << 20

# Deflate packs nothing but zeros a thousandfold, and real images twofold: a file that claims to
# hold this many times its own size is damaged, or a trap. Small ones do no harm.
_MOST_PACKING = 500
_HARMLESS = 1 << 28

# Files of images have a dozen arrays; each that is open takes a hundred kilobytes.
_MOST_ARRAYS = 1000


@dataclass(frozen=True, eq=False)
class Array:
    """One array of a file, or in memory.

    file: the source as the user named it, for messages.
    key: its name in the file; of an .npy file, the file's name.
    shape, dtype: as in NumPy; text of any length has the dtype object.
    read: returns the rows from start to stop, in any byte order.
    chunk: how many rows are compressed together, so that they are best read together.
    problem: why it cannot be read, in words; empty where it can.
    class_names: returns the names in an attribute of the array or of its file, if any.
    """

    file: str
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[int, int], np.ndarray]
    chunk: int = 1
    problem: str = ""
    class_names: Callable[[], list[str]] = list

    @property
    def row_bytes(self) -> int:
        """The size of one row in memory."""
        return self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=object))

    @property
    def is_text(self) -> bool:
        return self.dtype.kind in "SUO"

    @property
    def last(self) -> str:
        """The key without its groups, in lower case.

        >>> in_memory("a.h5", "train/Images", np.zeros(3)).last
        'images'
        """
        return self.key.rpartition("/")[2].lower().removesuffix(".npy")

    def __str__(self) -> str:
        kind = "text" if self.is_text else self.dtype.name
        shape = ", ".join(map(str, self.shape))
        return f"{self.key} ({shape}) {self.problem or kind}"

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Read these rows, in the byte order of this machine; text is an array of str.

        Raises RequestError where the file is damaged.
        """
        if self.problem:
            raise RequestError(f"{self.file}: {self.key} is {self.problem}")
        with damage_reported(self.file):
            values = self.read(start, stop)
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


def in_memory(file: str, key: str, values: np.ndarray) -> Array:
    """Return an array that is in memory already; its rows are views of it."""
    return Array(file, key, values.shape, values.dtype, lambda start, stop: values[start:stop])


def open_arrays_of(path: Path, file: str) -> list[Array]:
    """List the arrays in a file; its suffix says which kind it is.

    file: the source as the user named it.

    Raises RequestError where the file is not there, is damaged or claims impossible sizes.
    """
    if reason := not_a_file(path):
        raise RequestError(f"{path}: {reason}")
    readers: dict[str, Callable[[Path, str], list]] = {".npy": _open_npy, ".npz": _open_npz}
    with damage_reported(file):
        arrays = readers.get(path.suffix.lower(), _open_hdf5)(path, file)
    claimed, size = sum(each.row_bytes * each.shape[0] for each in arrays), path.stat().st_size
    if claimed > _HARMLESS and claimed > _MOST_PACKING * size:
        raise RequestError(
            f"{file}: {size:,} bytes claim to hold {claimed:,}: the file is damaged, or its "
            "images are blank"
        )
    return arrays


@contextmanager
def damage_reported(file: str) -> Iterator[None]:
    """Turn what readers raise on a damaged file into one line."""
    try:
        yield
    except RequestError:
        raise
    # HDF5, zip and NumPy meet arbitrary bytes and answer with errors of almost every kind.
    except Exception as error:
        raise RequestError(
            f"{file} is damaged, incomplete or of another kind ({first_line(error)}); "
            "get or write it again"
        ) from error


# HDF5 ----------------------------------------------------------------------------------------


def _open_hdf5(path: Path, file: str) -> list[Array]:
    arrays: list[Array] = []

    def visit(key: str | bytes, item: object) -> None:
        # Only a damaged file has keys that are not UTF-8.
        if isinstance(key, str) and isinstance(item, h5py.Dataset) and item.shape:
            _check_number(len(arrays) + 1, file)
            arrays.append(_hdf5_array(file, key, item, path))

    with _hdf5_file(path) as opened:
        opened.visititems(visit)
    return arrays


def _hdf5_file(path: Path) -> h5py.File:
    """A file that is closed again after each reading.

    HDF5 opens a file that is open already as it was then: one that has been replaced meanwhile
    would have its former content, for as long as anything of the process still holds it.
    """
    # Not every shared disk has locks, and nothing is written here.
    return h5py.File(path, "r", locking="best-effort")


def _hdf5_array(file: str, key: str, item: h5py.Dataset, path: Path) -> Array:
    problem = ""
    try:
        dtype = item.dtype
    except TypeError as error:  # a type that NumPy does not have
        dtype, problem = np.dtype(object), f"of a type that cannot be read ({error})"
    if dtype.hasobject and h5py.check_string_dtype(dtype) is None:
        problem = problem or "of a type that cannot be read (references or rows of other lengths)"
    if item.is_virtual or item.external:
        problem = "kept in other files; write its values into this one"
    chunk = item.chunks[0] if item.chunks else 1
    if item.chunks and dtype.itemsize * int(np.prod(item.chunks, dtype=object)) > MOST_BYTES:
        problem = f"in chunks {item.chunks} of more than {MOST_BYTES >> 20} MB; write smaller ones"
    read = partial(_hdf5_rows, path.absolute(), item.name, dtype)
    names = partial(_hdf5_class_names, path.absolute(), item.name, file)
    return Array(file, key, item.shape, dtype, read, chunk, problem, names)


def _hdf5_rows(path: Path, name: str, dtype: np.dtype, start: int, stop: int) -> np.ndarray:
    with _hdf5_file(path) as file:
        item = file[name]
        if dtype.kind != "O":
            return item[start:stop]
        shape = item.shape
    return np.array(read_text(path, name.removeprefix("/")), object).reshape(shape)[start:stop]


def _hdf5_class_names(path: Path, name: str, file: str) -> list[str]:
    with damage_reported(file):
        found = _hdf5_names_place(path, name)
        return read_text(path, *found) if found else []


def _hdf5_names_place(path: Path, name: str) -> tuple[str, str] | None:
    """The object and the attribute that name the classes of an array, if any do."""
    with _hdf5_file(path) as opened:
        for item in (opened[name], opened):
            for each in NAMES_OF_CLASSES:
                if each in item.attrs and len(item.attrs.get_id(each).shape or ()) == 1:
                    return item.name, each
    return None


def _check_number(arrays: int, file: str) -> None:
    if arrays > _MOST_ARRAYS:
        raise RequestError(
            f"{file} holds more than {_MOST_ARRAYS:,} arrays; expected one of all images, and one "
            "of their labels"
        )


# NumPy ---------------------------------------------------------------------------------------


def _open_npy(path: Path, file: str) -> list[Array]:
    # Kept open: rows are read as they are asked for.
    stream = open(path, "rb")  # noqa: SIM115
    return _npy_array(file, path.name, stream, path.stat().st_size, path)


def _open_npz(path: Path, file: str) -> list[Array]:
    archive = zipfile.ZipFile(path)
    _check_number(len(archive.infolist()), file)
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
    """The array whose file `stream` is at the start of; none where it is a single number.

    stream: it can seek, if only by decompressing again.
    path: of the file on the disk; None for a member of an .npz.
    """
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"NumPy format {version}")
    if not shape:
        return []
    offset, problem = stream.tell(), ""
    if dtype.hasobject:
        problem = "pickled objects, which are never read"
    elif min(shape) < 0 or int(np.prod(shape, dtype=object)) * dtype.itemsize > size - offset:
        raise ValueError(f"its header says {shape}, more than the file holds")
    elif fortran and path is None and size > MOST_BYTES:
        problem = "compressed in Fortran order; save numpy.ascontiguousarray of it, or an .npy"

    def read(start: int, stop: int) -> np.ndarray:
        if fortran and path:
            return np.array(np.memmap(path, dtype, "r", offset, shape, order="F")[start:stop])
        if fortran:
            return values(0, shape[0]).reshape(shape, order="F")[start:stop]
        return values(start, stop).reshape(stop - start, *shape[1:])

    def values(start: int, stop: int) -> np.ndarray:
        """The values stored in the place of these rows, one after another."""
        row_bytes = dtype.itemsize * int(np.prod(shape[1:], dtype=object))
        stream.seek(offset + start * row_bytes)
        content = stream.read((stop - start) * row_bytes)
        if len(content) < (stop - start) * row_bytes:
            raise ValueError("it ends early")
        return np.frombuffer(content, dtype)

    return [Array(file, key, shape, dtype, read, problem=problem)]
