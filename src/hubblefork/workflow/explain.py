"""Explain a trained network: its answers to single images, or its whole test set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.files import appearing
from hubblefork.core.outputs import check_folder
from hubblefork.explanation.activations import activation_maps
from hubblefork.explanation.attribution import METHODS, attribution
from hubblefork.explanation.single_image import choose_method
from hubblefork.models.find import beside, pinned
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run, output_name
from hubblefork.workflow.explain_images import EXPLANATION, explain_images
from hubblefork.workflow.explain_test_set import explain_run


@dataclass(frozen=True)
class Explanation:
    """The folder that was written; `page` is its `explanation.html`.

    table: one row for each image that was explained; of a test set, for each misclassified image
    or, with votes, for each galaxy, the largest error first.
    """

    path: Path
    table: pd.DataFrame

    @property
    def page(self) -> Path:
        return self.path / "explanation.html"


def explain(
    run: str | Path | Run,
    images: str | Path | Sequence[str | Path] = (),
    *,
    out: str | Path | None = None,
    crop: int | None = None,
    method: str | None = None,
    layer: str | None = None,
    folds: int | None = None,
    device: str = "auto",
) -> Explanation:
    """Explain the predictions of a network: a page with figures and tables.

    Parameters
    ----------
    run
        A run folder; with images, also a model file, the name of a shipped model or
        `hf:OWNER/NAME[@REVISION]`, which have no training images.
    images
        The images to explain, as for `predict`. Without any, the run's own test set: its
        errors, background dependence, robustness, embedding, anomalies and neighbours.
    out
        The folder to make; by default `explanation` or `explanation-<images>` beside the model, or
        for one of the hub in the current folder.
    crop
        Side in pixels of the centre square that is kept of each image, where images are framed
        differently from the training images.
    method
        Method of attribution: `grad-cam`, `integrated-gradients` or `occlusion`. By default the
        one that is measured to be the most faithful on the validation set; with images, the one
        that was, when `explain RUN` was called before, otherwise the first, or the second where the
        first does not work or its map is no better than chance.
    layer
        Layer of Grad-CAM and of the activation maps, as `network.named_modules()` has it.
    folds
        For a test set of classes: train so many more networks to find likely wrong labels among
        all images of the run's source.
    device
        `auto`, `cpu` or `cuda`.

    Raises RequestError, with nothing written, where something does not fit.

    >>> image = galaxies / "disc" / "disc 0.png"
    >>> explained = explain(run.path, image, out=folder / "why")  # run = train(galaxies, "lenet5")
    >>> explained.table["id"].tolist() == [str(image)]
    True
    >>> sorted(path.name for path in explained.path.iterdir())
    ['explanation.html', 'explanations.csv', 'images', 'neighbours.csv']
    """
    places = _places(images)
    target = _folder(run, places, out)
    run = pinned(run)
    predictor = Predictor.load(run, device, crop)
    _check(predictor, method, layer, folds, places)
    whole_run = Run.open(run) if Path(run).is_dir() else None
    if places:
        with appearing(target) as folder:
            table = explain_images(predictor, whole_run, places, folder, method, layer)
        return Explanation(target, table)
    if crop is not None:
        raise RequestError(
            f"--crop {crop} goes with images; without any, {run} is explained on its own test "
            "set, framed as it was"
        )
    if whole_run is None:
        raise RequestError(f"{run} is a model file and has no test set: name images")
    with appearing(target) as folder:
        table = explain_run(predictor, whole_run, folder, method, layer, folds, device)
    return Explanation(target, table)


def _places(images: Any) -> list[str | Path]:
    """One or several places of images as a list; RequestError for anything else."""
    one = isinstance(images, str | Path) or not isinstance(images, Iterable)
    places = [images] if one else list(images)
    for place in places:
        as_path(place, "images", "paths of images, or of folders of them")
    return places


def _folder(run: str | Path | Run, places: Sequence[str | Path], out: str | Path | None) -> Path:
    if out is not None:
        folder = as_path(out, "out", "the path of a folder to make")
    else:
        name = f"{EXPLANATION}-{output_name(str(places[0]))}" if places else EXPLANATION
        folder = beside(run) / name
    check_folder(folder)
    return folder


def _check(
    predictor: Predictor,
    method: str | None,
    layer: str | None,
    folds: int | None,
    places: Sequence[str | Path],
) -> None:
    """RequestError for mistakes that would otherwise be found only after minutes of work."""
    if folds is not None:
        predictor.task.require_classes("--folds finds wrong labels of classes")
    if folds is not None and places:
        raise RequestError("--folds goes without images: it uses all images of the run's source")
    if folds is not None and folds < 2:
        raise RequestError(f"--folds {folds}: expected 2 or more, 5 for example")
    if method is not None and method not in METHODS:
        raise RequestError(f"no method is called {method!r}; {nearest(method, METHODS)}")
    method = method or choose_method(predictor)
    blank = np.zeros(predictor.framing.shape, np.uint8)
    attribution(predictor, blank, method, layer=layer if method == "grad-cam" else None)
    if layer:
        activation_maps(predictor, blank, [layer])
