"""The training images of a run, to hold other images against."""

import hashlib

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.core.progress import progress, say
from hubblefork.core.sampling import stable_sample
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.splits import Split
from hubblefork.explanation.features import compute_features
from hubblefork.explanation.single_image import Known
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run
from hubblefork.workflow.evaluate import own_dataset

# Bytes of the features of training images that are held in memory. Of more, some are drawn.
_MOST_FEATURES = 2 << 30


def known_images(predictor: Predictor, run: Run) -> Known | None:
    """The training images of a run, or None, with a line, where they are not to be had."""
    try:
        dataset, split = own_dataset(run, predictor)
    except RequestError as error:
        say(f"no training images to compare with: {error}")
        return None
    return known_of(predictor, run, dataset, split)


def known_of(predictor: Predictor, run: Run, dataset: PackedDataset, split: Split) -> Known:
    """The training images of a dataset by its split, as the run's network sees them."""
    rows = split.rows(dataset, "train")
    width = compute_features(predictor, dataset.images, rows[:1]).shape[1]
    most = _MOST_FEATURES // (4 * width)
    if len(rows) > most:
        say(f"comparing with {most:,} of the {len(rows):,} training images, drawn by chance")
        rows = stable_sample(rows, most)
    true = dataset.labels[rows]
    return Known(
        features=_kept_features(predictor, run, dataset, rows),
        ids=dataset.table["id"].to_numpy(object)[rows],
        true=true,
        labels=predictor.task.words.labels(true),
        image=lambda place: dataset.images[rows[place]],
    )


def _kept_features(
    predictor: Predictor, run: Run, dataset: PackedDataset, rows: np.ndarray
) -> np.ndarray:
    """Features of training images; kept beside the packed ones, for they take minutes."""
    digest = hashlib.sha256(run.model.read_bytes() + rows.tobytes()).hexdigest()[:16]
    path = dataset.path / "features" / f"{digest}.npy"
    if path.is_file():
        return np.load(path)
    with progress("computing features of training images", len(rows)) as done:
        features = compute_features(predictor, dataset.images, rows, single_view=True, done=done)
    with replacing(path, binary=True) as file:
        np.save(file, features)
    return features
