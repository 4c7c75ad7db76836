"""The training images of a run, to compare other images with."""

import hashlib
from zipfile import BadZipFile

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.core.progress import progress, say
from hubblefork.core.sampling import stable_sample
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.splits import Split
from hubblefork.explanation.features import compute_features
from hubblefork.explanation.neighbours import ReferenceImages
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run
from hubblefork.workflow.evaluate import own_dataset

# Bytes of features that are held in memory; of more training images, some are drawn at random.
_MOST_FEATURES = 2 << 30


def reference_images(predictor: Predictor, run: Run) -> ReferenceImages | None:
    """The training images of a run, or None, with a message, where they are not available."""
    try:
        dataset, split = own_dataset(run, predictor)
    except RequestError as error:
        say(f"no training images to compare with: {error}")
        return None
    return reference_of(predictor, run, dataset, split)


def reference_of(
    predictor: Predictor, run: Run, dataset: PackedDataset, split: Split
) -> ReferenceImages:
    """The training images of a dataset by its split, with their features."""
    rows = split.rows(dataset, "train")
    width = compute_features(predictor, dataset.images, rows[:1]).shape[1]
    most = _MOST_FEATURES // (4 * width)
    if len(rows) > most:
        say(f"comparing with {most:,} of the {len(rows):,} training images, drawn at random")
        rows = stable_sample(rows, most)
    labels = dataset.labels[rows]
    return ReferenceImages(
        features=_stored_features(predictor, run, dataset, rows),
        ids=dataset.table["id"].to_numpy(object)[rows],
        labels=labels,
        descriptions=predictor.task.words.labels(labels),
        image=lambda index: dataset.images[rows[index]],
    )


def _stored_features(
    predictor: Predictor, run: Run, dataset: PackedDataset, rows: np.ndarray
) -> np.ndarray:
    """Features of training images, stored beside the packed ones: they take minutes."""
    digest = hashlib.sha256(run.model.read_bytes() + rows.tobytes()).hexdigest()[:16]
    path = dataset.path / "features" / f"{digest}.npz"
    if path.is_file():
        try:
            with np.load(path) as kept:  # a zip file, which has checksums
                return kept["features"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            say(f"the features at {path} are damaged; computing them again")
    with progress("computing features of training images", len(rows)) as done:
        features = compute_features(predictor, dataset.images, rows, single_view=True, done=done)
    with replacing(path, binary=True) as file:
        np.savez(file, features=features)
    return features
