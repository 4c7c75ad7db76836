"""Predict images by a trained model, from Python or into a file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from hubblefork.core.progress import say
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import ATYPICAL
from hubblefork.prediction.kaggle_submission import check_submission, write_submission
from hubblefork.prediction.predict import (
    check_table_path,
    open_places,
    predict_source,
    write_table,
)


def predict(
    run: str | Path,
    images: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    submission: str | Path | None = None,
    crop: int | None = None,
    coverage: float | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """Predict the classes of images, with the view that the model was measured with.

    Parameters
    ----------
    run
        A run folder or a model file.
    images
        An image file; a folder, for every image below it; a source, such as a catalogue, a
        file of arrays or `kaggle:DIR:test`, whose labels are not needed; or several of these.
    out
        A `.csv` or `.parquet` file to write the table to, block by block.
    submission
        A `.csv` file to write instead, in the form that Kaggle's Galaxy Zoo challenge takes.
    crop
        Side of the square kept of each image, in its pixels, where it is framed otherwise than
        the images that the model was trained on.
    coverage
        For each image, give also a set of classes. Of images like those of the validation
        set, so large a share of sets holds the true class.
    device
        `auto`, `cpu` or `cuda`.

    Returns the table: id (the path, or as the source says), predicted, one probability a class,
    typicality (the share of validation images that are at least as unlike the training images;
    without a validation set there is none), with `coverage` set (names joined by `|`), and
    problem: why an image could not be read. A model of votes gives 37 fractions in the place of
    predicted and probabilities. With `out`, only the rows that have a problem are returned, so
    that millions of images need no more memory than a few hundred; with `submission`, none.
    Raises RequestError where nothing can be predicted, and for a coverage that the validation
    set was too small to promise.

    >>> predict(run.path, galaxies, out=folder / "classes.csv").empty  # run = train(galaxies)
    True
    """
    places = [images] if isinstance(images, str | Path) else list(images)
    if out is not None:
        check_table_path(Path(out))
    predictor = Predictor.load(run, device, crop)
    if coverage is not None:
        predictor.uncertainty.check_coverage(coverage)
    if submission is not None:
        check_submission(predictor, Path(submission))
    sources = open_places(places)
    for source in sources:
        for note in source.notes:
            say(note)
    blocks = (predict_source(predictor, source, coverage) for source in sources)
    tables = _telling_unlike(chain.from_iterable(blocks))
    if submission is not None:
        write_submission(tables, Path(submission))
        return pd.DataFrame(columns=["id", "problem"])
    if out is not None:
        return write_table(tables, Path(out))
    return pd.concat(tables, ignore_index=True)


def _telling_unlike(tables: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Pass tables on; after the last, say how many images are unlike the training images."""
    read, unlike, first = 0, 0, []
    for table in tables:
        if "typicality" in table:
            found = table.loc[table["typicality"] <= ATYPICAL, "id"].tolist()
            read += int(table["typicality"].notna().sum())
            unlike += len(found)
            first = (first + found)[:3]
        yield table
    if unlike:
        say(
            f"{unlike:,} of {read:,} images are unlike those that the model was trained on "
            f"(typicality {ATYPICAL:g} or less, as {ATYPICAL:.0%} of like ones have), such as "
            f"{', '.join(first)}"
        )
