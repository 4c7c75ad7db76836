"""Open the model of a request for prediction."""

from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

from hubblefork.core.arguments import wrong
from hubblefork.models.find import find_model
from hubblefork.runs.run import Run

if TYPE_CHECKING:
    from hubblefork.models.predictor import Predictor


def load_predictor(
    model: str | Path | Run, crop: int | None, coverage: float | None, device: str
) -> "Predictor":
    """A model for prediction; RequestError where it has no prediction sets of this coverage."""
    # Here, since whoever looks at a survey, or asks for what is not there, needs no torch.
    from hubblefork.models.onnx_predictor import is_onnx, open_predictor

    if device == "onnx" and not is_onnx(find_model(model)):
        from hubblefork.exporting.onnx_file import on_onnxruntime

        predictor: Predictor = on_onnxruntime(open_predictor(model, "cpu", crop))
    else:
        predictor = open_predictor(model, device, crop)
    if coverage is not None:
        if isinstance(coverage, bool) or not isinstance(coverage, Real):
            raise wrong("coverage", coverage, "a number above 0 and below 1, such as 0.95")
        predictor.uncertainty.check_coverage(coverage)
    return predictor
