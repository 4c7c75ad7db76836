"""What a network is given, what it answers to it, and how to show it."""

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from hubblefork.models.predictor import Predictor


def network_inputs(predictor: Predictor, images: np.ndarray) -> Tensor:
    """(N, H, W, C) uint8, framed as `predictor.framing` says, to (N, C, size, size) float32."""
    return predictor.module.preprocess(torch.tensor(images, device=predictor.device))


@torch.inference_mode()
def answers(predictor: Predictor, inputs: Tensor) -> np.ndarray:
    """What is predicted, (N, outputs), for inputs (N, C, H, W)."""
    return predictor.prepared.answer(inputs).answers.cpu().numpy()


def as_bytes(predictor: Predictor, inputs: Tensor) -> np.ndarray:
    """Undo the normalisation of inputs (N, C, H, W): (N, H, W, C) uint8."""
    view = predictor.card.view
    mean = inputs.new_tensor(view.mean).view(-1, 1, 1)
    values = inputs * inputs.new_tensor(view.std).view(-1, 1, 1) + mean
    values = (255 * values).round().clamp(0, 255).to(torch.uint8)
    return values.permute(0, 2, 3, 1).cpu().numpy()


def blurred(inputs: Tensor) -> Tensor:
    """Inputs (N, C, H, W) without detail: what is left is where light is, and its colour."""
    sigma = inputs.shape[-1] / 8
    # Beyond three deviations a Gaussian holds nothing; the kernel must fit in the image.
    kernel = min(2 * round(3 * sigma) + 1, 2 * ((inputs.shape[-1] - 1) // 2) + 1)
    return gaussian_blur(inputs, [kernel, kernel], [sigma, sigma])
