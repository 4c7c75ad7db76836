"""What the small files of a HATS catalogue say: which table is meant, and where positions are.

HATS (Hierarchical Adaptive Tiling Scheme) divides a table into Parquet files by pixels of HEALPix;
`hats`, `hats-import` and LSDB read and write it. https://www.ivoa.net/documents/Notes/HATS/
"""

import re
from collections.abc import Mapping
from pathlib import Path

from hubblefork.core.regular_files import not_a_file
from hubblefork.core.urls import protocol_of

PROPERTIES = "hats.properties"
_COLLECTION = "collection.properties"
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def is_collection(folder: Path) -> bool:
    """Whether a folder is a collection: a HATS catalogue and others that belong to it."""
    return (folder / _COLLECTION).is_file()


def main_catalogue(folder: Path) -> Path:
    """Return the catalogue of a collection; a folder that is none is returned as it is.

    Raises ValueError where the catalogue is not there.

    >>> _ = (folder / "collection.properties").write_text("hats_primary_table_url=sky\\n")
    >>> (folder / "sky").mkdir()
    >>> main_catalogue(folder).name
    'sky'
    """
    if not is_collection(folder):
        return folder
    name = read_properties(folder / _COLLECTION).get("hats_primary_table_url", "")
    if not name or protocol_of(name) or not (folder / name).is_dir():
        raise ValueError(
            f"it is a collection of HATS catalogues, and its main one ({name or 'not named'}) is "
            "not in the folder"
        )
    return folder / name


def position_columns(folder: Path) -> dict[str, str]:
    """The columns of a HATS catalogue that are ra and dec, as its properties say; else none."""
    folder = main_catalogue(folder)
    if not_a_file(folder / PROPERTIES):
        return {}
    told = read_properties(folder / PROPERTIES)
    return {role: told[key] for role in ("ra", "dec") if (key := f"hats_col_{role}") in told}


def read_properties(path: Path) -> dict[str, str]:
    r"""Read a file of properties as Java has them: `key = value` lines, `#` before comments.

    >>> write_properties(folder / "a.properties", {"name": "a\\b = c"})
    >>> read_properties(folder / "a.properties")
    {'name': 'a\\b = c'}
    """
    found = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith(("#", "!")):
            plain = re.sub(r"\\(.)", lambda each: _ESCAPED.get(each[1], each[1]), value.strip())
            found[key.strip()] = plain
    return found


def write_properties(path: Path, properties: Mapping[str, object]) -> None:
    """Write a file that `read_properties` reads."""
    table = str.maketrans({char: f"\\{letter}" for letter, char in _ESCAPED.items()})
    lines = [f"{key}={str(value).translate(table)}\n" for key, value in properties.items()]
    path.write_text("".join(["#HATS catalog\n", *lines]), encoding="utf-8")
