"""What the queues of the workbench take from run folders: likely mislabels, and a second run.

A label can be judged by a network that was trained without its image. Those of a run's own images
are judged as `explain RUN` does it; those of other images by the run itself, apart from the images
that it has learnt from. Of a model file alone it is not known which these are.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.progress import say
from hubblefork.core.tables.csv import read_csv
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.runs.leakage import find_learnt
from hubblefork.runs.run import Run
from hubblefork.workbench.data import Collection
from hubblefork.workbench.run_pair import RunPair
from hubblefork.workflow.compare import common_predictions
from hubblefork.workflow.explain_images import EXPLANATION

# Of votes, none is right or wrong; the queue "mistakes" has those furthest from the prediction.
_VOTES = "labels that are classes: of votes, see Most confident mistakes"


def with_run(collection: Collection, run: Run, other: Path | None) -> Collection:
    """A run's own images, with their likely mislabels, and with another run where one is given.

    Raises RequestError where the other run cannot be compared with this one.
    """
    pair, rows = None, _rows_by_id(collection)
    if other is not None:
        pair = RunPair.of(common_predictions([run.path, other]), rows.index.tolist())
    return replace(_judged(collection, run), pair=pair)


def with_suspects(collection: Collection, run: Run | None) -> Collection:
    """Other images than a run's own, with their likely mislabels. run: None for a model file."""
    dataset, found, task = collection.dataset, collection.predictions, collection.questions.task
    if collection.true is None or found is None:
        return replace(collection, about_mislabels="images with labels")
    if not task.exclusive:
        return replace(collection, about_mislabels=_VOTES)
    if run is None:
        needed = "the folder of the run, which knows what it was trained on: serve RUN SOURCE"
        return replace(collection, about_mislabels=needed)
    if dataset.key == run.provenance.dataset:
        return _judged(collection, run)
    learnt = find_learnt(run, dataset, np.arange(len(dataset)))
    if learnt is None:
        needed = f"a run that knows its training images: those of {run.path} are no longer there"
        return replace(collection, about_mislabels=needed)
    rows = np.setdiff1d(np.arange(len(dataset)), learnt.rows)
    if not len(rows):
        needed = f"images that {run.path} was not trained on: it was on all of these"
        return replace(collection, about_mislabels=needed)
    table = likely_mislabels(found.ids[rows], collection.true[rows], found.values[rows], task.names)
    about = f"Not judged: {learnt.number:,} that the run was trained on." if learnt.number else ""
    table = table.assign(row=rows[table["row"]])
    return replace(collection, mislabels=table, about_mislabels=about)


def _judged(collection: Collection, run: Run) -> Collection:
    """As `explain RUN --folds K` wrote them, of all images; otherwise those of the test set."""
    task, rows = collection.questions.task, _rows_by_id(collection)
    if not task.exclusive:
        return replace(collection, about_mislabels=_VOTES)
    table, all_of_them = _written(run.path / EXPLANATION / "mislabels.csv"), ""
    if table is None:
        all_of_them = f"hubblefork explain {run.path} --folds 5"
        try:
            tested = run.predictions
        except RequestError as error:
            say(f"no likely mislabels: {error}")
            return replace(collection, about_mislabels=f"a test set, or {all_of_them}")
        table = likely_mislabels(tested.ids, tested.labels, tested.values, task.names)
    labels = pd.Series(np.array(task.names, object)[collection.true], rows.index)
    same = labels.reindex(table["id"]).to_numpy(object) == table["label"].to_numpy(object)
    if not same.all():
        say(f"{(~same).sum():,} likely mislabels are left out: those images have other labels now")
    table = table[same].reset_index(drop=True)
    table = table.assign(row=rows.reindex(table["id"]).to_numpy())
    about = f"Only the test set is judged; {all_of_them} judges all images." if all_of_them else ""
    return replace(collection, mislabels=table, about_mislabels=about)


def _rows_by_id(collection: Collection) -> pd.Series:
    ids = collection.dataset.table["id"].astype(str)
    return pd.Series(range(len(ids)), ids)


def _written(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = read_csv(path, ",")
        return table[["id", "label"]].assign(likely=table["likely"] == "True")
    except (OSError, ValueError, KeyError) as error:
        say(f"{path} is damaged ({first_line(error)}): the likely mislabels are of the test set")
        return None
