"""After a training: measure on the validation set how far the model's answers can be relied on."""

from dataclasses import replace

import numpy as np

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.progress import progress, say
from hubblefork.core.sampling import stable_sample
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.splits import Split
from hubblefork.evaluation.calibration import Calibration, fit_calibration
from hubblefork.evaluation.conformal import Reference, set_scores
from hubblefork.evaluation.outliers import fit_outliers
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import Uncertainty
from hubblefork.tasks.task import Task

# Training images whose features are computed. From a thousand, images of another kind were
# measured to be recognised a little less well.
_MOST_TRAINING = 5_000


def calibrate(predictor: Predictor, dataset: PackedDataset, split: Split) -> Uncertainty:
    """Fit calibration, prediction sets and typicality of a model that has just been trained.

    Calibration and sets are fitted on the same validation images, on which the epoch was chosen
    too. Strictly, the guarantee of the sets needs images that nothing was chosen on. Two numbers
    and one of some epochs adapt to hundreds of images very little, and halving the validation
    set would cost more: a wider scatter of the coverage. The coverage on the test set is in
    `metrics.json`. Without a validation set nothing is known, and nothing is fitted.
    """
    rows = split.rows(dataset, "val")
    if not len(rows):
        say("no validation set: the probabilities are not calibrated, and no typicality is given")
        return Uncertainty()
    training = split.rows(dataset, "train")
    sample = stable_sample(training, _MOST_TRAINING)
    predictor = replace(predictor, uncertainty=Uncertainty())  # answers before calibration
    # One view of each is enough to know where they lie.
    once = predictor.single_view()
    with progress("calibrating", len(sample) + len(rows)) as done:
        features = np.concatenate([f for _, f in once.compute(dataset.images, sample, done)])
        _require_finite(features)
        outliers = fit_outliers(features)
        answers, distances = [], []
        for values, found in predictor.compute(dataset.images, rows, done):
            answers.append(values)
            distances.append(outliers.distance(found))
    known = Uncertainty(outliers=outliers, distances=Reference.of(np.concatenate(distances)))
    if not dataset.task.exclusive:
        return known
    raw, true = np.concatenate(answers), dataset.labels[rows]
    calibration = calibrate_probabilities(raw, dataset, rows)
    scores = set_scores(calibration.applied(raw))[np.arange(len(true)), true]
    return replace(known, calibration=calibration, set_scores=Reference.of(scores))


def calibrate_probabilities(
    raw: np.ndarray, dataset: PackedDataset, rows: np.ndarray
) -> Calibration:
    """Fit the calibration of probabilities (n, K) that a model gives for validation images.

    rows: the n images in the dataset. Raises RequestError for what are no finite numbers.
    """
    _require_finite(raw)
    true = dataset.labels[rows]
    _tell_missing(dataset.task, true)
    return fit_calibration(raw, true)


def _require_finite(found: np.ndarray) -> None:
    if not np.isfinite(found).all():
        raise RequestError(
            "the trained network gives no finite numbers for images as it was trained on: train "
            "with a lower learning_rate, or start from other weights"
        )


def _tell_missing(task: Task, true: np.ndarray) -> None:
    missing = [repr(name) for name, count in task.class_counts(true).items() if not count]
    if missing:
        say(
            f"no validation images of {first_few(missing)}: probabilities and sets are "
            "calibrated without them, and guarantee nothing for them"
        )
