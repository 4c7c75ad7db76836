"""What the queues of the workbench take from run folders: likely mislabels, and a second run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.progress import say
from hubblefork.core.tables.csv import read_csv
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.runs.run import Run
from hubblefork.workbench.data import Collection
from hubblefork.workbench.run_pair import RunPair
from hubblefork.workflow.compare import common_predictions
from hubblefork.workflow.explain_images import EXPLANATION


def with_run(collection: Collection, run: Run, other: Path | None) -> Collection:
    """A run's own images, with their likely mislabels, and with another run where one is given.

    Raises RequestError where the other run cannot be compared with this one.
    """
    ids = collection.dataset.table["id"].astype(str)
    pair = None
    if other is not None:
        pair = RunPair.of(common_predictions([run.path, other]), ids.tolist())
    rows = pd.Series(range(len(ids)), ids)
    return replace(collection, pair=pair, mislabels=_mislabels(collection, run, rows))


def _mislabels(collection: Collection, run: Run, rows: pd.Series) -> pd.DataFrame | None:
    """As `explain RUN --folds K` wrote them, of all images; otherwise those of the test set.

    Either is by networks that were trained without the image. rows: of the images, by their ids.
    """
    task = collection.questions.task
    if not task.exclusive:
        return None
    table = _written(run.path / EXPLANATION / "mislabels.csv")
    if table is None:
        try:
            tested = run.predictions
        except RequestError as error:
            say(f"no likely mislabels: {error}")
            return None
        table = likely_mislabels(tested.ids, tested.labels, tested.values, task.names)
    labels = pd.Series(np.array(task.names, object)[collection.true], rows.index)
    same = labels.reindex(table["id"]).to_numpy(object) == table["label"].to_numpy(object)
    if not same.all():
        say(f"{(~same).sum():,} likely mislabels are left out: those images have other labels now")
    table = table[same]
    return table.assign(row=rows.reindex(table["id"]).to_numpy()).reset_index(drop=True)


def _written(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = read_csv(path, ",")
        return table[["id", "label"]].assign(likely=table["likely"] == "True")
    except (OSError, ValueError, KeyError) as error:
        say(f"{path} is damaged ({first_line(error)}): the likely mislabels are of the test set")
        return None
