"""Predict images by a trained model, from Python or into a file."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError
from hubblefork.core.progress import say
from hubblefork.core.text import several
from hubblefork.data.images.blank import warn_of_blank
from hubblefork.models.find import pinned
from hubblefork.models.input_images import InputImages
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import ATYPICAL
from hubblefork.prediction.inputs import are_images, open_streams
from hubblefork.prediction.predict import (
    one_schema,
    predict_images,
    predict_stream,
    with_schema,
)
from hubblefork.prediction.writers import (
    check_submission,
    check_table_path,
    write_predictions,
    write_submission,
)
from hubblefork.runs.learnt import learnt_digests
from hubblefork.runs.run import Run
from hubblefork.tasks.predictions import Predictions
from hubblefork.workflow.load_model import load_predictor
from hubblefork.workflow.survey import is_folder, predict_whole


def predict(
    model: str | Path | Run,
    images: Any,
    *,
    out: str | Path | None = None,
    submission: str | Path | None = None,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
    crop: int | None = None,
    coverage: float | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """Predict the classes, or the vote fractions, of images.

    Parameters
    ----------
    model
        A run, a run folder, a model file, the name of a shipped model, `hf:OWNER/NAME[@REVISION]`
        for one of the hub, or an ONNX file that `export` wrote.
    images
        An image file; a folder, for every image below it; several of these; a catalogue (CSV, TSV,
        Parquet, FITS table, VOTable, ECSV, a DataFrame, an astropy Table), whose rows are read as
        their turn comes; a source such as a file of arrays or `kaggle:DIR:test`, whose labels are
        not needed; or images in memory: an array (N, H, W, C) or (H, W, C) uint8, an image of
        Pillow, or a list of these.
    out
        A file to write the table to, row by row: `.csv`, `.tsv`, `.parquet`, `.fits`, `.vot` or
        `.ecsv`. An earlier table of predictions is replaced, and no other file. Cells are written
        as they are: ids that begin with `=`, `+`, `-` or `@` are formulas to a spreadsheet, which
        should import them as text. Or a folder, as `survey/`, for a survey (see
        `hubblefork.survey`), which goes on by itself where it was cut off.
    submission
        A new `.csv` file to write instead, in the form that Kaggle's Galaxy Zoo challenge takes.
    columns
        The catalogue's column of each role, such as `{"id": "objid", "image": "file"}` or
        `"id=objid,ra=RA,dec=DEC"`; the usual spellings are known.
    mosaics
        Images are cut from mosaics at the catalogue's ra and dec: the path of a folder of FITS
        files, of one, or of a table of tiles, and options behind it: `tiles/:size=30` (arcsec).
    crop
        Side of the centred square that is kept of each image, in its pixels, where images are
        framed otherwise than those that the model was trained on.
    coverage
        Adds prediction sets: for images from the same distribution as the validation set, this
        fraction of the sets contains the true class.
    device
        `auto`, `cpu`, `cuda`, or `onnx`: onnxruntime on the CPU, for which the model is exported
        first (see docs/export.md for when that is faster).

    Returns the table of all predictions, as `Predictions.table` has it: id (a path, what the source
    says, or `image 0`), every column that a catalogue has, predicted, one probability a class or
    one fraction an answer, typicality, set, and problem (why an image could not be read). Where a
    file is written, only id and problem of the images that could not be read, so that millions of
    images need no more memory than a few hundred.

    Raises RequestError where nothing can be predicted, and for a coverage that the validation
    set is too small for.

    >>> table = predict(run, galaxies / "disc")  # run = hubblefork.train(galaxies, "lenet5")
    >>> list(table.columns)
    ['id', 'predicted', 'bar', 'disc', 'typicality', 'problem']
    >>> predict(run, galaxies, out=folder / "classes.csv").empty
    True
    """
    if out is not None and submission is not None:
        raise RequestError("--out and --submission write different files: give only one of them")
    if out is None and submission is None:
        return predictions(
            model, images, columns=columns, mosaics=mosaics,
            crop=crop, coverage=coverage, device=device,
        ).table()  # fmt: skip
    if out is not None and is_folder(out):
        if submission is not None:
            raise RequestError("--submission is one file: give no --out")
        return predict_whole(
            model, images, out=out, columns=columns, mosaics=mosaics, crop=crop,
            coverage=coverage, device=device,
        )  # fmt: skip
    path = as_path(
        submission if out is None else out,
        "submission" if out is None else "out",
        "the path of a file to write",
    )
    if out is not None:
        check_table_path(path)
    model = pinned(model)
    predictor = load_predictor(model, crop, coverage, device)
    if submission is not None:
        check_submission(predictor.task, path)
    blocks = _warn_of_atypical(_blocks(predictor, images, columns, mosaics, coverage, model))
    if out is not None:
        meta = {"model": str(model), "recipe": predictor.card.recipe}
        return write_predictions(blocks, path, meta | dict(predictor.card.versions))
    write_submission(blocks, path)
    return pd.DataFrame(columns=["id", "problem"])


def predictions(
    model: str | Path | Run,
    images: Any,
    *,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
    crop: int | None = None,
    coverage: float | None = None,
    device: str = "auto",
) -> Predictions:
    """The same as `predict`, as a `Predictions` object.

    >>> predictions(run, galaxies / "disc").summary().columns.tolist()
    ['id', 'answer', 'typicality']
    """
    return Predictions.concatenate(
        list(
            prediction_blocks(
                model, images, columns=columns, mosaics=mosaics,
                crop=crop, coverage=coverage, device=device,
            )
        )
    )  # fmt: skip


def prediction_blocks(
    model: str | Path | Run,
    images: Any,
    *,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
    crop: int | None = None,
    coverage: float | None = None,
    device: str = "auto",
) -> Iterator[Predictions]:
    """The same block by block, each as soon as it is known.

    >>> [len(block) for block in prediction_blocks(run, galaxies / "disc")]
    [40]
    """
    model = pinned(model)
    predictor = load_predictor(model, crop, coverage, device)
    yield from _warn_of_atypical(_blocks(predictor, images, columns, mosaics, coverage, model))


def _blocks(
    predictor: Predictor,
    images: Any,
    columns: str | Mapping[str, str] | None,
    mosaics: str | None,
    coverage: float | None,
    model: str | Path | Run,
) -> Iterator[Predictions]:
    """Predict block by block; after the last, say how many images the model has learnt from."""
    if are_images(images):
        yield predict_images(predictor, images, coverage)
        given = InputImages(images, predictor.framing, predictor.card.colours)
        warn_of_blank(given.number_of_blank(), len(given))
        return
    streams = open_streams(images, predictor.framing.hdu, columns, mosaics)
    for stream in streams:
        for note in stream.notes:
            say(note)
    learnt, found = _learnt_digests(model), Counter[str]()

    def watch(digests: Iterable[str]) -> None:
        found.update(each for each in digests if each in learnt)

    schema = one_schema([stream.schema for stream in streams]) if len(streams) > 1 else None
    for stream in streams:
        for block in predict_stream(predictor, stream, coverage, watch if learnt else None):
            yield block if schema is None else with_schema(block, schema)
    if found:
        say(
            f"{several(found.total(), 'of the images was', 'of the images were')} used for "
            "training this model (identical pixels): it predicts them better than new ones"
        )


def _learnt_digests(model: str | Path | Run) -> frozenset[str]:
    try:
        return learnt_digests(Path(model))
    except RequestError as error:  # it tells of other images, not of the predictions
        say(str(error))
        return frozenset()


def _warn_of_atypical(blocks: Iterable[Predictions]) -> Iterator[Predictions]:
    """Yield the blocks; after the last, print how many images are atypical of the training set."""
    read = number = 0
    atypical: list[str] = []
    for block in blocks:
        if block.typicality is not None:
            found = block.ids[block.typicality <= ATYPICAL]  # NaN, which is not read, is not
            read += int(block.known.sum())
            number += len(found)
            atypical = [*atypical, *found][:3]
        yield block
    if number:
        say(
            f"{number:,} of {read:,} images are unlike the training images (typicality "
            f"{ATYPICAL:g} or less, as {ATYPICAL:.0%} of typical images have), such as "
            f"{', '.join(atypical)}"
        )
