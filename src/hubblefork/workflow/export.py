"""Export a model for other programs and other people."""

from collections.abc import Callable
from pathlib import Path

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.files import appearing
from hubblefork.core.hub import split_revision
from hubblefork.core.outputs import check_folder
from hubblefork.core.temporary import scratch_folder
from hubblefork.exporting.hub import upload, write_repository
from hubblefork.exporting.onnx_file import check_onnx_path, write_onnx
from hubblefork.models.find import find_model, pinned
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run


def export(
    model: str | Path | Run,
    format: str = "onnx",
    *,
    out: str | Path | None = None,
    to: str | None = None,
    folder: str | Path | None = None,
    private: bool = False,
    licence: str | None = None,
) -> Path | str:
    """Export a model for programs that do not have hubblefork, or to the Hugging Face hub.

    Parameters
    ----------
    model
        A run, a run folder, a model file, the name of a shipped model, or
        `hf:OWNER/NAME[@REVISION]` for one of the hub.
    format
        `onnx`: one file from raw images to calibrated answers, features and typicality, which
        onnxruntime runs without torch. `hub`: a repository of the hub, with a card.
    out
        Of `onnx`, the file to write, `.onnx`. An earlier one is replaced, and no other file.
    to
        Of `hub`, the repository, `OWNER/NAME`. It is made where there is none.
    folder
        Of `hub`, a folder to make with the files of the repository, instead of uploading them.
    private
        Of `hub`, whether a new repository is to be seen by its owner alone.
    licence
        Of `hub`, that of the model, as the hub calls it: `apache-2.0`, `cc-by-4.0`, `mit`.

    Returns the path of what was written, or `hf:OWNER/NAME@COMMIT`. Raises RequestError, with
    nothing written, where the model cannot be exported.

    >>> export(run, out=folder / "model.onnx").name  # run = train(galaxies, "lenet5")
    'model.onnx'
    >>> files = export(run, "hub", to="owner/sky", folder=folder / "sky")
    >>> sorted(path.name for path in files.iterdir())
    ['README.md', 'metrics.json', 'model.safetensors', 'recipe.toml']
    """
    if format not in FORMATS:
        raise RequestError(f"no format is called {format!r}; {nearest(format, FORMATS)}")
    write, own = FORMATS[format]
    options = {"out": out, "to": to, "folder": folder, "private": private, "licence": licence}
    for name, value in options.items():
        if value and name not in own:
            raise RequestError(f"--{name} does not go with --format {format}")
    return write(model, **{name: options[name] for name in own})


def _onnx(model: str | Path | Run, out: str | Path | None) -> Path:
    if out is None:
        raise RequestError("--format onnx needs --out FILE.onnx")
    path = as_path(out, "out", "the path of a file to write")
    check_onnx_path(path)
    return write_onnx(Predictor.load(model, "cpu"), path)


def _hub(
    model: str | Path | Run,
    to: str | None,
    folder: str | Path | None,
    private: bool,
    licence: str | None,
) -> Path | str:
    if not to:
        raise RequestError("--format hub needs --to OWNER/NAME")
    repository, revision = split_revision(to)
    if revision:
        raise RequestError(f"--to {to}: expected OWNER/NAME, without a revision")
    place = None
    if folder is not None:
        place = as_path(folder, "folder", "the path of a folder to make")
        check_folder(place, "give another --folder")
    model = pinned(model)
    predictor = Predictor.load(model, "cpu")
    run = Run.open(model) if Path(model).is_dir() else None
    with scratch_folder() if place is None else appearing(place) as files:
        write_repository(files, predictor, find_model(model), run, repository, licence)
        return place or upload(files, repository, private)


# What writes a model in each format, and its options.
FORMATS: dict[str, tuple[Callable[..., Path | str], tuple[str, ...]]] = {
    "onnx": (_onnx, ("out",)),
    "hub": (_hub, ("to", "folder", "private", "licence")),
}
