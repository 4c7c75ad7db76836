"""Recipes: TOML files that say how a network is trained, every value checked and named.

`hubblefork train SOURCE --recipe NAME --set epochs=20 --set optimiser.name=sgd` reads
`recipes/NAME.toml` (or a file of one's own) and overrides single values; `hubblefork list
recipes` prints the names. A run keeps its recipe as resolved, and that file can be given to
`--recipe` again.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hubblefork.data.sources.votes_to_classes import read_rule
from hubblefork.errors import RequestError, nearest
from hubblefork.sky.stretch import Stretch

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
HeadName = Literal["auto", "softmax", "sigmoid", "tree", "dieleman"]
LossName = Literal["auto", "cross-entropy", "mse", "rmse", "dirichlet-multinomial"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class StretchTable(_Table):
    """How counts (FITS, arrays of floats) become bytes: see `hubblefork.sky.stretch.Stretch`."""

    low: float = Stretch.low
    high: float = Stretch.high
    noise: float = Stretch.noise
    softening: float = Stretch.softening
    lupton: bool = Stretch.lupton
    bands: list[int] | None = None
    balance: list[float] = list(Stretch.balance)
    limits: list[float] | None = None

    @model_validator(mode="after")
    def _within_range(self) -> "StretchTable":
        self.stretch()
        return self

    def stretch(self) -> Stretch:
        """The same as a Stretch; RequestError where a value is out of its range."""
        return Stretch(**self.model_dump())


class DataTable(_Table):
    """How pictures are packed: see `hubblefork.data.framing.Framing`.

    classes: how votes become classes: see `hubblefork.data.sources.votes_to_classes`.
    """

    crop: Count | None = None
    size: Annotated[int, Field(ge=8, le=4096)] = 64
    grey: bool = False
    stretch: StretchTable = StretchTable()
    classes: str | dict[str, dict[str, float | list[float]]] | None = None

    @field_validator("classes", mode="before")
    @classmethod
    def _needs_no_file(cls, rule: Any) -> Any:
        """A file of thresholds is read, so that a run keeps what was in it."""
        return read_rule(rule) if isinstance(rule, str | Path | Mapping) else rule


class SplitTable(_Table):
    """Shares of the pictures for training, validation and test."""

    train: Annotated[float, Field(gt=0, le=1)] = 0.8
    val: Share = 0.1
    test: Share = 0.1
    group: str | None = None  # a column of the catalogue: its values never stand on two sides

    @model_validator(mode="after")
    def _sums_to_one(self) -> "SplitTable":
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"split.train + split.val + split.test is {total:g}, expected 1")
        return self


class ViewTable(_Table):
    """What the network sees: see `hubblefork.data.views.View`."""

    size: Annotated[int, Field(ge=8, le=4096)] | None = None  # none: the packed size
    field: Annotated[float, Field(gt=0, le=1)] = 1.0  # share of the picture's side that is shown
    # Values in [0, 1], standardised on train, or as the pretrained backbone saw them.
    normalise: Literal["unit", "train", "backbone"] = "unit"
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    flip: bool = False
    zoom: Annotated[float, Field(ge=1, le=4)] = 1.0
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    symmetries: bool = False


class NetworkTable(_Table):
    """A network of the registry, its own options, and the head that follows it."""

    name: str
    weights: str | None = None  # pretrained ones: see `hubblefork.networks.weights`
    head: HeadName = "auto"  # see `hubblefork.networks.heads`
    options: dict[str, Any] = Field(default_factory=dict)


class OptimiserTable(_Table):
    """An optimiser of torch.optim, or timm's Muon: see `hubblefork.training.optimisers`."""

    name: Literal["adam", "adamw", "muon", "rmsprop", "sgd"] = "adamw"
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 0.0
    epsilon: Positive = 1e-8
    momentum: Share = 0.9  # of sgd and muon
    # What is left of the learning rate from each layer to the one before it.
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0


class ScheduleTable(_Table):
    """How the learning rate goes: constant, one-cycle, cut at steps or at a plateau."""

    name: Literal["constant", "one-cycle", "plateau", "steps"] = "constant"
    warm_up: Annotated[float, Field(gt=0, lt=1)] = 0.25  # one-cycle: share of steps going up
    monitor: Literal["loss", "accuracy", "val_loss", "val_accuracy"] = "val_loss"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1  # plateau, steps: what is left by a cut
    cuts: list[Annotated[float, Field(gt=0, lt=1)]] = [0.5, 0.75]  # steps: shares of the training
    patience: Count = 2  # plateau: epochs without improvement before a cut, as Keras counts them
    min_delta: NotNegative = 0.0


class TrainingTable(_Table):
    """The loop; or, without one, logistic regression on the features of a frozen network."""

    method: Literal["gradient", "probe"] = "gradient"
    epochs: Count = 10  # passes over the training part, or over each chunk of it
    chunks: Count = 1  # balanced parts of it that are trained on one after another
    head_epochs: Annotated[int, Field(ge=0)] = 0  # the first ones, which train the last layer only
    batch_size: Count = 64
    loss: LossName = "auto"  # see `hubblefork.training.losses`
    label_smoothing: Share = 0.0  # of classes; votes are fractions as they are
    # How much rare classes are favoured: 0, not at all, to 1, as if all were equally common.
    favour_rare: Annotated[float, Field(ge=0, le=1)] = 0.0
    average_weights: Share = 0.0  # decay of the moving average of the weights; 0: none
    early_stopping: Count | None = None  # epochs without a better val_loss before the end
    keep: Literal["best", "last"] = "last"  # weights of the lowest val_loss, or of the last epoch

    @model_validator(mode="after")
    def _head_epochs_are_some_of_all(self) -> "TrainingTable":
        if self.head_epochs > self.all_epochs:
            raise ValueError(
                f"training.head_epochs is {self.head_epochs}, of {self.all_epochs} epochs in all; "
                "expected as many or fewer"
            )
        return self

    @property
    def all_epochs(self) -> int:
        return self.chunks * self.epochs


class Recipe(_Table):
    """Everything that decides how a network is trained, apart from the data and the seed.

    >>> recipe = load_recipe("lenet5", {"epochs": "3"})
    >>> recipe.network.name, recipe.training.epochs
    ('lenet5', 3)
    """

    name: str
    about: str = ""
    data: DataTable = DataTable()
    split: SplitTable = SplitTable()
    view: ViewTable = ViewTable()
    network: NetworkTable
    optimiser: OptimiserTable = OptimiserTable()
    schedule: ScheduleTable = ScheduleTable()
    training: TrainingTable = TrainingTable()

    @model_validator(mode="after")
    def _normalisation_is_of_a_backbone(self) -> "Recipe":
        name = self.network.name
        if self.view.normalise == "backbone" and not name.startswith("timm:"):
            raise ValueError(
                f"view.normalise = 'backbone' needs a backbone of timm, but network.name is "
                f"{name!r}: --set normalise=train"
            )
        return self

    @model_validator(mode="after")
    def _probe_takes_the_fixed_view(self) -> "Recipe":
        view = self.view
        if self.training.method == "probe" and (view.rotate or view.zoom != 1 or view.shift):
            raise ValueError(
                "training.method = 'probe' sees each picture as predictions do: view.rotate and "
                "view.shift have to be 0 and view.zoom 1; view.flip and view.symmetries add views"
            )
        return self

    @model_validator(mode="after")
    def _val_is_there_where_it_is_watched(self) -> "Recipe":
        watched = {
            "training.keep = 'best'": self.training.keep == "best",
            "training.early_stopping": self.training.early_stopping is not None,
            f"schedule.monitor = {self.schedule.monitor!r}": self.schedule.name == "plateau"
            and self.schedule.monitor.startswith("val_"),
        }
        for reason, holds in watched.items():
            if holds and self.split.val == 0:
                raise ValueError(f"{reason} needs a validation part, but split.val is 0")
        return self

    def to_toml(self) -> dict[str, Any]:
        """The recipe as nested tables without empty values, as a run keeps it."""
        return self.model_dump(exclude_none=True)


def recipe_names() -> list[str]:
    """The recipes that come with hubblefork."""
    folder = files("hubblefork.recipes")
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_recipe(name: str | Path, settings: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe by name or from a TOML file, and override single values.

    Parameters
    ----------
    name
        A name of `recipe_names()`, or the path of a `.toml` file.
    settings
        Values by key. A key is dotted (`training.epochs`) or, where only one table has it, the
        last part alone (`epochs`). Values are Python values, or text as TOML would write it.

    Raises RequestError, with the nearest right one, for an unknown recipe or key, and for a value
    out of its range.

    >>> load_recipe("default", {"epochs": 20, "optimiser.name": "sgd"}).training.epochs
    20
    """
    content = _read(name)
    content.pop("run", None)  # what a run adds about itself
    for key, value in (settings or {}).items():
        _override(content, key, value)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RequestError(f"recipe {str(name)!r}: {_in_words(error)}") from error


def parse_settings(assignments: Sequence[str]) -> dict[str, str]:
    """Turn `["epochs=3"]` into `{"epochs": "3"}`.

    >>> parse_settings(["epochs=3"])
    {'epochs': '3'}
    """
    settings = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise RequestError(f"--set takes key=value, for example epochs=20, not {assignment!r}")
        settings[key.strip()] = value.strip()
    return settings


def setting_keys() -> list[str]:
    """Every key that `--set` takes, dotted."""
    return list(_leaves(Recipe))


def _read(name: str | Path) -> dict[str, Any]:
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RequestError(f"no recipe file at {path}; give a .toml file or one of the names")
        text = path.read_bytes().decode("utf-8", "replace")  # TOML itself refuses what is replaced
    elif str(name) in recipe_names():
        text = files("hubblefork.recipes").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise RequestError(
            f"no recipe is called {str(name)!r}; {nearest(str(name), recipe_names())}"
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"recipe {path} is not valid TOML: {error}") from error


def _override(content: dict[str, Any], key: str, value: Any) -> None:
    table, leaf = _find_key(key)
    place = content
    for part in table:
        place = place.setdefault(part, {})
    place[leaf] = _parse(value) if isinstance(value, str) else value


def _find_key(key: str) -> tuple[list[str], str]:
    if key.startswith("network.options."):
        return ["network", "options"], key.removeprefix("network.options.")
    keys = setting_keys()
    matches = [known for known in keys if known == key or known.endswith(f".{key}")]
    if not matches:
        short = {known.rsplit(".", 1)[-1] for known in keys}
        raise RequestError(
            f"a recipe has no key {key!r}; {nearest(key, keys if '.' in key else short)}"
        )
    if len(matches) > 1 and key not in matches:
        raise RequestError(f"key {key!r} could be {' or '.join(matches)}: say which")
    *table, leaf = (key if key in matches else matches[0]).split(".")
    return table, leaf


def _leaves(table: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in table.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _parse(text: str) -> Any:
    """Read a value as TOML would, and anything else as plain text; 'none' takes a value away."""
    if text.lower() == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _in_words(error: ValidationError) -> str:
    """The first complaint of pydantic, in one line with the nearest right key."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"no key {place!r}; {nearest(place, setting_keys())}"
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    more = len(error.errors()) - 1
    given = "" if first["type"] == "missing" else f", not {first['input']!r}"
    message = first["msg"][0].lower() + first["msg"][1:]
    return f"{place}: {message}{given}" + (f" (and {more} more)" if more else "")
