"""Predict pictures by a trained model, from Python or into a file."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from hubblefork.prediction.files import (
    check_table_path,
    open_places,
    predict_source,
    write_table,
)
from hubblefork.prediction.predictor import Predictor
from hubblefork.prediction.submission import check_submission, write_submission
from hubblefork.progress import say


def predict(
    run: str | Path,
    pictures: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    submission: str | Path | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """Predict the classes of pictures, with the view that the model was measured with.

    Parameters
    ----------
    run
        A run folder or a model file.
    pictures
        A picture file; a folder, for every picture below it; a source, such as a catalogue, a
        file of arrays or `kaggle:DIR:test`, whose labels are not needed; or several of these.
    out
        A `.csv` or `.parquet` file to write the table to, block by block.
    submission
        A `.csv` file to write instead, in the form that Kaggle's Galaxy Zoo challenge takes.
    device
        `auto`, `cpu` or `cuda`.

    Returns the table: id (the path, or as the source says), predicted, one probability a class,
    and problem: why a picture could not be read; a model of votes gives 37 fractions in the place
    of predicted and probabilities. With `out`, only the rows that have a problem are returned, so
    that millions of pictures need no more memory than a few hundred; with `submission`, none.
    Raises RequestError where nothing can be predicted.

    >>> from hubblefork.workflow.train import train
    >>> run = train(galaxies, "mlp", out=folder / "run", settings={"epochs": 1, "data.size": 24})
    >>> predict(run.path, galaxies, out=folder / "classes.csv").empty
    True
    """
    places = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    if out is not None:
        check_table_path(Path(out))
    predictor = Predictor.load(run, device)
    if submission is not None:
        check_submission(predictor, Path(submission))
    sources = open_places(places)
    for source in sources:
        for note in source.notes:
            say(note)
    tables = chain.from_iterable(predict_source(predictor, source) for source in sources)
    if submission is not None:
        write_submission(tables, Path(submission))
        return pd.DataFrame(columns=["id", "problem"])
    if out is not None:
        return write_table(tables, Path(out))
    return pd.concat(tables, ignore_index=True)
