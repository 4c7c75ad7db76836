"""Compare runs on the test images that they have in common."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.arguments import as_path, wrong
from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.text import several
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.packing import open_packed
from hubblefork.evaluation.comparison import mcnemar
from hubblefork.report.compare import comparison_page
from hubblefork.report.comparison import ComparedRun, Comparison, Pair
from hubblefork.report.disputed import DISPUTES, disagreements
from hubblefork.report.page import check_page, write_page
from hubblefork.report.run_data import displayable
from hubblefork.runs.folders import require_folders
from hubblefork.runs.run import Run
from hubblefork.tasks.predictions import Predictions


@dataclass(frozen=True)
class _Entry:
    """What one folder holds."""

    run: Run
    name: str
    predictions: Predictions

    @property
    def trained(self) -> bool:
        """Whether it is a run folder, not that of an evaluation."""
        return (self.run.path / "recipe.toml").is_file()


def compare(runs: Sequence[str | Path | Run], *, out: str | Path | None = None) -> Comparison:
    """Compare two or more runs, and write it as one HTML page.

    Parameters
    ----------
    runs
        Runs, run folders, or folders that `evaluate` made. Only the test images that all of them
        have in common are counted.
    out
        The page to write; by default `comparison.html` in this folder. An earlier comparison is
        replaced.

    Returns the metrics of the runs and their differences, as tables in `table` and `pairs`.

    Raises RequestError where there are fewer than two runs, where their classes differ, where they
    have no test image in common, and where `out` is a file that is no comparison.

    >>> from hubblefork.workflow.train import train
    >>> paths = [run.path]  # run = train(galaxies, "lenet5")
    >>> settings = {"data.size": 24, "epochs": 1}
    >>> paths += [train(galaxies, "mlp", out=folder / "mlp", settings=settings).path]
    >>> compared = compare(paths, out=folder / "page.html")
    >>> list(compared.table["run"]), int(compared.table["n"][0]), compared.page.is_file()
    (['run', 'mlp'], 16, True)
    """
    page = check_page("comparison.html" if out is None else out, "compare")
    given = "a list of two or more runs, run folders, or folders that evaluate made"
    if isinstance(runs, str | os.PathLike) or not isinstance(runs, Iterable):
        raise wrong("runs", runs, given)
    paths = [as_path(run, f"run {place}", "a run folder") for place, run in enumerate(runs, 1)]
    if len(paths) < 2:
        raise RequestError(f"compare was given {several(len(paths), 'run')}; expected {given}")
    comparison = _comparison(page, _entries(paths))
    write_page(comparison_page(comparison), page, "compare")
    return comparison


def common_predictions(paths: Sequence[Path]) -> list[tuple[str, Predictions]]:
    """The short name of each run, and its predictions of the test images that all have in common.

    The images and the outputs of all are in the same order. Raises RequestError as `compare` does.
    """
    return [(entry.name, entry.predictions) for entry in _entries(paths)]


def _entries(paths: Sequence[Path]) -> list[_Entry]:
    require_folders(paths)
    return _in_common(_read(paths))


def _read(paths: Sequence[Path]) -> list[_Entry]:
    """What the folders hold, with the outputs of all in the order of the first."""
    entries: list[_Entry] = []
    for path, name in zip(paths, _short(paths), strict=True):
        run = Run(path)
        found = run.predictions
        if entries:
            try:
                found = found.in_order_of(entries[0].predictions.task, str(path))
            except RequestError as error:
                raise RequestError(f"{paths[0]} and {path} cannot be compared: {error}") from None
        entries.append(_Entry(run, name, found))
    return entries


def _in_common(entries: Sequence[_Entry]) -> list[_Entry]:
    """The images that all entries hold, in the same order."""
    shared = pd.Index(entries[0].predictions.ids)
    for entry in entries[1:]:
        shared = shared[shared.isin(entry.predictions.ids)]
    if shared.empty:
        raise RequestError(
            "no test image in common: the runs have different splits or sources; evaluate all on "
            "one source, and compare the folders that this makes"
        )
    kept: list[_Entry] = []
    for entry in entries:
        rows = pd.Index(entry.predictions.ids).get_indexer(shared)
        kept.append(replace(entry, predictions=entry.predictions.take(rows)))
        if not np.allclose(kept[-1].predictions.labels, kept[0].predictions.labels, atol=1e-5):
            raise RequestError(
                f"{kept[0].run.path} and {entry.run.path} have images of the same ids with other "
                "labels: they were not tested on the same source"
            )
    return kept


def _comparison(page: Path, entries: Sequence[_Entry]) -> Comparison:
    dataset = cache(lambda: _dataset(entries))
    answers = [entry.predictions for entry in entries]
    task = answers[0].task
    return Comparison(
        page=page,
        task=task,
        source=entries[0].run.metrics["source"],
        number=len(answers[0]),
        runs=tuple(_compared(entry) for entry in entries),
        differences=tuple(_pair(first, second) for first, second in combinations(entries, 2)),
        baseline=task.baseline(answers[0].labels),
        disagreements=len(disagreements(answers)),
        disputed=DISPUTES[task.kind].find([entry.name for entry in entries], answers),
        positions=answers[0].positions,
        images=lambda identifier: _image(dataset(), identifier),
    )


def _compared(entry: _Entry) -> ComparedRun:
    run, found = entry.run, entry.predictions
    cost: dict[str, Any]
    if entry.trained:
        history = run.history
        cost = {
            "parameters": run.provenance.parameters,
            "epochs": len(history),
            "seconds": float(history["seconds"].sum()),
        }
    else:
        history = pd.DataFrame()
        cost = run.metrics.get("cost", {})
    return ComparedRun(
        name=entry.name,
        metrics=found.task.measure(found.labels, found.values),
        history=history,
        parameters=cost.get("parameters"),
        epochs=cost.get("epochs"),
        seconds=cost.get("seconds"),
        own_images=run.metrics["n"],
        known_images=run.metrics.get("learnt", 0),
    )


def _pair(first: _Entry, second: _Entry) -> Pair:
    one, two = first.predictions, second.predictions
    differences = one.task.compare(one.labels, one.values, two.values)
    test = mcnemar(one.correct, two.correct) if one.task.exclusive else None
    return Pair(first.name, second.name, differences, test)


def _dataset(entries: Sequence[_Entry]) -> PackedDataset | None:
    """The packed images of the first folder that still has them in the cache."""
    for entry in entries:
        metrics = entry.run.metrics
        key = entry.run.provenance.dataset if entry.trained else metrics.get("dataset")
        found = open_packed(key, source=metrics["source"]) if key else None
        if found is not None:
            return found
    return None


def _image(dataset: PackedDataset | None, identifier: str) -> np.ndarray | None:
    if dataset is None:
        return None
    rows = np.flatnonzero(dataset.table["id"].to_numpy() == identifier)
    return displayable(dataset.images[rows[0]]) if len(rows) else None


def _short(paths: Sequence[Path]) -> list[str]:
    """The last parts of the paths, as many as tell them apart."""
    parts = [path.resolve().parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-depth:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    raise RequestError(f"{first_few(map(str, paths))}: the same folder is given twice")
