"""Background dependence: whether predictions depend on the object or on its surroundings.

The same images are measured three times: unchanged, with the centre blurred, and with all but the
centre blurred. If a network uses the object, its accuracy decreases without the centre and not
without the background; if it uses the background, such as the plants around a dragonfly, it is the
other way round. Vote fractions are measured by their RMSE instead.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.scores import Score
from hubblefork.explanation.changed_images import score_changes
from hubblefork.explanation.inputs import blurred, preprocessed
from hubblefork.explanation.saving import TableResult
from hubblefork.models.predictor import Predictor

# Width of the transition between centre and background, as a fraction of the side: a hard edge
# would be a feature of its own.
_FADE = 0.05


@dataclass(frozen=True)
class BackgroundDependence(TableResult):
    """Scores on the same images, unchanged and with centre or background blurred.

    number: of images. radius: of the centre, as a fraction of the image's side.
    """

    number: int
    radius: float
    unchanged: Score
    centre_blurred: Score
    background_blurred: Score

    @property
    def table(self) -> pd.DataFrame:
        """Three rows: images, n, the score (accuracy or rmse), low and high (its 95 % interval)."""
        scores = {
            "unchanged": self.unchanged,
            "centre blurred": self.centre_blurred,
            "background blurred": self.background_blurred,
        }
        rows = [
            (name, self.number, each.value, each.low, each.high) for name, each in scores.items()
        ]
        return pd.DataFrame(rows, columns=["images", "n", self.unchanged.measure, "low", "high"])

    @property
    def relies_on_object(self) -> bool:
        """Whether the centre matters more than the background."""
        return self.background_blurred.beats(self.centre_blurred)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"relies_on_object": self.relies_on_object}


def background_dependence(
    predictor: Predictor,
    images: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    radius: float = 0.3,
    done: Callable[[int], None] | None = None,
) -> BackgroundDependence:
    """Measure a network with the centre, and with the background, of its images blurred.

    The other arguments are those of `score_changes`. radius: of the centre, as a fraction of the
    image's side, in (0, 0.5].

    Raises RequestError for a radius out of range, and for no images.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> black = np.zeros((3, 24, 24, 3), np.uint8)
    >>> found = background_dependence(predictor, black, np.arange(3), np.zeros(3, int))
    >>> found.table["images"].tolist(), found.relies_on_object
    (['unchanged', 'centre blurred', 'background blurred'], False)
    """
    if not 0 < radius <= 0.5:
        raise RequestError(f"radius {radius}: expected a fraction of the side above 0, up to 0.5")
    unchanged = partial(preprocessed, predictor)

    def centre_blurred(raw: Tensor) -> Tensor:
        inputs = unchanged(raw)
        return inputs + _centre(inputs, radius) * (blurred(inputs) - inputs)

    def background_blurred(raw: Tensor) -> Tensor:
        inputs = unchanged(raw)
        plain = blurred(inputs)
        return plain + _centre(inputs, radius) * (inputs - plain)

    changes = (unchanged, centre_blurred, background_blurred)
    scores, _ = score_changes(predictor, images, rows, labels, changes, done)
    return BackgroundDependence(len(rows), radius, *scores)


def _centre(inputs: Tensor, radius: float) -> Tensor:
    """(H, W) weights: 1 within the radius, 0 outside it, fading between."""
    side = inputs.shape[-1]
    offset = (torch.arange(side, device=inputs.device) + 0.5) / side - 0.5
    distance = torch.hypot(offset[:, None], offset[None, :])
    return torch.sigmoid((radius - distance) / (_FADE / 4))
