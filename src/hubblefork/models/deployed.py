"""The deployed module: from images to calibrated answers and features, in one torch module.

Prediction, explanation and the probe use it, so that preprocessing, test-time augmentation,
network, head, mean and calibration are combined here and nowhere else.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hubblefork.evaluation.calibration import Calibration
from hubblefork.models.view import View
from hubblefork.networks.features import Features
from hubblefork.networks.inference import prepare_for_inference


class Output(NamedTuple):
    """The output of a model for N images.

    answers: (N, outputs) float32, probabilities of classes or fractions of votes.
    features: float32, the input of the last layer: (N, F), or (N, views, F) for each view.
    """

    answers: Tensor
    features: Tensor


class DeployedModel(nn.Module):
    """From uint8 images (N, H, H, C) to answers (N, outputs) and features (N, F).

    N may be any number. `forward` is `answer` of `preprocess`, with the features averaged over the
    views too.

    Parameters
    ----------
    network
        From (N, C, size, size) float32 to logits (N, outputs); set to evaluation mode.
    head
        From logits to answers.
    view
        Preprocessing, and the views of test-time augmentation.
    calibration
        Of probabilities; None: no calibration.

    >>> layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 2))
    >>> view = View(size=8, mean=(0.5,), std=(0.2,), symmetries=True)
    >>> model = DeployedModel(layers, nn.Softmax(dim=1), view)
    >>> answers, features = model(torch.zeros(3, 16, 16, 1, dtype=torch.uint8))
    >>> answers.shape, features.shape
    (torch.Size([3, 2]), torch.Size([3, 5]))
    """

    # Of the memory that a network's input has: torch convolves fastest in this one.
    layout: torch.memory_format = torch.channels_last

    def __init__(
        self,
        network: nn.Module,
        head: nn.Module,
        view: View,
        calibration: Calibration | None = None,
    ):
        super().__init__()
        self.network = network.eval()
        self.head = head
        self.view = view
        self.calibration = nn.Identity() if calibration is None else Calibrate(calibration)

    def forward(self, images: Tensor) -> Output:
        answers, features = self.answer(self.preprocess(images))
        return Output(answers, features.mean(dim=1))

    def preprocess(self, images: Tensor) -> Tensor:
        """(N, H, H, C) uint8 -> (N, C, size, size) float32, the input of the network."""
        return self.view.fixed(images)

    def answer(self, inputs: Tensor) -> Output:
        """Answers for inputs, as `preprocess` returns them, and features (N, views, F)."""
        answers, features = [], []
        with Features(self.network) as found:
            for view in self.view.views(inputs):
                raw = self.network(view.contiguous(memory_format=self.layout))
                answers.append(self.head(raw).float())
                features.append(found.last)
        mean = sum(answers) / len(answers)
        return Output(self.calibration(mean), torch.stack(features, dim=1))

    def prepared(self) -> "DeployedModel":
        """The same outputs in less time; the weights of its layers are not the trained ones."""
        prepared = DeployedModel(prepare_for_inference(self.network), self.head, self.view)
        prepared.calibration = self.calibration
        return prepared


class Calibrate(nn.Module):
    """`Calibration.applied` for tensors: probabilities (N, K) float32 -> the same, calibrated."""

    def __init__(self, calibration: Calibration):
        super().__init__()
        self.temperature = calibration.temperature
        self.exponent = calibration.exponent

    def forward(self, probabilities: Tensor) -> Tensor:
        logarithms = probabilities.clamp(min=torch.finfo(torch.float32).tiny).log()
        odds = logarithms.amax(dim=1, keepdim=True) - logarithms
        return torch.softmax(-(odds**self.exponent) / self.temperature, dim=1)

    def extra_repr(self) -> str:
        return f"temperature={self.temperature:.4g}, exponent={self.exponent:.4g}"
