"""Open a run, a model or a source in the browser workbench."""

import getpass
import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError
from hubblefork.core.kept_arrays import keep_arrays, kept_arrays
from hubblefork.core.progress import progress, say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.models.file_format import MODEL_FILE
from hubblefork.models.find import find_model
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run, short_name
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.task import Task
from hubblefork.workbench.data import COVERAGE, Collection
from hubblefork.workbench.questions import Questions
from hubblefork.workbench.store import LabelStore

if TYPE_CHECKING:
    from hubblefork.models.predictor import Predictor


def serve(
    what: str | Path | Run,
    source: Any = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    labels: str | Path | None = None,
    rater: str | None = None,
    compare: str | Path | Run | None = None,
    device: str = "auto",
    announce: Callable[[str], None] = print,
) -> None:
    """Look at images and label them in a browser, until this process is ended.

    Parameters
    ----------
    what
        A run, which has images and a model; a model file, which needs a source; or a source alone.
    source
        Other images for the model of `what`.
    host, port
        The address to listen at; by default this machine alone, and any free port.
    labels
        The file of labels to add to; by default `labels-<source>.jsonl` in this folder.
    rater
        Who labels; by default the user of this system.
    compare
        A second run, or the folder of an evaluation: what it corrects and what it breaks among the
        test images that it has in common with the first run.
    announce
        Called with the link to open.

    Raises RequestError where the images cannot be opened, the runs cannot be compared, the address
    cannot be had, or another process writes to the same labels.
    """
    try:
        from hubblefork.workbench.server import bound, make_server
    except ImportError as error:
        raise RequestError(
            f"the workbench needs {error.name}: pip install 'hubblefork[workbench]'"
        ) from error
    own = source is None and _has_model(what) and Path(what).is_dir()
    if compare is not None and not own:
        raise RequestError("--compare goes with a run and its own images: serve RUN --compare RUN2")
    collection = open_collection(what, source, device)
    if source is not None:
        from hubblefork.workflow.serve_run import with_suspects  # loads torch

        collection = with_suspects(collection, Run.open(what) if Path(what).is_dir() else None)
    elif own:
        from hubblefork.workflow.serve_run import with_run

        other = None if compare is None else as_path(compare, "compare", "a second run")
        collection = with_run(collection, Run.open(what), other)
    name = short_name(collection.dataset.source)
    path = f"labels-{name}.jsonl" if labels is None else labels
    with (
        bound(host, port) as listening,
        LabelStore.open(path, collection.questions.task) as store,
    ):
        say(f"labels are added to {store.path}; Ctrl-C ends the workbench")
        who = rater or getpass.getuser()
        make_server(listening, collection, store, name, who, announce).run(sockets=[listening])


def open_collection(what: Any, source: Any = None, device: str = "auto") -> Collection:
    """The images of a run, of a source, or of a source with a model's predictions."""
    if source is None and not _has_model(what):
        return _of_source(what)
    # Images alone are served without torch.
    from hubblefork.models.onnx_predictor import open_predictor
    from hubblefork.workflow.evaluate import own_dataset, own_source
    from hubblefork.workflow.explain_images import measured_method
    from hubblefork.workflow.reference_images import reference_images

    predictor = open_predictor(what, device, None)
    run = Run.open(what) if Path(what).is_dir() else None
    if source is not None:
        opened = open_source(source, labelled=False, hdu=predictor.framing.hdu)
        dataset = pack(opened, opened.framing_like(predictor.framing))
        reopened = partial(open_source, source, labelled=False, hdu=predictor.framing.hdu)
    elif run is not None:
        dataset, _ = own_dataset(run, predictor)
        reopened = partial(own_source, run, predictor)
    else:
        raise RequestError(f"{what} is a model file and has no images: name a source after it")
    model = hashlib.sha256(find_model(what).read_bytes()).hexdigest()
    predictions, features = _predictions(predictor, dataset, model)
    true = _labels(dataset, predictor.task)
    return Collection(
        dataset, Questions.of(predictor.task), true, predictions, model, predictor, reopened,
        reference=partial(reference_images, predictor, run) if run else None,
        features=features, method=measured_method(run) if run else None,
        map_file=_kept(dataset, model, "map"),
    )  # fmt: skip


def _of_source(source: Any) -> Collection:
    data = load_recipe("default").data
    opened = open_source(source, labelled=False)
    framing = opened.framing(data.crop, data.size, data.grey, data.stretch.stretch())
    dataset = pack(opened, framing)
    true = _labels(dataset, dataset.task)
    reopened = partial(open_source, source, labelled=False)
    return Collection(dataset, Questions.of(dataset.task), true, source=reopened)


def _has_model(what: Any) -> bool:
    if not isinstance(what, str | Path | Run):
        return False
    path = Path(what)
    run = (path / MODEL_FILE).is_file() or (path / "provenance.json").is_file()
    return run or path.suffix in (".safetensors", ".onnx")


def _labels(dataset: PackedDataset, task: Task) -> np.ndarray | None:
    if not dataset.task.label_columns:
        return None
    return task.aligned(dataset.task, dataset.source)(dataset.labels)


def _predictions(
    predictor: "Predictor", dataset: PackedDataset, model: str
) -> tuple[Predictions, np.ndarray]:
    """The predictions of all images, and their features (N, F).

    Both are stored beside the packed images: they take minutes.
    """
    path = _kept(dataset, model, "features")
    found = kept_arrays(path)
    if found is None:
        values, features = [], []
        with progress("predicting", len(dataset)) as done:
            for each in predictor.compute(dataset.images, done=done):
                values.append(each[0])
                features.append(each[1])
        found = {"values": np.concatenate(values), "features": np.concatenate(features)}
        typicality = predictor.uncertainty.typicality(found["features"])
        if typicality is not None:
            found["typicality"] = typicality
        keep_arrays(path, **found)
    sets = None
    if predictor.task.exclusive:
        try:
            sets = predictor.sets(found["values"], COVERAGE)
        except RequestError as error:
            say(f"no prediction sets: {error}")
    ids = dataset.table["id"].to_numpy(object)
    predictions = Predictions(
        predictor.task, ids, found["values"], typicality=found.get("typicality"), sets=sets
    )
    return predictions, found["features"]


def _kept(dataset: PackedDataset, model: str, what: str) -> Path:
    """Where something that was computed by a model is kept, beside the packed images."""
    return dataset.path / "predictions" / f"{model[:16]}-{what}.npz"
