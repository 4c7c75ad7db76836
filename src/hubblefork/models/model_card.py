"""The metadata of a model file: its fields, and their checks when it is read.

A model file is not trusted: names, shapes and ranges are checked before anything uses them.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.core.validation import in_words
from hubblefork.data.images.framing import LARGEST_SIDE, Framing
from hubblefork.models.view import View
from hubblefork.networks.heads import choose_head
from hubblefork.networks.registry import create_network
from hubblefork.tasks.registry import task_from_json
from hubblefork.tasks.task import Task

FORMAT = 5

# A path of the system has 4,096 bytes at most, and class names have their own limit.
_Text = Annotated[str, Field(max_length=5000)]
_Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
_Channels = Annotated[int, Field(ge=1, le=1000)]
_Number = Annotated[float, Field(ge=-1e6, le=1e6)]
_AboveZero = Annotated[float, Field(ge=1e-6, le=1e6)]
# A registered name, or an architecture of timm: no repository, address or path.
_NetworkName = Annotated[str, Field(max_length=200, pattern=r"^(timm:)?[A-Za-z][\w.+-]*$")]
# As many values as the input of a network may have: 16 bands of the largest side, 256 MB.
_MOST_VALUES = 16 * LARGEST_SIDE**2


@dataclass(frozen=True)
class ModelCard:
    """The metadata of a model file.

    `framing` converts an image of any size to a packed one, `view` a packed image to the network's
    input, `head` the logits to answers. `colours` are the results of `colour_of` for the training
    images, before they were framed.
    """

    network: str
    options: dict[str, Any]
    head: str
    input_shape: tuple[int, int, int]
    task: Task
    framing: Framing
    colours: tuple[str, ...]
    view: View
    recipe: str
    source: str
    versions: dict[str, str]

    def create_network(self) -> nn.Module:
        return create_network(self.network, self.input_shape, self.task.outputs, self.options)

    def to_json(self) -> dict[str, Any]:
        own = {name: getattr(self, name).to_json() for name in ("task", "framing", "view")}
        return {"format": FORMAT, **vars(self), **own}

    @classmethod
    def from_text(cls, text: str) -> "ModelCard":
        """Read the JSON of `to_json`; RequestError for another format or an invalid value."""
        try:
            known = _Format.model_validate_json(text)
            if known.format != FORMAT:
                raise RequestError(f"it has format {known.format}; this hubblefork reads {FORMAT}")
            content = _Card.model_validate_json(text)
        except ValidationError as error:
            raise RequestError(_first(error)) from error
        given = content.model_dump(exclude={"format"})
        task = task_from_json(given["task"])
        framing, view = Framing.from_json(given["framing"]), View.from_json(given["view"])
        card = cls(**{**given, "task": task, "framing": framing, "view": view})
        if problem := card._problem():
            raise RequestError(problem)
        return card

    def _problem(self) -> str:
        """The first contradiction between its fields; empty if there is none."""
        channels = self.framing.channels
        if self.input_shape != (channels, self.view.size, self.view.size):
            return (
                f"its input is {self.input_shape}, and its images have {channels} channels and "
                f"{self.view.size} pixels"
            )
        if not len(self.view.mean) == len(self.view.std) == channels:
            return f"its view has other means and standard deviations than {channels} channels"
        if channels * self.view.size**2 > _MOST_VALUES:
            return f"its input of {self.input_shape} is too large"
        if self.head not in self.task.heads:
            choose_head(self.head, self.task)
            return f"its head {self.head!r} does not go with {self.task.labels_are}"
        return ""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class _Format(BaseModel):
    format: int


class _Stretch(_Strict):
    low: _Number
    high: _Number
    noise: _Number
    softening: _Number
    lupton: bool
    bands: Annotated[tuple[_Channels | Literal[0], ...], Field(max_length=1000)] | None
    balance: tuple[_Number, _Number, _Number]
    limits: tuple[float, float] | None


class _Framing(_Strict):
    crop: int | None
    size: _Side
    channels: _Channels
    stretch: _Stretch
    transforms: Annotated[tuple[_Text, ...], Field(max_length=100)]
    hdu: _Text | None = None


class _View(_Strict):
    size: _Side
    mean: tuple[_Number, ...]
    std: tuple[_AboveZero, ...]
    field_of_view: Annotated[float, Field(gt=0, le=1)]
    rotate: Annotated[float, Field(ge=0, le=180)]
    flip: bool
    zoom: Annotated[float, Field(ge=1, le=4)]
    shift: Annotated[float, Field(ge=0, le=0.5)]
    symmetries: bool
    angles: Annotated[int, Field(ge=1, le=90)]


class _Card(_Strict):
    format: int
    network: _NetworkName
    options: dict[str, Any]
    head: _Text
    input_shape: tuple[_Channels, _Side, _Side]
    task: dict[str, Any]
    framing: _Framing
    colours: Annotated[tuple[_Text, ...], Field(max_length=10)]
    view: _View
    recipe: _Text
    source: _Text
    versions: Annotated[dict[_Text, _Text], Field(max_length=100)]


def _first(error: ValidationError) -> str:
    """The first error of pydantic in one line."""
    place, message = in_words(error)
    return f"its {place} is wrong: {message}" if place else f"its metadata is damaged: {message}"
