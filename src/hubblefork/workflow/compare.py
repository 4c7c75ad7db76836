"""Hold runs side by side on the test images that they have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.packing import open_packed
from hubblefork.evaluation.comparison import mcnemar
from hubblefork.report.compare import PAGE, write_comparison
from hubblefork.report.comparison_data import (
    Contest,
    Contestant,
    DisputedClass,
    DisputedVotes,
    Pair,
)
from hubblefork.report.page import check_page
from hubblefork.report.run_data import displayable
from hubblefork.runs.run import Run
from hubblefork.tasks.predictions import Predictions

# Images of disagreement that the page shows: four rows of five.
_DISPUTED = 20


@dataclass(frozen=True)
class Comparison:
    """The page that was written, and the figures on it.

    table: one row a run, each metric with the ends of its 95 % interval. pairs: one row for each
    two runs, with the differences of their metrics.
    """

    page: Path
    table: pd.DataFrame
    pairs: pd.DataFrame


@dataclass(frozen=True)
class _Entry:
    """What one folder holds."""

    run: Run
    name: str
    predictions: Predictions

    @property
    def true(self) -> np.ndarray:
        return self.predictions.true

    @property
    def answers(self) -> np.ndarray:
        return self.predictions.values

    @property
    def ids(self) -> pd.Index:
        return pd.Index(self.predictions.ids)


def compare(runs: Sequence[str | Path], *, out: str | Path | None = None) -> Comparison:
    """Compare two or more runs, and write it as one HTML page.

    Parameters
    ----------
    runs
        Run folders, or folders that `evaluate` made. Only the test images that all of them hold
        are counted.
    out
        The page to write; by default `comparison.html` in this folder. A comparison that is there
        is replaced.

    Raises RequestError where there are fewer than two, where they have other classes, or no test
    image in common, and where another file than a comparison has the name of the page.

    >>> from hubblefork.workflow.train import train
    >>> paths = [run.path]  # run = train(galaxies, "lenet5")
    >>> settings = {"data.size": 24, "epochs": 1}
    >>> paths += [train(galaxies, "mlp", out=folder / "mlp", settings=settings).path]
    >>> compared = compare(paths, out=folder / "page.html")
    >>> list(compared.table["run"]), int(compared.table["n"][0]), compared.page.is_file()
    (['run', 'mlp'], 16, True)
    """
    page = check_page(out or "comparison.html", PAGE)
    paths = [Path(run) for run in runs]
    if len(paths) < 2:
        raise RequestError(f"{len(paths)} run given; two or more can be compared")
    twice = [str(path) for path in paths if paths.count(path) > 1]
    if twice:
        raise RequestError(f"{twice[0]} is given twice")
    missing = [str(path) for path in paths if not path.is_dir()]
    if missing:
        raise RequestError(f"no folder of a run or of an evaluation at {first_few(missing)}")
    contest = _contest(_in_common(_read(paths)))
    write_comparison(contest, page)
    return Comparison(page, contest.table(), _pairs_table(contest.pairs))


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
                raise RequestError(
                    f"{paths[0]} and {path} do not answer the same question: {error}"
                ) from None
        entries.append(_Entry(run, name, found))
    return entries


def _in_common(entries: Sequence[_Entry]) -> list[_Entry]:
    """The rows of the images that all entries hold, in the same order."""
    shared = entries[0].ids
    for entry in entries[1:]:
        shared = shared[shared.isin(entry.ids)]
    if shared.empty:
        raise RequestError(
            "no test image in common: the runs were split otherwise, or tested on other sources; "
            "evaluate all on one source, and compare the folders that this makes"
        )
    kept = []
    for entry in entries:
        rows = entry.ids.get_indexer(shared)
        kept.append(_Entry(entry.run, entry.name, entry.predictions.take(rows)))
        if not np.allclose(kept[-1].true, kept[0].true, atol=1e-5):
            raise RequestError(
                f"{kept[0].run.path} and {entry.run.path} have images of the same ids with other "
                "labels: they were not tested on the same source"
            )
    return kept


def _contest(entries: Sequence[_Entry]) -> Contest:
    dataset = cache(lambda: _dataset(entries))
    task = entries[0].predictions.task
    disputed = _disputed_classes if task.exclusive else _disputed_votes
    return Contest(
        task=task,
        source=entries[0].run.metrics["source"],
        number=len(entries[0].ids),
        runs=tuple(_contestant(entry) for entry in entries),
        pairs=tuple(_pair(first, second) for first, second in combinations(entries, 2)),
        disagreements=len(_disagreements(entries)),
        disputed=disputed(entries),
        images=lambda identifier: _image(dataset(), identifier),
        made=f"{datetime.now():%Y-%m-%d %H:%M}",
    )


def _contestant(entry: _Entry) -> Contestant:
    run = entry.run
    if (run.path / "recipe.toml").is_file():
        history = run.history
        cost = {
            "parameters": run.provenance.parameters,
            "epochs": len(history),
            "seconds": float(history["seconds"].sum()),
        }
    else:
        history = pd.DataFrame()
        cost = run.metrics.get("cost", {})
    return Contestant(
        name=entry.name,
        metrics=entry.predictions.task.measure(entry.true, entry.answers),
        history=history,
        parameters=cost.get("parameters"),
        epochs=cost.get("epochs"),
        seconds=cost.get("seconds"),
        own_images=run.metrics["n"],
        learnt=run.metrics.get("learnt", 0),
    )


def _pair(first: _Entry, second: _Entry) -> Pair:
    task = first.predictions.task
    differences = task.compare(first.true, first.answers, second.answers)
    test = None
    if task.exclusive:
        test = mcnemar(first.predictions.correct, second.predictions.correct)
    return Pair(first.name, second.name, differences, test)


def _disagreements(entries: Sequence[_Entry]) -> np.ndarray:
    """Rows of the images to which not all give the same class."""
    predicted = np.column_stack([entry.predictions.leading for entry in entries])
    return np.flatnonzero((predicted != predicted[:, :1]).any(axis=1))


def _disputed_classes(entries: Sequence[_Entry]) -> list[DisputedClass]:
    """The disagreements with the widest spread of the probability of the true class."""
    rows = _disagreements(entries)
    names = entries[0].predictions.task.words.names
    of_true = np.column_stack([e.answers[np.arange(len(e.true)), e.true] for e in entries])
    rows = rows[np.argsort(-np.ptp(of_true[rows], axis=1), kind="stable")][:_DISPUTED]
    return [
        DisputedClass(
            id=entries[0].ids[row],
            true=names[entries[0].true[row]],
            answers=tuple(
                (names[entry.answers[row].argmax()], float(entry.answers[row].max()))
                for entry in entries
            ),
        )
        for row in rows
    ]


def _disputed_votes(entries: Sequence[_Entry]) -> list[DisputedVotes]:
    """The galaxies with the largest RMSE between the answers of two runs."""
    pairs = combinations(entries, 2)
    apart = np.max([_rmse(first.answers, second.answers) for first, second in pairs], axis=0)
    errors = np.column_stack([_rmse(entry.answers, entry.true) for entry in entries])
    rows = np.argsort(-apart, kind="stable")[:_DISPUTED]
    found = []
    for row in rows[apart[rows] > 0]:
        fractions = np.stack([entry.answers[row] for entry in entries])
        answer = np.ptp(fractions, axis=0).argmax()
        found.append(
            DisputedVotes(
                id=entries[0].ids[row],
                apart=float(apart[row]),
                errors=tuple(errors[row].tolist()),
                answer=entries[0].predictions.task.words.name(answer),
                true=float(entries[0].true[row, answer]),
                fractions=tuple(fractions[:, answer].tolist()),
            )
        )
    return found


def _rmse(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of each galaxy (N,), over all answers; both are (N, 37)."""
    return np.sqrt(((first - second) ** 2).mean(axis=1))


def _dataset(entries: Sequence[_Entry]) -> PackedDataset | None:
    """The packed images of the first folder that still has them in the cache."""
    for entry in entries:
        metrics = entry.run.metrics
        trained = (entry.run.path / "recipe.toml").is_file()
        key = entry.run.provenance.dataset if trained else metrics.get("dataset")
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


def _pairs_table(pairs: Sequence[Pair]) -> pd.DataFrame:
    rows = []
    for pair in pairs:
        row: dict[str, object] = {"first": pair.first, "second": pair.second}
        for key, gap in pair.differences.items():
            row |= {key: gap.value, f"{key}_low": gap.low, f"{key}_high": gap.high}
        if pair.test:
            row |= {
                "only_first": pair.test.only_first,
                "only_second": pair.test.only_second,
                "p_value": pair.test.p_value,
            }
        rows.append(row)
    return pd.DataFrame(rows)
