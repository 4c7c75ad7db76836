"""The settings of a recipe: every key of its tables, with its range, default and meaning.

The text below a key is its description in `hubblefork list settings`; the choices of a key are
added to it.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hubblefork.data.images.framing import LARGEST_SIDE
from hubblefork.sky.stretch import Stretch

if TYPE_CHECKING:
    from hubblefork.data.groups import TieRules

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Side = Annotated[int, Field(ge=8, le=LARGEST_SIDE)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
PositiveFraction = Annotated[float, Field(gt=0, lt=1)]
HeadName = Literal["auto", "softmax", "sigmoid", "tree", "dieleman"]
LossName = Literal["auto", "cross-entropy", "mse", "rmse", "dirichlet-multinomial"]


class Table(BaseModel):
    """A table of a recipe: it has no other keys, and is immutable."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=False,
        use_attribute_docstrings=True,
        defer_build=True,  # most of what imports it reads no recipe
    )


class StretchTable(Table):
    """From counts (FITS, arrays of floats) to bytes: see `hubblefork.sky.stretch.Stretch`."""

    low: float = Stretch.low
    """Percentile of an image's pixels that is shown black."""
    high: float = Stretch.high
    """Percentile that is shown white."""
    noise: float = Stretch.noise
    """Least distance of white from black, in units of a pixel's noise."""
    softening: float = Stretch.softening
    """Softening of the arcsinh: the larger, the brighter faint structures are."""
    lupton: bool = Stretch.lupton
    """Whether colours are preserved as in Lupton et al. 2004."""
    bands: list[int] | None = None
    """The bands, counted from 0, shown as red, green and blue."""
    balance: list[float] = list(Stretch.balance)
    """Factors for red, green and blue."""
    limits: list[float] | None = None
    """Counts shown black and white, the same for every image, in place of percentiles."""

    @model_validator(mode="after")
    def _within_range(self) -> "StretchTable":
        self.stretch()
        return self

    def stretch(self) -> Stretch:
        """The same as a Stretch; RequestError where a value is out of its range."""
        return Stretch(**self.model_dump())


class DataTable(Table):
    """Packing of images: see `hubblefork.data.images.framing.Framing`."""

    crop: Count | None = None
    """Side of the central square that is kept of each image, in pixels; none: the whole image."""
    size: Side = 64
    """Side of the packed images, in pixels."""
    grey: bool = False
    """Whether images are packed in grey, as the mean of the channels."""
    stretch: StretchTable = StretchTable()
    transforms: list[str] = []
    """Names of registered functions that every image goes through before it is packed."""
    classes: str | dict[str, dict[str, float | list[float]]] | None = None
    """Rule that makes classes of votes: five, galaxy10, or a file of thresholds."""

    @field_validator("classes", mode="before")
    @classmethod
    def _needs_no_file(cls, rule: Any) -> Any:
        """A file of thresholds is read, so that a run keeps what was in it."""
        if rule is None:
            return None
        from hubblefork.data.sources.votes_to_classes import read_rule  # imports pandas

        return read_rule(rule)


class SplitTable(Table):
    """Fractions of the images in the training, validation and test set."""

    train: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Fraction of images in the training set; if not set, the rest of val and test."""
    val: Fraction = 0.1
    """Fraction in the validation set, to choose the epoch and calibrate the probabilities."""
    test: Fraction = 0.1
    """Fraction in the test set, on which the trained model is evaluated."""
    group: str | None = None
    """Column of the catalogue: images with the same value are always in the same set."""
    sky_radius: Annotated[float, Field(ge=0, le=36000)] | None = None
    """Images within so many arcsec on the sky stay together; 0: none; not set: half a cut-out."""
    tie_near_duplicates: bool = True
    """Whether near duplicates, as inspect shows them, are always in the same set."""

    @model_validator(mode="after")
    def _sums_to_one(self) -> "SplitTable":
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"split.train + split.val + split.test is {total:g}, expected 1")
        return self

    def ties(self) -> "TieRules":
        """What keeps images together."""
        from hubblefork.data.groups import TieRules  # imports pandas

        return TieRules(self.group, self.sky_radius, self.tie_near_duplicates)


class ViewTable(Table):
    """Preprocessing and augmentation: see `hubblefork.models.view.View`."""

    size: Side | None = None
    """Side of the network's input, in pixels; none: the packed size."""
    field_of_view: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Fraction of the packed image's side that the network sees, around the centre."""
    normalise: Literal["unit", "train", "backbone"] = "unit"
    """Pixel values in [0, 1], standardised on the training set, or as the backbone needs them"""
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest random rotation of training images, in degrees in either direction."""
    flip: bool = False
    """Whether training images are flipped at random."""
    zoom: Annotated[float, Field(ge=1, le=4)] = 1.0
    """Largest factor by which training images are scaled up or down at random."""
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Largest random shift of training images, as a fraction of their side."""
    symmetries: bool = False
    """Whether predictions are averaged over the rotations by 90 degrees and their flips."""
    angles: Annotated[int, Field(ge=1, le=90)] = 1
    """Number of rotations within 90 degrees that predictions are averaged over."""


class NetworkTable(Table):
    """A network of the registry, its options, and its head."""

    name: str
    """One of `hubblefork list networks`, or timm:NAME."""
    weights: str | None = None
    """Pretrained weights: a run, a model, hf:OWNER/NAME, a file or folder of them, or hub."""
    head: HeadName = "auto"
    """From logits to probabilities or fractions; auto is softmax for classes, tree for votes"""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the network: --set network.options.width=6."""


class OptimiserTable(Table):
    """An optimiser of torch.optim, or timm's Muon: see `hubblefork.training.optimisers`."""

    name: Literal["adam", "adamw", "muon", "rmsprop", "sgd"] = "adamw"
    """Optimiser"""
    learning_rate: Positive = 1e-3
    """Learning rate; the highest of a schedule."""
    weight_decay: NotNegative = 0.0
    """Weight decay of matrices and filters."""
    epsilon: Positive = 1e-8
    """Added to the root mean square of the gradients, for numerical stability."""
    momentum: Fraction = 0.9
    """Momentum of sgd and muon."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor of the learning rate from each layer to the previous one."""


class ScheduleTable(Table):
    """Schedule of the learning rate."""

    name: Literal["constant", "one-cycle", "plateau", "steps"] = "constant"
    """Schedule of the learning rate"""
    warm_up: PositiveFraction = 0.25
    """Fraction of a one-cycle schedule in which the rate rises."""
    monitor: Literal["loss", "accuracy", "val_loss", "val_accuracy"] = "val_loss"
    """Metric that the plateau schedule watches"""
    factor: PositiveFraction = 0.1
    """Factor of the rate at each plateau or step."""
    cuts: list[PositiveFraction] = [0.5, 0.75]
    """Positions of the steps, as fractions of the training."""
    patience: Count = 2
    """Epochs without improvement before the rate is reduced, as Keras counts them."""
    min_delta: NotNegative = 0.0
    """Smallest change that counts as an improvement."""


class TrainingTable(Table):
    """The training loop, or logistic regression on the features of a frozen network."""

    method: Literal["gradient", "probe"] = "gradient"
    """Gradient descent, or logistic regression for the last layer only"""
    # More would not end: a slip of the keyboard, or a damaged recipe.
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 10
    """Number of passes over the training set, or over each chunk of it."""
    minutes: Positive | None = None
    """Time limit in minutes: fewer epochs on a slower machine, estimated again after each."""
    chunks: Annotated[int, Field(ge=1, le=1_000)] = 1
    """Number of balanced parts of the training set, trained on one after another."""
    freeze_epochs: Annotated[int, Field(ge=0)] = 0
    """Number of first epochs that train the last layer only; all, if there are no more."""
    probe_first: bool = False
    """Whether a probe fits the last layer of classes before training, in place of freeze_epochs."""
    start_fraction: Fraction = 0.0
    """Fraction of the weights before training in those that are saved; 0: none."""
    batch_size: Count = 64
    """Images per step, over all devices."""
    loss: LossName = "auto"
    """Loss function; auto is cross-entropy for classes, mse for votes"""
    label_smoothing: Fraction = 0.0
    """Fraction of each label spread evenly over all classes; not for votes."""
    logit_adjustment: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Logit adjustment for rare classes: 0 none, 1 as if all classes were equally common."""
    ema_decay: Fraction = 0.0
    """Decay per step of a moving average of the weights, which is saved; 0: none."""
    early_stopping: Count | None = None
    """Epochs without a lower val_loss before training stops; none: all epochs."""
    checkpoint: Literal["best", "last"] = "last"
    """Saves the weights of the epoch with the lowest val_loss, or of the last"""

    @model_validator(mode="after")
    def _minutes_are_of_one_chunk(self) -> "TrainingTable":
        if self.minutes and self.chunks > 1:
            raise ValueError(
                f"training.minutes is {self.minutes:g}, with {self.chunks} chunks, each of which "
                "needs its epochs: --set chunks=1, or --set minutes=none"
            )
        return self

    @property
    def all_epochs(self) -> int:
        return self.chunks * self.epochs
