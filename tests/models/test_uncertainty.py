"""What is known of a model's mistakes survives the model file, and says what is missing."""

import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.calibration import Calibration
from hubblefork.evaluation.conformal import Reference
from hubblefork.evaluation.outliers import fit_outliers
from hubblefork.models.uncertainty import Trust

FEATURES = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
WHOLE = Trust(
    calibration=Calibration(0.7, 1.1),
    scores=Reference.of(np.linspace(0, 1, 40, dtype=np.float32)),
    outliers=fit_outliers(FEATURES),
    distances=Reference.of(np.arange(50.0)),
)
OF_VOTES = Trust(outliers=WHOLE.outliers, distances=WHOLE.distances)


@pytest.mark.parametrize("trust", [WHOLE, OF_VOTES, Trust()])
def test_arrays_hold_everything(trust):
    arrays = trust.to_arrays()
    again = Trust.from_arrays(arrays)
    assert again.calibration == trust.calibration
    assert again.to_arrays().keys() == arrays.keys()
    for name, array in again.to_arrays().items():
        np.testing.assert_array_equal(array, arrays[name])
    if trust.outliers:
        distance = again.outliers.distance(FEATURES)
        np.testing.assert_array_equal(distance, trust.outliers.distance(FEATURES))
        assert again.typicality(distance).dtype == np.float32


def test_answers_without_a_calibration_stay_as_they_are():
    answers = np.random.default_rng(0).random((5, 37), np.float32)
    assert OF_VOTES.calibrated(answers) is answers
    sharper = WHOLE.calibrated(np.array([[0.8, 0.2]], np.float32))
    assert sharper.dtype == np.float32
    assert sharper[0, 0] > 0.85


def test_sets_that_cannot_be_made_are_refused_by_one_line():
    for trust in (Trust(), OF_VOTES):
        with pytest.raises(RequestError, match="no sets of classes"):
            trust.check_coverage(0.9)
    with pytest.raises(RequestError, match=r"needs 99 or more .* calibrated on 40"):
        WHOLE.check_coverage(0.99)
