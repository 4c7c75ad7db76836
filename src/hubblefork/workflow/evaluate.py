"""Measure a trained model again: on its own test set, or on any other labelled source."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.files import appearing
from hubblefork.core.outputs import check_folder
from hubblefork.core.progress import say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.blank import warn_of_blank
from hubblefork.data.images.framing import colour_of
from hubblefork.data.packing import open_packed, pack
from hubblefork.data.relabelled import relabelled
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import Source
from hubblefork.data.sources.path_options import find_moved
from hubblefork.data.splits import Split
from hubblefork.models.find import beside, pinned
from hubblefork.models.predictor import Predictor
from hubblefork.networks.registry import count_parameters
from hubblefork.report.run_data import RunData
from hubblefork.runs.leakage import Overlap, find_learnt
from hubblefork.runs.run import Run, output_name
from hubblefork.workbench.given_labels import labels_of
from hubblefork.workflow.evaluation_outputs import about_split, drawn_data, measure


@dataclass(frozen=True)
class Evaluation:
    """A folder with `predictions.csv`, `metrics.json`, `figures/` and `report.html`.

    metrics: as a run's, and what `compare` finds in a run elsewhere: `dataset`, the key of the
    packed images; `cost`: {parameters, and of the training epochs and seconds, where a run
    folder told them}.
    """

    path: Path
    metrics: dict[str, Any]

    def __fspath__(self) -> str:
        """An evaluation can be given to `compare` as its folder can."""
        return os.fspath(self.path)


def evaluate(
    run: str | Path | Run,
    source: Any = None,
    *,
    out: str | Path | None = None,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
    crop: int | None = None,
    classes: str | Mapping[str, Any] | None = None,
    against: str | None = None,
    device: str = "auto",
) -> Evaluation:
    """Measure a run, or a model file, and write predictions, metrics, figures and a report.

    Parameters
    ----------
    run
        A run, a run folder, a model file, the name of a shipped model, or
        `hf:OWNER/NAME[@REVISION]` for one of the hub.
    source
        Labelled images whose class names are among the model's, or votes for a model of votes: what
        `train` takes. Where none is given, the test set of the run itself.
    out
        The folder to make; by default `evaluation-<source>` beside the model, or in the current
        folder for one that is shipped or of the hub.
    columns, mosaics
        Of a catalogue: see `hubblefork.open_source`.
    crop
        Side of the square kept of each image of `source`, in its pixels, where it is framed
        otherwise than the images that the model was trained on.
    classes
        How votes of `source` become classes: `galaxy10`, `five`, or thresholds, also as the path
        of a TOML file.
    against
        A column of numbers that came with the images, such as a redshift: the accuracy, or the
        RMSE of votes, in bins of it, with intervals (`metrics["against"]`, and in the report).
    device
        `auto`, `cpu` or `cuda`.

    Raises RequestError, with nothing written, where something does not fit.

    >>> evaluation = evaluate(run.path, galaxies, out=folder / "all")  # run = train(galaxies)
    >>> evaluation.metrics["n"], (evaluation.path / "report.html").is_file()
    (80, True)
    """
    run = pinned(run)
    predictor = Predictor.load(run, device, crop)
    if source is None and crop is not None:
        raise RequestError(
            f"--crop {crop} goes with a source; without one, {run} is evaluated on its own test "
            "set, cropped as it was"
        )
    if source is None and classes is not None:
        raise RequestError(
            f"--classes {classes} goes with a source; without one, {run} is evaluated on its own "
            "test set, with the classes it was trained on"
        )
    if source is None and (columns is not None or mosaics is not None):
        raise RequestError(
            f"--columns and --mosaics go with a source; without one, {run} is evaluated on its own "
            "test set"
        )
    hdu = predictor.framing.hdu
    opened = None
    if source is not None:
        opened = open_source(source, classes, hdu=hdu, columns=columns, mosaics=mosaics)
    folder = _folder(run, None if opened is None else opened.name, out)
    whole_run = Run.open(run) if Path(run).is_dir() else None
    overlap: Overlap | None = Overlap({})
    if opened is None:
        if whole_run is None:
            raise RequestError(f"{run} is a model file and has no test set: name a source")
        dataset, rows, about = own_test_part(whole_run, predictor)
        labels = dataset.labels[rows]
    else:
        aligned = predictor.task.aligned(opened.task, opened.name)
        dataset = pack(opened, opened.framing_like(predictor.framing))
        _require_colours(dataset, predictor)
        labels = aligned(dataset.labels)
        rows = np.arange(len(dataset))
        overlap = None if whole_run is None else find_learnt(whole_run, dataset, rows)
        about = _all_of(dataset, overlap)
    with appearing(folder) as temporary:
        cost = _cost(predictor, whole_run)
        further: dict[str, Any] = {"dataset": dataset.key, "cost": cost, "learnt": None}
        if overlap is not None:
            further |= {"learnt": overlap.number, "learnt_by": overlap.by}
        metrics = measure(
            predictor, dataset, rows, temporary, whole_run, about, labels, further, against
        )
    return Evaluation(folder, metrics)


def _folder(run: str | Path | Run, source: str | None, out: str | Path | None) -> Path:
    if out is not None:
        folder = as_path(out, "out", "the path of a folder to make")
    else:
        name = "test" if source is None else output_name(source)
        folder = beside(run) / f"evaluation-{name}"
    check_folder(folder)
    return folder


def _cost(predictor: Predictor, run: Run | None) -> dict[str, Any]:
    cost: dict[str, Any] = {"parameters": count_parameters(predictor.network)}
    if run is not None:
        history = run.history
        cost |= {"epochs": len(history), "seconds": float(history["seconds"].sum())}
    return cost


def own_test_part(
    run: Run, predictor: Predictor
) -> tuple[PackedDataset, np.ndarray, dict[str, Any]]:
    """The dataset that a run was trained on, the rows of its test set, and what its split is.

    Raises RequestError where the source has changed since.
    """
    dataset, split = own_dataset(run, predictor)
    return dataset, split.rows(dataset, "test"), about_split(dataset, split)


def own_dataset(run: Run, predictor: Predictor) -> tuple[PackedDataset, Split]:
    """The dataset that a run was trained on, packed again where need be, and its split.

    Raises RequestError where the source has changed since.
    """
    about = run.provenance
    dataset = open_packed(about.dataset, source=about.source)
    if dataset is not None:
        warn_of_blank(dataset.blank, len(dataset))
    else:
        opened = own_source(run, predictor)
        dataset = pack(opened, predictor.card.framing)
        if labels := labels_of(run):
            dataset, _ = relabelled(dataset, labels.task, labels.table)
        if dataset.key != about.dataset:
            raise RequestError(
                f"{about.source} has changed since {run.path} was trained on it: {opened.name} has "
                "other images or labels"
            )
    return dataset, run.split


def own_source(run: Run, predictor: Predictor) -> Source:
    """The source that a run was trained on, opened where it is now."""
    place = find_moved(run.provenance.location, run.path)
    labelled = run.provenance.labels is None
    return open_source(
        place, run.recipe.data.classes, labelled=labelled, hdu=predictor.card.framing.hdu
    )


def finished_data(run: Run, device: str) -> RunData:
    """What the report of a finished run shows, from its files.

    Raises RequestError where the source has changed since.
    """
    predictor = Predictor.load(run.path, device)
    dataset, split = own_dataset(run, predictor)
    about = about_split(dataset, split)
    return drawn_data(predictor, dataset, run.predictions, run.metrics, run, about)


def _require_colours(dataset: PackedDataset, predictor: Predictor) -> None:
    """RequestError for grey images where the model knows only coloured ones, and the reverse."""
    found = dataset.table["bands"].map(colour_of)
    other = ~found.isin(predictor.card.colours)
    if other.any():
        examples = first_few(dataset.table["origin"][other])
        raise RequestError(
            f"{other.sum():,} of the {len(dataset):,} images of {dataset.source} are "
            f"{' or '.join(found[other].unique())} ({examples}), and those that the model has "
            f"learnt from are {' or '.join(predictor.card.colours)}: leave them out, or train on "
            "such images too"
        )


def _all_of(dataset: PackedDataset, overlap: Overlap | None) -> dict[str, Any]:
    told = "none was used for training unless the sources overlap"
    if overlap is not None:
        told = "none of them was used for training"
        if overlap.number:
            told = f"{overlap.number:,} of them were used for training ({overlap.words})"
            say(
                f"{overlap.number:,} of the {len(dataset):,} images were used for training this "
                f"model: {overlap.words}"
            )
        if overlap.same_name:
            also = (
                f"{overlap.same_name:,} of them have only the file name of a training image "
                f"(such as {overlap.example}), which may be of another object"
            )
            told += f"; {also}"
            say(f"of the {len(dataset):,} images, {also}")
    return {
        "rule": f"all images of the source; {told}",
        "seed": None,
        "sha256": None,
        "sizes": {"test": len(dataset)},
        "counts": {"test": dataset.info["counts"]},
    }
