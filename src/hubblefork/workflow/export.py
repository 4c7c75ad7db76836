"""Export a model for other programs."""

from collections.abc import Callable
from pathlib import Path

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError, nearest
from hubblefork.exporting.onnx_file import check_onnx_path, write_onnx
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run


def export(model: str | Path | Run, format: str = "onnx", *, out: str | Path | None = None) -> Path:
    """Export a model for programs that do not have hubblefork.

    Parameters
    ----------
    model
        A run, a run folder or a model file.
    format
        `onnx`: one file from raw images to calibrated answers, features and typicality, which
        onnxruntime runs without torch.
    out
        The file to write, `.onnx`. An earlier one is replaced, and no other file.

    Returns the path of what was written. Raises RequestError, with nothing written, where the
    model cannot be exported.

    >>> export(run, out=folder / "model.onnx").name  # run = train(galaxies, "lenet5")
    'model.onnx'
    """
    if format not in FORMATS:
        raise RequestError(f"no format is called {format!r}; {nearest(format, FORMATS)}")
    return FORMATS[format](model, out)


def _onnx(model: str | Path | Run, out: str | Path | None) -> Path:
    if out is None:
        raise RequestError("--format onnx needs --out FILE.onnx")
    path = as_path(out, "out", "the path of a file to write")
    check_onnx_path(path)
    return write_onnx(Predictor.load(model, "cpu"), path)


# What writes a model in each format.
FORMATS: dict[str, Callable[[str | Path | Run, str | Path | None], Path]] = {"onnx": _onnx}
