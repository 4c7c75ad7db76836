"""Ideas for the recipe `default`: settings, and changes of a training where no setting does it."""

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
    """A change of the recipe's settings, or of the planned training where no setting does it."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Plan], Plan] = lambda planned: planned


@dataclass(frozen=True)
class Growing(View):
    """Views that are half as large at first and grow over the first two thirds of the batches."""

    batches: int = 1
    seen: list[int] = field(default_factory=lambda: [0])

    def random(self, images: Tensor, batch: int | None = None, start: int = 0) -> Tensor:
        self.seen[0] += 1
        share = min(1.0, self.seen[0] / (self.batches * 2 / 3))
        size = round(self.size * (0.5 + 0.5 * share) / 16) * 16
        view = View(**{**self.to_json(), "size": size})
        return view.random(images, batch, start)

    def to_json(self) -> dict[str, Any]:
        return of_predictions(self)


def grow(planned: Plan) -> Plan:
    training = planned.recipe.training
    batches = planned.split.counts()["train"] // training.batch_size * training.epochs
    return replace(planned, view=Growing(**planned.view.to_json(), batches=batches))


class Pairs:
    """The draw of one training step of mixup: which images are mixed, and how much of each."""

    def __init__(self) -> None:
        self.share = 1.0  # of an image itself; 1 where nothing is mixed
        self.others = torch.zeros(0, dtype=torch.int64)

    def draw(self, number: int, strength: float) -> None:
        self.share = float(torch.distributions.Beta(strength, strength).sample())
        self.others = torch.randperm(number)


@dataclass(frozen=True)
class Mixed(View):
    """Views that are mixed in pairs while training: all of both, or a square of the other."""

    strength: float = 0.2
    cut: bool = False
    pairs: Pairs = field(default_factory=Pairs)

    def random(self, images: Tensor, batch: int | None = None, start: int = 0) -> Tensor:
        inputs = super().random(images, batch, start)
        self.pairs.draw(len(inputs), self.strength)
        others = inputs[self.pairs.others]
        if not self.cut:
            return torch.lerp(others, inputs, self.pairs.share)
        side = round(self.size * (1 - self.pairs.share) ** 0.5)
        top, left = torch.randint(0, self.size - side + 1, (2,)).tolist()
        square = (..., slice(top, top + side), slice(left, left + side))
        inputs[square] = others[square]
        self.pairs.share = 1 - (side / self.size) ** 2
        return inputs

    def fixed(self, images: Tensor) -> Tensor:
        self.pairs.share = 1.0
        return super().fixed(images)

    def to_json(self) -> dict[str, Any]:
        return of_predictions(self)


@dataclass(frozen=True)
class MixedObjective(Objective):
    """The loss of mixed images: of each label, as much as there is of its image."""

    pairs: Pairs = field(default_factory=Pairs)

    def loss(self, raw: Tensor, answers: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        own = super().loss(raw, answers, labels, smoothing)
        if self.pairs.share == 1:
            return own
        others = super().loss(raw, answers, labels[self.pairs.others], smoothing)
        return self.pairs.share * own + (1 - self.pairs.share) * others


def mix(cut: bool) -> Callable[[Plan], Plan]:
    def change(planned: Plan) -> Plan:
        pairs = Pairs()
        view = Mixed(**planned.view.to_json(), cut=cut, pairs=pairs)
        objective = MixedObjective(**vars(planned.objective), pairs=pairs)
        return replace(planned, view=view, objective=objective)

    return change


@dataclass(frozen=True)
class TaughtObjective(Objective):
    """Labels that are half the truth and half what other networks, trained before, say of it."""

    taught: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (N, K), rows of the dataset

    def labels(self, labels: np.ndarray, table: pd.DataFrame) -> Tensor:
        return torch.from_numpy(self.taught)

    def merit(self, answers: Tensor, labels: Tensor) -> Tensor:
        return super().merit(answers, labels.argmax(dim=1))


def teach(planned: Plan) -> Plan:
    """Train two networks on the training set, from other weights, to soften its labels."""
    rows = planned.split.rows(planned.dataset, "train")
    answers = 0.0
    for seed in (planned.seed + 1, planned.seed + 2):
        torch.manual_seed(seed)
        channels = planned.dataset.images.shape[3]
        network = make_network(planned.recipe, channels, planned.dataset.task.outputs)
        teacher = replace(planned, network=network, seed=seed)
        raw = predicted(teacher, trained(teacher)[0], rows)
        # The loss adds the adjustment, which the teachers' own has taken out.
        raw = raw * np.exp(planned.objective.adjustment or 0.0)
        answers = answers + raw / raw.sum(axis=1, keepdims=True) / 2
    # Of images that are not for training, labels stay as they are.
    soft = np.eye(planned.dataset.task.outputs)[planned.dataset.labels]
    soft[rows] = (soft[rows] + answers) / 2
    objective = TaughtObjective(**vars(planned.objective), taught=soft.astype(np.float32))
    return replace(planned, objective=objective)


class Excited(nn.Module):
    """Squeeze and excite (Hu et al. 2018): each feature weighed by the means of all over the map.

    One weight for all eight orientations of a feature, so that turns change nothing.
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
    """Stochastic depth (Huang et al. 2016): a block is left out for a share of the images."""

    def __init__(self, share: float):
        super().__init__()
        self.share = share

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training:
            return maps
        kept = torch.rand(len(maps), 1, 1, 1) >= self.share
        return maps * (kept / (1 - self.share)).to(maps.dtype)


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
    """A view as the model keeps it: the one that predictions are made with."""
    return {key: getattr(view, key) for key in View.__dataclass_fields__}


def trained(planned: Plan) -> tuple[nn.Module, float]:
    """The network, and the seconds of its epochs."""
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
    "plain filters, answers averaged over the eight symmetries": Idea(PLAIN),
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
    "rare classes not favoured": Idea({"logit_adjustment": 0.0}),
    "all classes as if equally common": Idea({"logit_adjustment": 1.0}),
}
