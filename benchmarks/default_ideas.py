"""Ideas for the recipe `default`: settings, or changes of the training that no setting makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from hubblefork.models.predictor import Predictor
from hubblefork.models.view import View
from hubblefork.networks.equivariant_resnet import ORIENTATIONS, GroupConvolution, Residual
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.losses import Objective
from hubblefork.training.plan import Plan, make_network
from hubblefork.workflow.start_run import provenance_of
from hubblefork.workflow.train import model_card


@dataclass(frozen=True)
class Idea:
    """A change of the recipe's settings, or of the training plan if no setting makes it."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Plan], Plan] = lambda planned: planned


@dataclass(frozen=True)
class Growing(View):
    """Views of half the size that grow to the full size over the first two thirds of training."""

    batches: int = 1
    seen: list[int] = field(default_factory=lambda: [0])

    def random(self, images: Tensor, batch: int | None = None, start: int = 0) -> Tensor:
        self.seen[0] += 1
        grown = min(1.0, self.seen[0] / (self.batches * 2 / 3))
        size = round(self.size * (0.5 + 0.5 * grown) / 16) * 16
        view = View(**{**self.to_json(), "size": size})
        return view.random(images, batch, start)

    def to_json(self) -> dict[str, Any]:
        return of_predictions(self)


def grow(planned: Plan) -> Plan:
    training = planned.recipe.training
    batches = planned.split.counts()["train"] // training.batch_size * training.epochs
    return replace(planned, view=Growing(**planned.view.to_json(), batches=batches))


class Pairs:
    """The random choices of a step of mixup: which images are mixed, and in which fractions."""

    def __init__(self) -> None:
        self.fraction = 1.0  # of the image itself; 1 if nothing is mixed
        self.others = torch.zeros(0, dtype=torch.int64)

    def draw(self, number: int, strength: float) -> None:
        self.fraction = float(torch.distributions.Beta(strength, strength).sample())
        self.others = torch.randperm(number)


@dataclass(frozen=True)
class Mixed(View):
    """Views mixed in pairs during training: the whole of both (mixup), or a square (cutmix)."""

    strength: float = 0.2
    cut: bool = False
    pairs: Pairs = field(default_factory=Pairs)

    def random(self, images: Tensor, batch: int | None = None, start: int = 0) -> Tensor:
        inputs = super().random(images, batch, start)
        self.pairs.draw(len(inputs), self.strength)
        others = inputs[self.pairs.others]
        if not self.cut:
            return torch.lerp(others, inputs, self.pairs.fraction)
        side = round(self.size * (1 - self.pairs.fraction) ** 0.5)
        top, left = torch.randint(0, self.size - side + 1, (2,)).tolist()
        square = (..., slice(top, top + side), slice(left, left + side))
        inputs[square] = others[square]
        self.pairs.fraction = 1 - (side / self.size) ** 2
        return inputs

    def fixed(self, images: Tensor) -> Tensor:
        self.pairs.fraction = 1.0
        return super().fixed(images)

    def to_json(self) -> dict[str, Any]:
        return of_predictions(self)


@dataclass(frozen=True)
class MixedObjective(Objective):
    """The loss of mixed images: each label is weighted by the fraction of its image."""

    pairs: Pairs = field(default_factory=Pairs)

    def loss(self, raw: Tensor, answers: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        own = super().loss(raw, answers, labels, smoothing)
        if self.pairs.fraction == 1:
            return own
        others = super().loss(raw, answers, labels[self.pairs.others], smoothing)
        return self.pairs.fraction * own + (1 - self.pairs.fraction) * others


def mix(cut: bool) -> Callable[[Plan], Plan]:
    def change(planned: Plan) -> Plan:
        pairs = Pairs()
        view = Mixed(**planned.view.to_json(), cut=cut, pairs=pairs)
        objective = MixedObjective(**vars(planned.objective), pairs=pairs)
        return replace(planned, view=view, objective=objective)

    return change


@dataclass(frozen=True)
class TaughtObjective(Objective):
    """Labels that are the mean of the true ones and the predictions of two other networks."""

    taught: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (N, K), rows of the dataset

    def labels(self, labels: np.ndarray, table: pd.DataFrame) -> Tensor:
        return torch.from_numpy(self.taught)

    def batch_sum(self, answers: Tensor, labels: Tensor) -> Tensor:
        return super().batch_sum(answers, labels.argmax(dim=1))


def teach(planned: Plan) -> Plan:
    """Soften the training labels by two networks trained from other initial weights."""
    rows = planned.split.rows(planned.dataset, "train")
    answers = 0.0
    for seed in (planned.seed + 1, planned.seed + 2):
        torch.manual_seed(seed)
        channels = planned.dataset.images.shape[3]
        network = make_network(planned.recipe, channels, planned.dataset.task.outputs)
        teacher = replace(planned, network=network, seed=seed)
        raw = predicted(teacher, trained(teacher)[0], rows)
        # The loss adds the logit adjustment, which the teachers' predictions do not have.
        raw = raw * np.exp(planned.objective.adjustment or 0.0)
        answers = answers + raw / raw.sum(axis=1, keepdims=True) / 2
    # The labels of the validation and test set stay as they are.
    soft = np.eye(planned.dataset.task.outputs)[planned.dataset.labels]
    soft[rows] = (soft[rows] + answers) / 2
    objective = TaughtObjective(**vars(planned.objective), taught=soft.astype(np.float32))
    return replace(planned, objective=objective)


class Excited(nn.Module):
    """Squeeze and excitation (Hu et al. 2018): features weighted by the means of all feature maps.

    All eight orientations of a feature have one weight, which keeps the network equivariant.
    """

    def __init__(self, features: int):
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(features, features // 2), nn.ReLU(), nn.Linear(features // 2, features)
        )
        nn.init.zeros_(self.gate[2].weight)
        nn.init.constant_(self.gate[2].bias, 2.0)

    def forward(self, maps: Tensor) -> Tensor:
        means = maps.mean(dim=(2, 3)).unflatten(1, (-1, ORIENTATIONS)).mean(dim=2)
        gates = torch.sigmoid(self.gate(means)).repeat_interleave(ORIENTATIONS, dim=1)
        return maps * gates[:, :, None, None].to(maps.dtype)


class SometimesSkipped(nn.Module):
    """Stochastic depth (Huang et al. 2016): a block is skipped for a fraction of the images."""

    def __init__(self, fraction: float):
        super().__init__()
        self.fraction = fraction

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training:
            return maps
        kept = torch.rand(len(maps), 1, 1, 1) >= self.fraction
        return maps * (kept / (1 - self.fraction)).to(maps.dtype)


def each_block(change: Callable[[Residual], None]) -> Callable[[Plan], Plan]:
    def change_network(planned: Plan) -> Plan:
        for block in planned.network.modules():
            if isinstance(block, Residual):
                change(block)
        return planned

    return change_network


def excite(block: Residual) -> None:
    block.body.append(Excited(len(block.body[-1].weight)))


def skip(block: Residual) -> None:
    block.body.append(SometimesSkipped(0.1))


def average_before_filters(block: Residual) -> None:
    first = block.body[0]
    if first.stride != (1, 1):
        after, channels, _, _ = first.weight.shape
        filters = GroupConvolution(channels // ORIENTATIONS, after, kernel_size=3, padding=1)
        block.body[0] = nn.Sequential(nn.AvgPool2d(2), filters)


def of_predictions(view: View) -> dict[str, Any]:
    """The view that the model file keeps and predictions use."""
    return {key: getattr(view, key) for key in View.__dataclass_fields__}


def trained(planned: Plan) -> tuple[nn.Module, float]:
    """Return the trained network and the total duration of its epochs, in seconds."""
    with TemporaryDirectory() as folder:
        run = Run.create(
            Path(folder) / "run", planned.recipe, provenance_of(planned), planned.split
        )
        network = fit(planned, run)
        return network, run.history["seconds"].sum()


def predicted(planned: Plan, network: nn.Module, rows: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) before calibration."""
    card = model_card(planned)
    predictor = Predictor.of(network, card, torch.device("cpu"))
    return predictor.predict(planned.dataset.images, rows)


PLAIN = {
    "network.name": "compact-resnet",
    "network.options.width": 32,
    "network.options.blocks": [1, 2, 2, 2],
    "view.symmetries": True,
    "view.angles": 1,
}
ADAMW = {"optimiser.name": "adamw", "learning_rate": 4e-3, "momentum": 0.9}
PRETRAINED = {
    "network.name": "timm:tf_efficientnet_lite0",
    "network.weights": "efficientnet-lite0",
    "view.normalise": "backbone",
    "view.symmetries": True,
    "view.angles": 1,
    "view.size": 96,
    "data.size": 120,
    "learning_rate": 1e-3,
    "layer_decay": 0.9,
}
IDEAS = {
    "default": Idea(),
    "AdamW in place of Muon": Idea(ADAMW),
    "plain filters, predictions averaged over the eight symmetries": Idea(PLAIN),
    "plain filters and AdamW": Idea(PLAIN | ADAMW),
    "EfficientNet-Lite0 with ImageNet's weights, 96 pixels, and AdamW": Idea(ADAMW | PRETRAINED),
    "deeper": Idea({"network.options.blocks": [1, 2, 2, 2]}),
    "narrower": Idea({"network.options.width": 3}),
    "wider": Idea({"network.options.width": 6}),
    "batches of 32": Idea({"batch_size": 32, "ema_decay": 0.999}),
    "batches of 128": Idea({"batch_size": 128, "ema_decay": 0.996}),
    "a learning rate of 2e-2": Idea({"learning_rate": 2e-2}),
    "a learning rate of 5e-3": Idea({"learning_rate": 5e-3}),
    "no averaged weights": Idea({"ema_decay": 0.0}),
    "averaged weights in place of a schedule": Idea({"schedule.name": "constant"}),
    "no label smoothing": Idea({"label_smoothing": 0.0}),
    "labels softened by two networks that were trained before": Idea(change=teach),
    "mixup": Idea(change=mix(cut=False)),
    "cutmix": Idea(change=mix(cut=True)),
    "a tenth of the features dropped": Idea({"network.options.dropout": 0.1}),
    "stochastic depth": Idea(change=each_block(skip)),
    "squeeze and excite": Idea(change=each_block(excite)),
    "averages before filters that halve the maps": Idea(change=each_block(average_before_filters)),
    "twice the weight decay": Idea({"weight_decay": 0.1}),
    "no zooms and shifts": Idea({"zoom": 1.0, "shift": 0.0}),
    "48 pixels": Idea({"view.size": 48}),
    "48 pixels of a narrower field": Idea({"view.size": 48, "view.field_of_view": 0.6}),
    "80 pixels": Idea({"view.size": 80, "data.size": 100}),
    "images that grow from 32 to 64 pixels": Idea(change=grow),
    "predictions from one angle": Idea({"angles": 1}),
    "predictions from four angles": Idea({"angles": 4}),
    "no logit adjustment": Idea({"logit_adjustment": 0.0}),
    "full logit adjustment": Idea({"logit_adjustment": 1.0}),
}
