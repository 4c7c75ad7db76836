"""A catalogue: a table with each image's label, and its file or its place in mosaics."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.names import as_on_disk, normalised
from hubblefork.core.regular_files import without_file
from hubblefork.core.tables.stored import StoredTable
from hubblefork.core.urls import located
from hubblefork.data.sources.base import ImageFiles, Source
from hubblefork.data.sources.class_labels import classes_of, spelling_notes
from hubblefork.data.sources.column_roles import ROLES, Columns, degrees_a_unit, find_columns
from hubblefork.data.sources.cutouts import CutoutSource
from hubblefork.data.sources.ids import find_ids
from hubblefork.data.sources.image_tables import exact, ignored_note, read_scalars, read_schema
from hubblefork.data.sources.mosaic_options import open_mosaics
from hubblefork.data.sources.table_columns import (
    as_text,
    check_filled,
    check_ids,
    known_columns,
    subsets,
    told_apart,
    with_plain_names,
)
from hubblefork.data.sources.table_files import open_stored
from hubblefork.data.sources.vote_fractions import checked_fractions, votes_in
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.sky.mosaics import Mosaics
from hubblefork.tasks.task import Task, Unlabelled


def open_catalogue(name: str, labelled: bool = True, hdu: str | None = None) -> Source:
    """Open a catalogue: a CSV or TSV file, Parquet, a FITS table, a VOTable or ECSV.

    name: its path, with options behind it: the column of a role (`:id=objid:image=file`), `hdu`,
        and the mosaics that images are cut from (see `open_mosaics`).
    labelled: whether labels are needed. Without, problems with labels go to the notes.
    hdu: what the image to read of FITS files is called; see `open_source`.

    The columns of each role are found by the usual spellings (see `column_roles`):

    id: as `data.sources.ids` finds it; without one, the paths.
    image: path of the image, relative to the catalogue's folder or absolute, or a URL. In its
        place, columns image_g, image_r, ... of any such names: a file for each band, in their
        order. With mosaics, ra, dec and size (arcsec) take its place.
    label: class names (sorted), or whole numbers (in order; their names are the numbers). In its
        place, the columns of the vote fractions of a known decision tree.
    split: optional; train, val (valid, validation) or test for every row.
    group: optional; rows with the same text stay in one subset of a split.
    ra, dec: optional; degrees. Further columns of numbers, text and dates are kept as they are;
        others, as a Parquet file may have, are listed in the notes.

    Ids are read as text, so that leading zeros and numbers of 64 bits are kept.

    Raises RequestError for missing columns, labels or files, missing or repeated ids, unknown words
    for a subset, fractions that contradict the tree, invalid positions, and fewer than two classes.
    """
    stored, path, options = open_stored(name)
    if path.suffix.lower() == ".parquet" and path.is_file():
        table = read_scalars(path, read_schema(path, name), name)
    else:
        table = _read_whole(stored, name)
    folder = path if path.is_dir() else path.parent
    return _open_table(table, stored, folder, name, labelled, options.get("hdu", hdu), options)


def open_table(
    stored: StoredTable,
    labelled: bool = True,
    hdu: str | None = None,
    options: Mapping[str, str] | None = None,
) -> Source:
    """Open a table in memory with the columns of a catalogue; see `open_catalogue`.

    Paths are relative to the current folder; without a column id, they are the ids.

    >>> from hubblefork.core.tables.memory import table_in_memory
    >>> paths = [str(galaxies / "bar" / "bar 0.png"), str(galaxies / "disc" / "disc 0.png")]
    >>> table = pd.DataFrame({"image": paths, "label": ["bar", "disc"]})
    >>> open_table(table_in_memory(table)).task
    Classes(names=('bar', 'disc'))
    """
    name = f"table ({stored.rows:,} row{'s' * (stored.rows != 1)})"
    table = _read_whole(stored, name)
    return _open_table(table, stored, Path.cwd(), name, labelled, hdu, options or {})


def _read_whole(stored: StoredTable, name: str) -> pd.DataFrame:
    """All columns of numbers, text and dates."""
    columns = [each for each in stored.schema.names if each not in stored.nested]
    try:
        batches = list(stored.batches(columns=columns))
    except (ValueError, OSError) as error:
        raise RequestError(f"{name} cannot be read as a table: {first_line(error)}") from error
    table = exact(pa.concat_tables(batches)) if batches else stored.schema.empty_table()
    return table.to_pandas()


def _open_table(
    table: pd.DataFrame,
    stored: StoredTable,
    folder: Path,
    name: str,
    labelled: bool,
    hdu: str | None,
    options: Mapping[str, str],
) -> Source:
    table, notes = with_plain_names(table, name), ignored_note(stored.nested)
    mosaics = open_mosaics(options, hdu)
    asked = {role: normalised(options[role]) for role in ROLES if role in options}
    if mosaics is not None and mosaics.size is not None:
        asked.pop("size", None)
    roles = find_columns(table, asked, name)
    if mosaics is not None:
        roles = replace(roles, images=())
    notes += replace(roles, id=None).note()  # that of the ids is told below
    table = _in_degrees(table, stored.schema, roles)
    table = _called_by_role(table, roles)
    images = ["image"] if len(roles.images) == 1 else list(roles.images)
    written = table.get("label", [])
    text = [each for each in ("label", "split", "group", *images) if each in table]
    table = table.assign(**{each: as_text(table[each]) for each in text})
    _check_columns(table, roles, mosaics, name, labelled, notes)
    if mosaics is None:
        origin = table[images[0]].str.cat([table[each] for each in images[1:]], sep=", ")
        stand_in = table[images[0]]
        words = "images are identified by their paths (:id=COLUMN names a column of a file)"
    else:
        origin = _places(table)
        stand_in, words = (
            origin,
            "images are identified by their positions (:id=COLUMN names a column)",
        )
    ids = find_ids(table, asked.get("id"), stand_in, words, name)
    for column in images:
        check_filled(table[column], ids.values if ids.column else table[column], name)
    check_ids(ids.values, name)
    notes += ids.notes
    paths = _paths(table, images, folder, name, labelled) if mosaics is None else []
    table = ids.grouped(table.drop(columns=[ids.column] if ids.column else []))
    table = table.assign(id=ids.values)
    try:
        task, labels = _labels(table, name)
        notes += spelling_notes(written)
        if "split" in table:
            labels = labels.assign(split=subsets(table["split"], name))
    except RequestError as error:
        if labelled:
            raise
        task, labels = Unlabelled(), table[[]]
        notes.append(f"Read without labels and split: {error}.")
    used = ("id", *images, "label", "split", *labels)
    others = known_columns(table[table.columns.difference(used, sort=False)], name)
    result = pd.concat([ids.values, labels, origin.rename("origin"), told_apart(others)], axis=1)
    if mosaics is None:
        return ImageFiles(name, task, result, paths, notes, hdu)
    size = None if mosaics.size is not None else pd.to_numeric(table["size"], errors="coerce")
    return CutoutSource(name, task, result, mosaics, notes, size)


def _in_degrees(table: pd.DataFrame, schema: pa.Schema, roles: Columns) -> pd.DataFrame:
    """The table with ra and dec in degrees, by the units of their columns."""
    units = {normalised(field.name): field for field in schema}
    factors = {
        column: degrees_a_unit(units[column]) for column in (roles.ra, roles.dec) if column in units
    }
    return table.assign(
        **{column: table[column] * factor for column, factor in factors.items() if factor != 1}
    )


def _called_by_role(table: pd.DataFrame, roles: Columns) -> pd.DataFrame:
    """The table with the columns of roles called by these; others that are called so step aside."""
    names = {column: role for role, column in roles.names().items()
             if role != "id" and column in table}  # fmt: skip
    aside = {role: f"{role}_input" for column, role in names.items()
             if role in table and role != column}  # fmt: skip
    return table.rename(columns=aside | names)


def _places(table: pd.DataFrame) -> pd.Series:
    """What is said of where an image is cut."""
    ra, dec = (pd.to_numeric(table[each], errors="coerce") for each in ("ra", "dec"))
    return pd.Series([f"{a:.6f} {d:+.6f}" for a, d in zip(ra, dec, strict=True)], dtype="str")


def _check_columns(
    table: pd.DataFrame,
    roles: Columns,
    mosaics: Mosaics | None,
    name: str,
    labelled: bool,
    notes: Sequence[str],
) -> None:
    if mosaics is None:
        missing = ["image"] * (not roles.images)
    else:
        needed = ["ra", "dec"] + ["size"] * (mosaics.size is None)
        missing = [each for each in needed if each not in table]
    missing += ["label"] * (labelled and "label" not in table and votes_in(table) is None)
    if missing:
        votes = sum(column in table for column in GALAXY_ZOO_2.columns)
        total = len(GALAXY_ZOO_2.columns)
        hint = f", or all {total} fractions of votes, of which it has {votes}" if votes else ""
        raise RequestError(
            f"{name} has no column {' and no column '.join(missing)}; found "
            f"{first_few(table.columns, 8) or 'nothing'}; expected id, image and label{hint}"
            f"; --columns {missing[0]}=COLUMN names another"
            + "".join(f". {each.rstrip('.')}" for each in notes)
        )
    if table.empty:
        raise RequestError(f"{name} has no rows; expected one for each image")


def _paths(
    table: pd.DataFrame, images: Sequence[str], folder: Path, name: str, labelled: bool
) -> list[str] | list[tuple[str, ...]]:
    """Return the file of each image, or the files of its bands.

    Where no labels are needed, missing files are left to packing and prediction, which go on
    without them: of a million, one is always lost.
    """
    files = [as_on_disk(located(each, folder) for each in table[column]) for column in images]
    gone = [
        each
        for column, paths in zip(images, files, strict=True)
        for each in without_file(table[column], paths)
    ]
    number = len(table) * len(images)
    if gone and (labelled or len(gone) == number):
        raise RequestError(
            f"{name}: {len(gone):,} of {number:,} files are not there: {first_few(gone)}; "
            f"paths are relative to {folder}"
        )
    return files[0] if images == ["image"] else list(zip(*files, strict=True))


def _labels(table: pd.DataFrame, name: str) -> tuple[Task, pd.DataFrame]:
    """Return the task and the columns of the labels."""
    if "label" in table:
        check_filled(table["label"], table["id"], name)
        classes, label = classes_of(table["label"], name)
        return classes, pd.DataFrame({"label": label}, index=table.index)
    if votes := votes_in(table):
        return votes, checked_fractions(table, table["id"], name, votes.tree)
    return Unlabelled(), table[[]]
