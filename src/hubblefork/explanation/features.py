"""The features of images: the output of a layer of a network.

features = compute_features(predictor, dataset.images, rows)
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hubblefork.core.device import images_at_once
from hubblefork.core.errors import RequestError
from hubblefork.explanation.inputs import network_inputs
from hubblefork.explanation.map_layers import hooked, named_layers
from hubblefork.models.deployed import Output
from hubblefork.models.predictor import Predictor


def compute_features(
    predictor: Predictor,
    images: np.ndarray,
    rows: Sequence[int] | np.ndarray | None = None,
    layer: str | None = None,
    single_view: bool = False,
    done: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Return the features (N, F) float32 of images.

    Features are averaged over the views of test-time augmentation, as predictions are: with the
    eight symmetries, an image that is rotated by 90 degrees has the same.

    Parameters
    ----------
    predictor
        A trained network.
    images, rows
        (N, H, W, C) uint8, framed as `predictor.framing` says, and which of them; all by default.
    layer
        A name in `network.named_modules()`. Maps are averaged over the image. By default, the
        features are the input of the last dense layer.
    single_view
        Without test-time augmentation, which is faster.
    done
        Called with the number of images of each batch.

    Raises RequestError for an unknown layer, and for one whose output is not one array for each
    image.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> images = np.zeros((2, 24, 24, 3), np.uint8)
    >>> compute_features(predictor, images).shape
    (2, 84)
    >>> compute_features(predictor, images, layer="layers.3").shape
    (2, 16)
    """
    if single_view:
        predictor = predictor.single_view()
    found = answers_and_features(predictor, images, rows, layer, done)
    return np.concatenate([features.mean(axis=1) for _, features in found])


def answers_and_features(
    predictor: Predictor,
    images: np.ndarray,
    rows: Sequence[int] | np.ndarray | None = None,
    layer: str | None = None,
    done: Callable[[int], None] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield answers and the features in every view, batch after batch.

    Takes what `compute_features` takes. Yields calibrated answers (n, outputs), as `predict` gives
    them, and features (n, V, F) in the V views of test-time augmentation. Raises RequestError
    where an answer is not a number.
    """
    rows = np.arange(len(images)) if rows is None else np.asarray(rows)
    most = images_at_once(predictor.card.view.size)
    for start in range(0, len(rows), most):
        batch = rows[start : start + most]
        answers, features = _batch(predictor, images[batch], layer)
        if not answers.isfinite().all():
            raise RequestError(
                f"the model's answer to {int((~answers.isfinite().all(dim=1)).sum()):,} of "
                f"{len(batch):,} images is not a number, which cannot be explained: train it again"
            )
        yield answers.cpu().numpy(), features.cpu().numpy()
        if done:
            done(len(batch))


@torch.inference_mode()
def _batch(predictor: Predictor, images: np.ndarray, layer: str | None) -> Output:
    """Answers (n, outputs) and features (n, V, F) of one batch."""
    inputs = network_inputs(predictor, images)
    if layer is None:
        return predictor.prepared.answer(inputs)
    outputs: list[Tensor] = []

    def keep(_layer: str, _module: nn.Module, output: object) -> None:
        outputs.append(_flat(output, layer, len(images)))  # the next layer may work in place

    # Layers as they were trained: those prepared for prediction give something else.
    with hooked(named_layers(predictor.network, [layer]), keep):
        answers, _ = predictor.module.answer(inputs)
    return Output(answers, torch.stack(outputs, dim=1))


def _flat(output: object, layer: str, number: int) -> Tensor:
    """(N, F) of what a layer gave: the mean over the pixels of maps, and over tokens."""
    if not isinstance(output, Tensor) or output.ndim < 2 or len(output) != number:
        raise RequestError(f"layer {layer!r} gives no features for each image: choose another")
    values = output.detach().float()
    if values.ndim == 3:  # tokens (N, T, F)
        return values.mean(dim=1)
    return values.flatten(2).mean(dim=2) if values.ndim > 3 else values.clone()
