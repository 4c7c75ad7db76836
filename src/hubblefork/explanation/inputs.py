"""Between packed images and the network: its inputs, its answers to them, and inputs as images."""

import numpy as np
import torch
from torch import Tensor

from hubblefork.models.predictor import Predictor


def network_inputs(predictor: Predictor, images: np.ndarray) -> Tensor:
    """(N, H, W, C) uint8, framed as `predictor.framing` says, to (N, C, size, size) float32."""
    return preprocessed(predictor, torch.tensor(images))


def preprocessed(predictor: Predictor, images: Tensor) -> Tensor:
    """The same for a tensor."""
    return predictor.module.preprocess(images.to(predictor.device))


@torch.inference_mode()
def answers(predictor: Predictor, inputs: Tensor) -> np.ndarray:
    """What is predicted, (N, outputs), for inputs (N, C, H, W)."""
    return predictor.prepared.answer(inputs).answers.cpu().numpy()


def as_images(predictor: Predictor, inputs: Tensor) -> np.ndarray:
    """Undo the normalisation of inputs (N, C, H, W): (N, H, W, C) uint8."""
    view = predictor.card.view
    mean = inputs.new_tensor(view.mean).view(-1, 1, 1)
    values = inputs * inputs.new_tensor(view.std).view(-1, 1, 1) + mean
    values = (255 * values).round().clamp(0, 255).to(torch.uint8)
    return values.permute(0, 2, 3, 1).cpu().numpy()


def blurred(maps: Tensor, sigma: float | None = None) -> Tensor:
    """Images (N, C, H, W) under a Gaussian of `sigma` pixels, by default an eighth of their side.

    By default no detail is left, only where light is, and its colour.
    """
    # An import of a second, which reports do not need.
    from torchvision.transforms.v2.functional import gaussian_blur

    side = maps.shape[-1]
    sigma = side / 8 if sigma is None else sigma
    # Beyond three standard deviations a Gaussian is negligible; the kernel must fit in the image.
    kernel = min(2 * round(3 * sigma) + 1, 2 * ((side - 1) // 2) + 1)
    return gaussian_blur(maps, [kernel, kernel], [sigma, sigma])
