"""A catalogue: a CSV or Parquet table that names each picture's file and its label."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.data.sources.base import PART_WORDS, PictureFiles
from hubblefork.data.task import Classes
from hubblefork.errors import RequestError, first_few

# The names that the Galaxy Zoo catalogues of other tools use.
_SYNONYMS = {"id_str": "id", "file_loc": "image"}
_REQUIRED = ("id", "image", "label")
_TEXT = (*_REQUIRED, *_SYNONYMS, "split", "group")
# Columns that packing writes itself.
_OWN = ("origin", "digest")


def open_catalogue(path: Path, name: str) -> PictureFiles:
    """Open a catalogue with the columns id, image and label; id_str and file_loc are understood.

    image: path of the picture, relative to the catalogue's folder or absolute.
    label: names of classes (sorted), or whole numbers (in order; their names are the numbers).
    split: optional; train, val (valid, validation) or test for every row.
    group: optional; rows with the same text are never divided by a split.
    ra, dec: optional; degrees. Further columns are kept as they are.

    Ids are read as text, so leading zeros and numbers of 64 bits stay whole.

    Raises RequestError for missing columns, ids, labels or files, repeated ids, unknown words for
    a part, positions off the sky, and fewer than two classes.
    """
    table = _read_table(path, name)
    missing = [column for column in _REQUIRED if column not in table]
    if missing:
        raise RequestError(
            f"{name} has no column {' and no column '.join(missing)}; found "
            f"{first_few(table.columns, 8) or 'nothing'}; expected id, image and label"
        )
    if table.empty:
        raise RequestError(f"{name} has no rows; expected one for each picture")

    for column in _REQUIRED:
        absent = table[column].isna()
        if absent.any():
            which = table.index[absent] + 1 if column == "id" else table["id"][absent]
            what = "row numbers" if column == "id" else "ids"
            raise RequestError(
                f"{name}: {absent.sum():,} of {len(table):,} rows have no {column}; "
                f"{what} {first_few(which)}; fill them in or remove these rows"
            )
    repeated = table["id"][table["id"].duplicated()].unique()
    if len(repeated):
        raise RequestError(
            f"{name}: {len(repeated):,} ids stand in more than one row: {first_few(repeated)}; "
            "each picture needs an id of its own"
        )

    names, labels = _classes(table["label"])
    if len(names) < 2:
        raise RequestError(f"{name} has only one class, {names[0]!r}; two or more are needed")
    folder = path.parent
    paths = [os.path.join(folder, image) for image in table["image"]]
    gone = [image for image, file in zip(table["image"], paths, strict=True)
            if not os.path.isfile(file)]  # fmt: skip
    if gone:
        raise RequestError(
            f"{name}: {len(gone):,} of {len(paths):,} files are not there: {first_few(gone)}; "
            f"paths are relative to {folder}"
        )

    result = pd.DataFrame({"id": table["id"], "label": labels, "origin": table["image"]})
    if "split" in table:
        result["split"] = _parts(table["split"], name)
    for column, limit in (("ra", 360.0), ("dec", 90.0)):
        if column in table:
            result[column] = _degrees(table[column], limit, name)
    for column in table.columns.difference([*result, "image", *_OWN], sort=False):
        result[column] = table[column]
    return PictureFiles(name, Classes(tuple(names)), result, paths, [])


def _read_table(path: Path, name: str) -> pd.DataFrame:
    """Read the file, with the known columns as stripped text and None where nothing stands."""
    try:
        if path.suffix.lower() == ".csv":
            # Only an empty cell is missing: "NA", "None" and "null" are good names of classes.
            table = pd.read_csv(
                path,
                dtype=dict.fromkeys(_TEXT, "str"),
                keep_default_na=False,
                na_values=[""],
                encoding="utf-8-sig",
                low_memory=False,
            )
        else:
            table = pd.read_parquet(path)
    except pd.errors.EmptyDataError:
        raise RequestError(f"{name} is empty; expected the columns id, image and label") from None
    except (ValueError, OSError) as error:  # pandas' and pyarrow's errors for a bad file
        reason = str(error).strip().splitlines()[0]
        raise RequestError(f"{name} cannot be read as a table: {reason}") from error
    table = table.rename(columns=lambda column: str(column).strip())
    for theirs, ours in _SYNONYMS.items():
        if ours not in table:
            table = table.rename(columns={theirs: ours})
    for column in table.columns.intersection(_TEXT):
        table[column] = _as_text(table[column])
    return table.reset_index(drop=True)


def _as_text(values: pd.Series) -> pd.Series:
    """Return stripped text; whole numbers without a decimal point; None where nothing stands."""
    if values.dtype.kind == "f" and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")  # Parquet stores whole numbers with gaps as floats
    text = values.astype("object").where(values.notna(), None)
    text = text.map(lambda value: str(value).strip() or None, na_action="ignore")
    return text.astype("str")


def _classes(labels: pd.Series) -> tuple[list[str], np.ndarray]:
    """Return the names of the classes and each row's index among them."""
    words = labels.unique()
    numbers = all(word.removeprefix("-").isdecimal() for word in words)
    # "01" and "1" would be one number but are two names.
    if numbers and len({int(word) for word in words}) == len(words):
        names = sorted(words, key=int)
    else:
        names = sorted(words)
    index = {word: number for number, word in enumerate(names)}
    return names, labels.map(index).to_numpy(np.int64)


def _parts(words: pd.Series, name: str) -> list[str]:
    """Return train, val or test for each row."""
    parts = words.str.lower().map(PART_WORDS)
    wrong = parts.isna()
    if wrong.any():
        found = words[wrong].fillna("(nothing)").unique()
        raise RequestError(
            f"{name}: {wrong.sum():,} rows have an unknown split: {first_few(found)}; "
            "expected train, val or test in every row"
        )
    if "train" not in set(parts):
        raise RequestError(f"{name}: no row's split is train; expected pictures to learn from")
    return list(parts)


def _degrees(values: pd.Series, limit: float, name: str) -> np.ndarray:
    """Return angles in degrees, NaN where none is known."""
    angles = pd.to_numeric(values, errors="coerce")
    wrong = (angles.isna() & values.notna()) | (angles.abs() > limit)
    if wrong.any():
        raise RequestError(
            f"{name}: {wrong.sum():,} rows have a {values.name} that is no angle within "
            f"{limit:g} degrees: {first_few(values[wrong])}"
        )
    return angles.to_numpy(np.float64)
