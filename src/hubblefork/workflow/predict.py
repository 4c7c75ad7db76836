"""Predict pictures by a trained model, from Python or into a file."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hubblefork.prediction.files import (
    check_table_path,
    find_pictures,
    predict_files,
    write_table,
)
from hubblefork.prediction.predictor import Predictor
from hubblefork.progress import say


def predict(
    run: str | Path,
    pictures: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """Predict the classes of picture files, with the view that the model was measured with.

    Parameters
    ----------
    run
        A run folder or a model file.
    pictures
        A picture file, a folder of them, or several of either.
    out
        A `.csv` or `.parquet` file to write the table to, block by block.
    device
        `auto`, `cpu` or `cuda`.

    Returns the table: id (the path), predicted, one probability a class, and problem: why a
    picture could not be read. With `out`, only the rows that have a problem are returned, so that
    millions of pictures need no more memory than a few hundred. Raises RequestError where nothing
    can be predicted.

    >>> from hubblefork.workflow.train import train
    >>> run = train(galaxies, "mlp", out=folder / "run", settings={"epochs": 1, "data.size": 24})
    >>> predict(run.path, galaxies, out=folder / "classes.csv").empty
    True
    """
    places = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    if out is not None:
        check_table_path(Path(out))
    predictor = Predictor.load(run, device)
    paths, passed = find_pictures(places)
    if passed:
        say(f"{len(passed):,} other files passed over, first {passed[0]}")
    tables = predict_files(predictor, paths)
    if out is not None:
        return write_table(tables, Path(out))
    return pd.concat(tables, ignore_index=True)
