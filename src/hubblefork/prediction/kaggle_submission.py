"""A submission to Kaggle's Galaxy Zoo challenge, in the form of its all_zeros_benchmark.csv."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.models.predictor import Predictor
from hubblefork.sky.decision_tree import GALAXY_ZOO_2


def write_submission(tables: Iterable[pd.DataFrame], path: Path) -> int:
    """Write tables of `predict_source` one after another, whole or not at all.

    One row a galaxy in the order of the tables: GalaxyID, then the 37 fractions. Returns the
    number of rows.

    Raises RequestError for the first image that could not be read: the challenge refuses a
    submission in which a galaxy is missing.
    """
    rows = 0
    with replacing(path) as file:
        for table in tables:
            for row in table[table["problem"] != ""].itertuples():
                raise RequestError(
                    f"no submission: image {row.id} cannot be read ({row.problem}), and the "
                    "challenge wants a row for every galaxy; --out FILE writes the others"
                )
            wanted = table[["id", *GALAXY_ZOO_2.columns]].rename(columns={"id": "GalaxyID"})
            wanted.to_csv(file, index=False, header=rows == 0, float_format="%.6g")
            rows += len(table)
    return rows


def check_submission(predictor: Predictor, path: Path) -> None:
    """RequestError unless the model gives the challenge's fractions, and the name is a CSV's."""
    if predictor.names != GALAXY_ZOO_2.columns:
        raise RequestError(
            "a submission holds fractions of votes, and this model gives classes: train one on "
            "kaggle:DIR without --classes"
        )
    if path.suffix != ".csv":
        raise RequestError(f"--submission {path}: expected a name ending in .csv")
