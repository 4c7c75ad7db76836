"""Why a network gives its answer to one image: attribution, faithfulness, layers, neighbours.

found = explain_image(predictor, image, "my galaxy")
found.row()  # one line of a table
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.explanation.activations import ActivationMaps, activation_maps
from hubblefork.explanation.attribution import Attribution, attribution, attribution_layer
from hubblefork.explanation.faithfulness import DeletionCurve, deletion_curve
from hubblefork.explanation.features import answers_and_features
from hubblefork.explanation.neighbours import Neighbours, ReferenceImages
from hubblefork.models.predictor import Predictor
from hubblefork.tasks.task import Task

# The method that works for any network.
_ANY_NETWORK = "integrated-gradients"

_NEIGHBOURS = 5


@dataclass(frozen=True, eq=False)
class ImageExplanation:
    """All that was found out about one image.

    values: (K,) probabilities of classes, or fractions of votes.
    typicality: as `Answers` has it, or None.
    attributions: for the answers that the task names as targets. curve: of the first of them.
    layers: activation maps. neighbours: other images among the `reference` images; None where
        there are none. learnt: whether the image, pixel by pixel, is one of the `reference` images.
    """

    id: str
    task: Task
    values: np.ndarray
    typicality: float | None
    attributions: tuple[Attribution, ...]
    curve: DeletionCurve
    layers: list[ActivationMaps]
    neighbours: Neighbours | None
    reference: ReferenceImages | None
    learnt: bool

    @property
    def faithful(self) -> bool:
        """Whether the first map points at what the answer depends on."""
        return _faithful(self.attributions[0], self.curve)

    def row(self) -> dict[str, Any]:
        """One row of a table: answer, typicality, whether the map is faithful, neighbours."""
        row = {
            "id": self.id,
            **self.task.row(self.values),
            "typicality": self.typicality,
            "method": self.attributions[0].method,
            "faithful": self.faithful,
            "deletion_area": self.curve.area,
            "random_area": self.curve.random_area,
        }
        if self.neighbours is not None and self.reference is not None:
            rows = self.neighbours.rows[0]
            row["neighbours"] = "|".join(self.reference.ids[each] for each in rows)
            row["neighbour_labels"] = "|".join(self.reference.descriptions[each] for each in rows)
        return row


def choose_method(predictor: Predictor) -> str:
    """Grad-CAM, or integrated gradients for a network that has no layer for it."""
    try:
        attribution_layer(predictor)
    except RequestError:
        return _ANY_NETWORK
    return "grad-cam"


def explain_image(
    predictor: Predictor,
    image: np.ndarray,
    identifier: str,
    method: str | None = None,
    layer: str | None = None,
    reference: ReferenceImages | None = None,
) -> ImageExplanation:
    """Find out why a network gives its answer to an image.

    Parameters
    ----------
    predictor, image
        What `attribution` takes.
    identifier
        The name of the image.
    method, layer
        What `attribution` takes; the layer is also that of the activation maps. By default, those
        that fit the network, unless integrated gradients are measured to be more faithful for this
        image, and its first four convolutions.
    reference
        Images to find the nearest neighbours among: the training images.

    Raises RequestError for an unknown method or layer.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> image = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)
    >>> found = explain_image(predictor, image, "noise")
    >>> len(found.attributions), found.attributions[0].target == found.row()["predicted"]
    (2, True)
    """
    task = predictor.task
    answer = predictor.answer(image[None])
    values = answer.values[0]
    targets = [predictor.names[each] for each in task.targets(values)]
    first, curve = _first(predictor, image, targets[0], method, layer)
    others = [
        attribution(predictor, image, first.method, each, first.layer or None)
        for each in targets[1:]
    ]
    neighbours, learnt = None, False
    if reference is not None:
        _, features = next(answers_and_features(predictor, image[None]))
        neighbours, learnt = reference.nearest_others(image, identifier, features, _NEIGHBOURS)
    return ImageExplanation(
        id=identifier,
        task=task,
        values=values,
        typicality=None if answer.typicality is None else float(answer.typicality[0]),
        attributions=(first, *others),
        curve=curve,
        layers=activation_maps(predictor, image, [layer] if layer else 4),
        neighbours=neighbours,
        reference=reference,
        learnt=learnt,
    )


def _first(
    predictor: Predictor, image: np.ndarray, target: str, method: str | None, layer: str | None
) -> tuple[Attribution, DeletionCurve]:
    """The attribution of an answer, and its deletion curve.

    Where neither method nor layer is given, and the usual method's map of this image is no better
    than chance, it is that of integrated gradients, if this one is.
    """
    usual = method or choose_method(predictor)
    first = attribution(predictor, image, usual, target, layer if usual == "grad-cam" else None)
    curve = deletion_curve(predictor, image, first)
    if method or layer or usual == _ANY_NETWORK or _faithful(first, curve):
        return first, curve
    other = attribution(predictor, image, _ANY_NETWORK, target)
    its_curve = deletion_curve(predictor, image, other, random=curve.orders)
    return (other, its_curve) if _faithful(other, its_curve) else (first, curve)


def _faithful(found: Attribution, curve: DeletionCurve) -> bool:
    return not found.empty and curve.faithful
