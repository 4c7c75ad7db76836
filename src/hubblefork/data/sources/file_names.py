"""Kinds of files that are known by their names alone: arrays and tars.

Sources are checked by these before anything that takes long to import is imported.
"""

from hubblefork.core.path_options import split_options

ARRAY_SUFFIXES = (".h5", ".hdf5", ".npz", ".npy")


def is_array_name(text: str) -> bool:
    """Whether `text` names a file of arrays, with or without options.

    >>> is_array_name("sky.h5"), is_array_name("sky.npz:images=x"), is_array_name("sky.csv")
    (True, True, False)
    """
    return split_options(text)[0].lower().endswith(ARRAY_SUFFIXES)


def is_tar_name(text: str) -> bool:
    """Whether a path is called as a tar that is not compressed, or as several, numbered ones.

    >>> is_tar_name("sky.tar"), is_tar_name("sky-{00..11}.tar"), is_tar_name("sky.tar.gz")
    (True, True, False)
    """
    return text.lower().endswith(".tar")
