"""The Galaxy Zoo challenge of 2014 as unzipped from Kaggle: `kaggle:DIR` and `kaggle:DIR:test`.

    DIR/images_training_rev1/100008.jpg ...   61,578 images of 424x424
    DIR/training_solutions_rev1.csv           GalaxyID and the 37 vote fractions of each
    DIR/images_test_rev1/100018.jpg ...       79,975 images without votes
    DIR/all_zeros_benchmark.csv               the form of a submission: the order of the test ids

Each of these may be in a folder of its own name, as some programs unzip it.
"""

import os
from pathlib import Path

import pandas as pd

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.names import normalised, stem
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.tables.csv import read_csv, with_numbers
from hubblefork.data.images.read import is_image_name
from hubblefork.data.sources.base import ImageFiles
from hubblefork.data.sources.table_columns import as_text, check_ids, with_plain_names
from hubblefork.data.sources.vote_fractions import checked_fractions
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.task import Task, Unlabelled
from hubblefork.tasks.votes import Votes

_SOLUTIONS = "training_solutions_rev1.csv"
_TRAINING = "images_training_rev1"
_TEST = "images_test_rev1"
_BENCHMARK = "all_zeros_benchmark.csv"
_ID = "GalaxyID"


def is_kaggle(path: Path) -> bool:
    """Whether a directory holds the challenge, or its zips."""
    parts = (_SOLUTIONS, _TRAINING, _TEST)
    return any(_find(path, part) or _zip(path, part) for part in parts)


def open_kaggle(text: str, name: str) -> ImageFiles:
    """Open the challenge's images in the directory that `text` names.

    text: `DIR` or `DIR:train` for the training images with their 37 vote fractions (task Votes);
        `DIR:test` for the test images (task Unlabelled), in the order of
        all_zeros_benchmark.csv if it is there.
    name: the source, as the user gave it.

    Ids are GalaxyIDs as text. Images without a row are left out, and so are rows of the training
    set without an image; a row of the test set stays, since a submission needs it, and reading
    reports the missing file. All are counted in the notes.

    Raises RequestError where a file of the challenge is missing, ids are repeated, or fractions
    contradict the decision tree.
    """
    folder, colon, part = text.rpartition(":")
    if not colon or part not in ("train", "test"):
        folder, part = text, "train"
    path = Path(folder).expanduser()
    if not folder or not os.path.isdir(path):
        raise RequestError(
            f"{name}: no such directory{f' {folder}' if folder else ''}; expected kaggle:DIR or "
            "kaggle:DIR:test, where DIR holds the unzipped files of Kaggle's Galaxy Zoo challenge"
        )
    return _open_test(path, name) if part == "test" else _open_training(path, name)


def _open_training(path: Path, name: str) -> ImageFiles:
    solutions = _need(path, _SOLUTIONS, name, "; kaggle:DIR:test reads the test images alone")
    images = _need(path, _TRAINING, name)
    table = _read_rows(solutions, name)
    missing = [column for column in GALAXY_ZOO_2.columns if column not in table]
    if missing:
        raise RequestError(
            f"{name}: {_SOLUTIONS} has no column {first_few(missing)}; expected {_ID} and the 37 "
            "fractions Class1.1 to Class11.6"
        )
    fractions = checked_fractions(table, table["id"], name, GALAXY_ZOO_2)
    rows = pd.concat([table["id"], fractions], axis=1)
    return _join(path, images, rows, _SOLUTIONS, Votes(GALAXY_ZOO_2), name)


def _open_test(path: Path, name: str) -> ImageFiles:
    images = _need(path, _TEST, name)
    if benchmark := _find(path, _BENCHMARK):
        rows = _read_rows(benchmark, name)[["id"]]
        return _join(path, images, rows, _BENCHMARK, Unlabelled(), name)
    rows = pd.DataFrame({"id": sorted(_images_by_id(images))}, dtype="str")
    source = _join(path, images, rows, _BENCHMARK, Unlabelled(), name)
    source.notes.append(f"There is no {_BENCHMARK}, which would show whether images are missing.")
    return source


def _join(
    path: Path, images: Path, rows: pd.DataFrame, table_name: str, task: Task, name: str
) -> ImageFiles:
    """Give each row its image; a note counts the rows and the images that are left over.

    Rows without an image are kept where they have no votes.
    """
    files = _images_by_id(images)
    folder = images.relative_to(path).as_posix()
    found = rows["id"].isin(files.keys())
    if not found.any():
        example = f"{rows['id'].iloc[0]}.jpg" if len(rows) else "100008.jpg"
        raise RequestError(
            f"{name}: none of the {len(rows):,} ids in {table_name} has an image in "
            f"{folder}; expected files named as in {example}"
        )
    notes = []
    kept = found | (not task.label_columns)
    if not found.all():
        outcome = "" if kept.all() else " and were left out"
        notes.append(
            f"{(~found).sum():,} of {len(rows):,} rows of {table_name} have no image in "
            f"{folder}{outcome}: {first_few(rows['id'][~found])}."
        )
    if others := sorted(files.keys() - set(rows["id"])):
        notes.append(
            f"{len(others):,} of {len(files):,} images in {folder} have no row in {table_name} "
            f"and were left out: {first_few(others)}."
        )
    table = rows[kept].reset_index(drop=True)
    names = [files.get(each, f"{each}.jpg") for each in table["id"]]
    table.insert(1, "origin", [f"{folder}/{each}" for each in names])
    return ImageFiles(name, task, table, [str(images / each) for each in names], notes)


def _images_by_id(folder: Path) -> dict[str, str]:
    names = sorted(each.name for each in os.scandir(folder) if is_image_name(each.name))
    return {normalised(stem(each)): each for each in names}


def _read_rows(path: Path, name: str) -> pd.DataFrame:
    """Read one of the challenge's tables, with its ids as text in the column `id`."""
    if reason := not_a_file(path):
        raise RequestError(f"{name}: {path.name} cannot be read as a table: {reason}")
    try:
        table = read_csv(path)
    except (ValueError, OSError) as error:
        reason = first_line(error)
        raise RequestError(f"{name}: {path.name} cannot be read as a table: {reason}") from error
    table = with_plain_names(table, f"{name}: {path.name}")
    table = table.rename(columns={each: _ID for each in table if each.lower() == _ID.lower()})
    if _ID not in table:
        raise RequestError(
            f"{name}: {path.name} has no column {_ID}; found {first_few(table.columns, 5)}"
        )
    ids = as_text(table[_ID])
    check_ids(ids, f"{name}: {path.name}")
    return with_numbers(table.drop(columns=_ID)).assign(id=ids)


def _find(path: Path, part: str) -> Path | None:
    """A file or folder of the challenge, in `path` or in a folder that unzipping made for it."""
    stem = Path(part).stem
    places = (path / stem / part, path / part / part, path / part)
    if part.endswith(".csv"):
        return next((place for place in places if place.exists() and not place.is_dir()), None)
    return next((place for place in places if place.is_dir()), None)


def _need(path: Path, part: str, name: str, hint: str = "") -> Path:
    found = _find(path, part)
    if found is None:
        zipped = _zip(path, part)
        what = "unzip" if zipped else "it is in Kaggle's"
        archive = zipped.name if zipped else f"{Path(part).stem}.zip"
        raise RequestError(f"{name}: there is no {part} in {path}; {what} {archive}{hint}")
    return found


def _zip(path: Path, part: str) -> Path | None:
    """The zip file of a part of the challenge, if it is there."""
    places = (path / f"{Path(part).stem}.zip", path / f"{part}.zip")
    return next((place for place in places if place.is_file()), None)
