"""What is known of a model's errors survives the model file, and says what is missing."""

import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.calibration import Calibration
from hubblefork.evaluation.conformal import Reference
from hubblefork.evaluation.outliers import fit_outliers
from hubblefork.models.uncertainty import Uncertainty

FEATURES = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
WHOLE = Uncertainty(
    calibration=Calibration(0.7, 1.1),
    set_scores=Reference.of(np.linspace(0, 1, 40, dtype=np.float32)),
    outliers=fit_outliers(FEATURES),
    distances=Reference.of(np.arange(50.0)),
)
OF_VOTES = Uncertainty(outliers=WHOLE.outliers, distances=WHOLE.distances)


@pytest.mark.parametrize("known", [WHOLE, OF_VOTES, Uncertainty()])
def test_arrays_hold_everything(known):
    arrays = known.to_arrays()
    again = Uncertainty.from_arrays(arrays)
    assert again.calibration == known.calibration
    assert again.to_arrays().keys() == arrays.keys()
    for name, array in again.to_arrays().items():
        np.testing.assert_array_equal(array, arrays[name])
    if known.outliers:
        np.testing.assert_array_equal(again.typicality(FEATURES), known.typicality(FEATURES))
        assert again.typicality(FEATURES).dtype == np.float32
    else:
        assert again.typicality(FEATURES) is None


def test_sets_that_cannot_be_made_are_refused_by_one_line():
    for known in (Uncertainty(), OF_VOTES):
        with pytest.raises(RequestError, match="no sets of classes"):
            known.check_coverage(0.9)
    with pytest.raises(RequestError, match=r"needs 99 or more .* calibrated on 40"):
        WHOLE.check_coverage(0.99)
