"""Classify a catalogue of any length: plan it, do it shard by shard, check it, write it out."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hubblefork.core.arguments import as_path, as_whole, wrong
from hubblefork.core.errors import RequestError
from hubblefork.core.outputs import check_folder
from hubblefork.core.progress import say
from hubblefork.core.tables.writing import WRITABLE
from hubblefork.core.text import several
from hubblefork.data.rows import ImageStream
from hubblefork.data.sources.column_roles import parse_columns
from hubblefork.models.find import find_model, pinned
from hubblefork.prediction.inputs import are_images, open_streams
from hubblefork.prediction.survey.export import export_survey
from hubblefork.prediction.survey.finish import UNREADABLE, Status, finish_survey, survey_status
from hubblefork.prediction.survey.plan import Survey, file_hash, make_survey
from hubblefork.prediction.survey.plan_file import PLAN_FILE
from hubblefork.prediction.survey.run import run_survey
from hubblefork.prediction.survey.shards import forget_failures
from hubblefork.runs.run import Run
from hubblefork.workflow.load_model import load_predictor


def plan(
    model: str | Path | Run,
    catalogue: Any,
    *,
    out: str | Path,
    shard_rows: int | None = None,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
    crop: int | None = None,
    coverage: float | None = None,
) -> Path:
    """Plan the classification of a catalogue; returns the folder of the survey.

    Parameters
    ----------
    model
        What `predict` takes, which is copied into the folder.
    catalogue, columns, mosaics, crop, coverage
        As `predict` takes them. Paths and mosaics are to be reached by all machines that take part.
    out
        The folder to make.
    shard_rows
        Rows of each shard: what is lost at most where a machine is lost, and the rows of a file.
        Default: a 64th of the catalogue, at least 1,024 and at most 32,768.

    Raises RequestError, with nothing written, for repeated ids and whatever `predict` refuses.

    >>> survey = plan(run, galaxies, out=folder / "survey", shard_rows=30)
    >>> run_all(survey).done_rows, finish(survey).finished
    (80, True)
    """
    folder = as_path(out, "out", "the path of a folder to make")
    if shard_rows is not None:
        shard_rows = as_whole(shard_rows, "shard_rows", 1, 10_000_000)
    check_folder(folder)
    model = pinned(model)
    predictor = load_predictor(model, crop, coverage, "cpu")
    stream = _stream(catalogue, predictor.framing.hdu, columns, mosaics)
    survey = make_survey(predictor.framing, model, stream, folder, shard_rows, coverage)
    say(f"{folder}: {stream.number:,} rows in {several(len(survey.plan.shards), 'shard')}")
    return folder


def run_all(
    survey: str | Path,
    *,
    part: str | None = None,
    ray: str | None = None,
    workers: int | None = None,
    device: str = "auto",
    retry: bool = False,
) -> Status:
    """Do what is still to be done of a survey, and return how far it is.

    Parameters
    ----------
    survey
        The folder of a survey.
    part
        `i/n` for the i-th of n parts, from 1: one for each task of a job array. Default: all.
    ray
        The address of a Ray cluster, or `auto` for the one that this machine belongs to or else
        for a new one on this machine alone (extra: hubblefork[survey]).
    workers
        How many processes; by default one per GPU, or one per core.
    device
        `auto`, `cpu` or `cuda`.
    retry
        Whether to try shards again that were set aside after three failures.

    Raises RequestError where the model, or the table that the images are read from, has changed,
    and TransientFailure where no shard can be done now: a full disk, no network.
    """
    opened = Survey.open(as_path(survey, "survey", "the folder of a survey"))
    workers = None if workers is None else as_whole(workers, "workers", 1)
    shards = _part(opened, part)
    if retry:
        forget_failures(opened, shards)
    if ray is None:
        todo = run_survey(opened, shards, device, workers)
    else:
        from hubblefork.prediction.survey.ray_engine import run_on_ray

        todo = run_on_ray(opened, shards, ray, device, workers)
    status = survey_status(opened)
    if todo.set_aside:
        say(
            f"{several(len(todo.set_aside), 'shard')} set aside ({_named(status)}); --retry tries "
            "them again"
        )
    return status


def status(survey: str | Path) -> Status:
    """How far a survey is, by the files in its folder."""
    return survey_status(Survey.open(as_path(survey, "survey", "the folder of a survey")))


def finish(survey: str | Path) -> Status:
    """Check that each row of a survey is there once, and write the proof of it.

    Writes `manifest.json` with the SHA-256 of each shard, and `unreadable.parquet` with the rows
    that have no prediction. Raises RequestError where shards are still to be done.
    """
    found = finish_survey(Survey.open(as_path(survey, "survey", "the folder of a survey")))
    if found.set_aside:
        say(f"not complete: {several(len(found.set_aside), 'shard')} set aside ({_named(found)})")
    return found


def export(
    survey: str | Path,
    *,
    to: str | Path,
    where: str | None = None,
    columns: str | Mapping[str, str] | None = None,
) -> int:
    """Write the answers of a finished survey, with all columns, as one table; returns its rows.

    Parameters
    ----------
    survey
        The folder of a survey.
    to
        A file called `.fits`, `.vot`, `.ecsv`, `.parquet`, `.csv` or `.tsv`; or `NAME.hats`, a
        folder to make with a HATS catalogue, for which each row needs ra and dec in degrees.
    where
        A condition on the columns, as pandas' `DataFrame.query` takes it.
    columns
        Of a HATS catalogue, the columns that are ra and dec (`ra=RA_MEAN,dec=DEC_MEAN`), where
        they are not called so in a usual way.
    """
    opened = Survey.open(as_path(survey, "survey", "the folder of a survey"))
    position = parse_columns(columns)
    if others := position.keys() - {"ra", "dec"}:
        raise RequestError(f"--columns {min(others)}: expected ra=COLUMN,dec=COLUMN")
    return export_survey(opened, as_path(to, "to", "the path of a file to write"), where, position)


def predict_whole(
    model: str | Path | Run,
    catalogue: Any,
    *,
    out: str | Path,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
    crop: int | None = None,
    coverage: float | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """Plan, run and finish in one; where `out` is a survey of the same, go on with it.

    Returns the id and the problem of the rows that have no prediction.

    Raises RequestError where it is a survey of another catalogue, model or options.
    """
    folder = as_path(out, "out", "the path of a folder")
    model = pinned(model)
    if (folder / PLAN_FILE).exists():
        opened = Survey.open(folder)
        predictor = load_predictor(model, crop, coverage, "cpu")
        stream = _stream(catalogue, predictor.framing.hdu, columns, mosaics)
        _check_same(opened, stream, find_model(model), coverage, predictor.framing.crop)
    else:
        if folder.is_dir() and not os.listdir(folder):
            folder.rmdir()
        plan(model, catalogue, out=folder, columns=columns, mosaics=mosaics, crop=crop,
             coverage=coverage)  # fmt: skip
    run_all(folder, device=device)
    say(str(finish(folder)))
    return pd.read_parquet(folder / UNREADABLE)[["id", "problem"]]


def is_folder(out: object) -> bool:
    """Whether something that is to be written is a folder: it ends with a slash, or is one now.

    What is called as a table is meant as a file all the same.

    >>> is_folder("survey/"), is_folder("answers.fits")
    (True, False)
    """
    if not isinstance(out, str | os.PathLike):
        return False
    if os.fspath(out).endswith(("/", os.sep)):
        return True
    return os.path.isdir(out) and Path(out).suffix.lower() not in WRITABLE


def _stream(
    catalogue: Any, hdu: str | None, columns: str | Mapping[str, str] | None, mosaics: str | None
) -> ImageStream:
    if are_images(catalogue):
        raise RequestError("images in memory cannot be planned: save them, or use predict")
    streams = open_streams(catalogue, hdu, columns, mosaics)
    if len(streams) > 1:
        names = ", ".join(stream.name for stream in streams[:3])
        raise RequestError(f"a survey is of one catalogue or folder; given {names}")
    for note in streams[0].notes:
        say(note)
    return streams[0]


def _check_same(
    survey: Survey, stream: ImageStream, model: Path, coverage: float | None, crop: int | None
) -> None:
    told = survey.plan
    changed = [
        what
        for what, was, now in (
            ("model", told.model_hash, file_hash(model)),
            ("catalogue", told.catalogue_hash, stream.content()),
            ("coverage", told.options["coverage"], coverage),
            ("crop", told.options["crop"], crop),
        )
        if was != now
    ]
    if changed:
        raise RequestError(
            f"{survey.folder} is a survey with another {' and another '.join(changed)}: give "
            "another --out, or remove it"
        )


def _part(survey: Survey, part: str | None) -> range:
    if part is None:
        return survey.plan.shards
    found = re.fullmatch(r"(\d+)/(\d+)", str(part))
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise wrong("part", part, "i/n, the i-th of n parts, such as 1/8")
    return survey.plan.shards[int(found[1]) - 1 :: int(found[2])]


def _named(status: Status) -> str:
    shard, reason = next(iter(status.set_aside.items()))
    return f"the first is {shard}: {reason}"
