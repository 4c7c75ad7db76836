"""The settings of a recipe: every key of its tables, with its range, default and meaning.

The text below a key is what `hubblefork list settings` prints; where a key has a choice of words,
they follow it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hubblefork.data.sources.votes_to_classes import read_rule
from hubblefork.sky.stretch import Stretch

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Side = Annotated[int, Field(ge=8, le=4096)]
Share = Annotated[float, Field(ge=0, lt=1)]
SomeShare = Annotated[float, Field(gt=0, lt=1)]
HeadName = Literal["auto", "softmax", "sigmoid", "tree", "dieleman"]
LossName = Literal["auto", "cross-entropy", "mse", "rmse", "dirichlet-multinomial"]


class Table(BaseModel):
    """A table of a recipe: no key that is not named here, and no change once it is made."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, use_attribute_docstrings=True
    )


class StretchTable(Table):
    """How counts (FITS, arrays of floats) become bytes: see `hubblefork.sky.stretch.Stretch`."""

    low: float = Stretch.low
    """Percentile of an image's pixels that becomes black."""
    high: float = Stretch.high
    """Percentile that becomes white."""
    noise: float = Stretch.noise
    """White is at least this many times a pixel's noise above black."""
    softening: float = Stretch.softening
    """Of the arcsinh: the larger, the more of the faint is seen."""
    lupton: bool = Stretch.lupton
    """Whether colours are kept as Lupton et al. 2004 do."""
    bands: list[int] | None = None
    """Which bands, counted from 0, become red, green and blue."""
    balance: list[float] = list(Stretch.balance)
    """Factors of red, green and blue."""
    limits: list[float] | None = None
    """Counts of black and white, the same for every image, in place of percentiles."""

    @model_validator(mode="after")
    def _within_range(self) -> "StretchTable":
        self.stretch()
        return self

    def stretch(self) -> Stretch:
        """The same as a Stretch; RequestError where a value is out of its range."""
        return Stretch(**self.model_dump())


class DataTable(Table):
    """How images are packed: see `hubblefork.data.images.framing.Framing`."""

    crop: Count | None = None
    """Side of the square that is cut out of the middle, in pixels; none: all of the image."""
    size: Side = 64
    """Side that images are packed at, in pixels."""
    grey: bool = False
    """Whether colours are averaged away."""
    stretch: StretchTable = StretchTable()
    classes: str | dict[str, dict[str, float | list[float]]] | None = None
    """How votes become classes: five, galaxy10, or a file of thresholds."""

    @field_validator("classes", mode="before")
    @classmethod
    def _needs_no_file(cls, rule: Any) -> Any:
        """A file of thresholds is read, so that a run keeps what was in it."""
        return read_rule(rule) if isinstance(rule, str | Path | Mapping) else rule


class SplitTable(Table):
    """Shares of the images for training, validation and test."""

    train: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Share of the images to learn from; where it is not set, what val and test leave."""
    val: Share = 0.1
    """Share for choices: of an epoch, of the calibration of probabilities."""
    test: Share = 0.1
    """Share that is looked at once, at the end."""
    group: str | None = None
    """A column of the catalogue: images with the same value never stand on two sides."""

    @model_validator(mode="after")
    def _sums_to_one(self) -> "SplitTable":
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"split.train + split.val + split.test is {total:g}, expected 1")
        return self


class ViewTable(Table):
    """What the network sees: see `hubblefork.models.view.View`."""

    size: Side | None = None
    """Side of the network's input, in pixels; none: the packed size."""
    field_of_view: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the packed image's side that is seen, around the middle."""
    normalise: Literal["unit", "train", "backbone"] = "unit"
    """Values in [0, 1], standardised on the training set, or as the backbone saw them"""
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Training images are turned by up to this many degrees either way."""
    flip: bool = False
    """Whether half of the training images are mirrored."""
    zoom: Annotated[float, Field(ge=1, le=4)] = 1.0
    """Training images are enlarged or reduced by up to this factor."""
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Training images are moved by up to this share of their side."""
    symmetries: bool = False
    """Whether predictions are averaged over the eight rotations by 90 degrees and mirrorings."""
    angles: Annotated[int, Field(ge=1, le=90)] = 1
    """Predictions are averaged over images turned by so many equal parts of 90 degrees."""


class NetworkTable(Table):
    """A network of the registry, its own options, and the head that follows it."""

    name: str
    """One of `hubblefork list networks`, or timm:NAME."""
    weights: str | None = None
    """Pretrained weights: a run, a model file, a file or folder of them, or hub."""
    head: HeadName = "auto"
    """From raw numbers to fractions; auto is softmax for classes, tree for votes"""
    options: dict[str, Any] = Field(default_factory=dict)
    """The network's own: --set network.options.width=6."""


class OptimiserTable(Table):
    """An optimiser of torch.optim, or timm's Muon: see `hubblefork.training.optimisers`."""

    name: Literal["adam", "adamw", "muon", "rmsprop", "sgd"] = "adamw"
    """How weights are moved"""
    learning_rate: Positive = 1e-3
    """The highest of the schedule."""
    weight_decay: NotNegative = 0.0
    """Of matrices and filters."""
    epsilon: Positive = 1e-8
    """Added to the root of the mean squared gradient."""
    momentum: Share = 0.9
    """Of sgd and muon."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """What is left of the learning rate from each layer to the one before it."""


class ScheduleTable(Table):
    """How the learning rate goes."""

    name: Literal["constant", "one-cycle", "plateau", "steps"] = "constant"
    """How the learning rate goes"""
    warm_up: SomeShare = 0.25
    """Share of a one-cycle that goes up."""
    monitor: Literal["loss", "accuracy", "val_loss", "val_accuracy"] = "val_loss"
    """What a plateau is a plateau of"""
    factor: SomeShare = 0.1
    """What a cut leaves of the rate, at a plateau or step."""
    cuts: list[SomeShare] = [0.5, 0.75]
    """Where the steps are, in shares of the training."""
    patience: Count = 2
    """Epochs without improvement before a cut at a plateau, as Keras counts them."""
    min_delta: NotNegative = 0.0
    """The least change that is an improvement."""


class TrainingTable(Table):
    """The loop; or, without one, logistic regression on the features of a frozen network."""

    method: Literal["gradient", "probe"] = "gradient"
    """All weights in many steps, or the last layer only in one"""
    epochs: Count = 10
    """Passes over the training set, or over each chunk of it."""
    minutes: Positive | None = None
    """Fewer epochs where this machine would take longer for them; none: however long they take."""
    chunks: Count = 1
    """Balanced parts of the training set that are trained on one after another."""
    freeze_epochs: Annotated[int, Field(ge=0)] = 0
    """The first epochs, which train the last layer only."""
    batch_size: Count = 64
    """Images of a step, over all devices."""
    loss: LossName = "auto"
    """What is made small; auto is cross-entropy for classes, mse for votes"""
    label_smoothing: Share = 0.0
    """Share of each label that is given to all classes alike; votes stay as they are."""
    logit_adjustment: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much rare classes are favoured: 1 as if all were equally common."""
    ema_decay: Share = 0.0
    """Decay, a step, of the moving average of the weights, which is kept; 0: none."""
    early_stopping: Count | None = None
    """Epochs without a better val_loss before the end."""
    checkpoint: Literal["best", "last"] = "last"
    """The weights of the epoch with the lowest val_loss, or of the last"""

    @model_validator(mode="after")
    def _freeze_epochs_are_some_of_all(self) -> "TrainingTable":
        if self.freeze_epochs > self.all_epochs:
            raise ValueError(
                f"training.freeze_epochs is {self.freeze_epochs}, of {self.all_epochs} epochs in "
                "all; expected as many or fewer"
            )
        return self

    @property
    def all_epochs(self) -> int:
        return self.chunks * self.epochs
