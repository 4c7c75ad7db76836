"""What a network makes of images, as numbers: the features of any of its layers.

features = compute_features(predictor, dataset.images, rows)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from hubblefork.core.device import images_at_once
from hubblefork.core.errors import RequestError, nearest
from hubblefork.explanation.inputs import network_inputs
from hubblefork.models.predictor import Predictor
from hubblefork.networks.features import feature_layer


def compute_features(
    predictor: Predictor,
    images: np.ndarray,
    rows: Sequence[int] | None = None,
    layer: str | None = None,
    upright: bool = False,
    done: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Return the features (N, F) float32 of images.

    Where predictions are averaged over several sides of an image, so are the features: with the
    eight symmetries, an image that is turned by 90 degrees has the same.

    Parameters
    ----------
    predictor
        A trained network.
    images, rows
        (N, H, W, C) uint8, framed as `predictor.framing` says, and which of them; all by default.
    layer
        As `network.named_modules()` has it. Maps are averaged over the image. By default, what
        the last dense layer is given.
    upright
        Look at each image only as it is, which is that much faster.
    done
        Is called with the number of images of each batch.

    Raises RequestError for a name that the network has not, and for a layer whose answer is not
    one array for each image.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> images = np.zeros((2, 24, 24, 3), np.uint8)
    >>> compute_features(predictor, images).shape
    (2, 84)
    >>> compute_features(predictor, images, layer="layers.3").shape
    (2, 16)
    """
    if upright:
        predictor = predictor.one_sided()
    found = look(predictor, images, rows, layer, done)
    return np.concatenate([features.mean(axis=1) for _, features in found])


def look(
    predictor: Predictor,
    images: np.ndarray,
    rows: Sequence[int] | None = None,
    layer: str | None = None,
    done: Callable[[int], None] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give answers and the features on every side, batch after batch.

    Takes what `compute_features` takes. Gives calibrated answers (n, outputs), as `predict` does,
    and features (n, S, F): S is the number of sides that predictions are averaged over.
    """
    rows = np.arange(len(images)) if rows is None else np.asarray(rows)
    most = images_at_once(predictor.card.view.size)
    with _kept(predictor.network, layer) as kept:
        for start in range(0, len(rows), most):
            batch = rows[start : start + most]
            answers, features = _look_at_batch(predictor, images[batch], kept, layer)
            yield predictor.trust.calibrated(answers.cpu().numpy()), features.cpu().numpy()
            if done:
                done(len(batch))


@torch.inference_mode()
def _look_at_batch(
    predictor: Predictor, images: np.ndarray, kept: list[object], layer: str | None
) -> tuple[Tensor, Tensor]:
    """Answers (n, outputs) and features (n, S, F) of one batch; `kept` as `_kept` gives it."""
    answers, features = 0.0, []
    sides = predictor.card.view.sides(network_inputs(predictor, images))
    for side in sides:
        raw = predictor.network(side.contiguous(memory_format=torch.channels_last))
        answers = answers + predictor.head(raw)
        features.append(_flat(kept[0], layer, len(images)))
    return (answers / len(sides)).float(), torch.stack(features, dim=1)


@contextmanager
def _kept(network: nn.Module, layer: str | None) -> Iterator[list[object]]:
    """A list whose one item is what the layer gave last, or what the last dense one was given."""
    kept: list[object] = [None]

    def keep_input(_module: object, inputs: tuple[object, ...]) -> None:
        kept[0] = inputs[0].flatten(1)

    def keep_output(_module: object, _inputs: object, output: object) -> None:
        kept[0] = output

    if layer is None:
        handle = feature_layer(network).register_forward_pre_hook(keep_input)
    else:
        modules = {name: module for name, module in network.named_modules() if name}
        if layer not in modules:
            raise RequestError(f"the network has no layer {layer!r}; {nearest(layer, modules)}")
        handle = modules[layer].register_forward_hook(keep_output)
    try:
        yield kept
    finally:
        handle.remove()


def _flat(output: object, layer: str | None, number: int) -> Tensor:
    """(N, F) of what a layer gave: the mean over places of maps, and over tokens."""
    if not isinstance(output, Tensor) or output.ndim < 2 or len(output) != number:
        raise RequestError(f"layer {layer!r} gives no features for each image: choose another")
    values = output.detach().float()
    if values.ndim == 3:  # tokens (N, T, F)
        return values.mean(dim=1)
    # A copy: the next layer may work in place.
    return values.flatten(2).mean(dim=2) if values.ndim > 3 else values.clone()
