"""The models that come with hubblefork, by name: `hubblefork predict galaxy-five image.jpg`.

Each is two files in `pretrained/`, written by a script in `scripts/`: the model file
`NAME.safetensors`, and its card `NAME.toml`, which says what it learnt from, how well it does, and
for what it is no good.
"""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.parsing import parse_toml
from hubblefork.core.validation import in_words
from hubblefork.tasks.metric import Metric

FOLDER = Path(__file__).parent / "pretrained"
# Of all model files together: the package itself has two megabytes.
MOST_BYTES = 4 << 20

_Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Figure(_Strict):
    """One figure of a model, with its 95 % interval.

    on: the images that it was measured on; images: how many. percent: whether it is a fraction,
    shown in percent. baseline: what the best constant prediction has, if that says something.
    """

    title: _Text
    value: float
    interval: tuple[float, float]
    on: _Text
    images: Annotated[int, Field(ge=1)]
    percent: bool = False
    baseline: float | None = None

    @model_validator(mode="after")
    def _interval_contains_it(self) -> Self:
        low, high = self.interval
        if not low <= self.value <= high:
            raise ValueError(f"{self.title}: {self.value} is not within {low} to {high}")
        return self

    @property
    def metric(self) -> Metric:
        """How its values are written."""
        return Metric(self.title, self.title, percent=self.percent)


class ShippedCard(_Strict):
    """What is to be known of a shipped model.

    about: one line. images: what an image has to show, and at which scale. learnt_from, how: the
    training. figures: how well it does. limits: what it is not for. licence: of the weights, by
    SPDX; attribution: whose data they were made from. script: the command that makes it again.
    sha256: of the model file.
    """

    about: _Text
    images: _Text
    learnt_from: _Text
    how: _Text
    figures: Annotated[tuple[Figure, ...], Field(min_length=1)]
    limits: Annotated[tuple[_Text, ...], Field(min_length=1)]
    licence: _Text
    attribution: Annotated[tuple[_Text, ...], Field(min_length=1)]
    script: _Text
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def shipped_names() -> list[str]:
    """The names of all shipped models, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def shipped_file(model: object) -> Path | None:
    """The model file of a shipped name; None for other names, and for paths that are there."""
    name = os.fspath(model) if isinstance(model, str | os.PathLike) else None
    if name not in shipped_names() or os.path.lexists(name):
        return None
    return FOLDER / f"{name}.safetensors"


def read_card(name: str) -> ShippedCard:
    """The card of a shipped model; RequestError where it is missing or incomplete."""
    path = FOLDER / f"{name}.toml"
    try:
        return ShippedCard.model_validate(parse_toml(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        reason = ": ".join(filter(None, in_words(error)))
        raise RequestError(f"{path} is not the card of a model: {reason}") from error
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read: {first_line(error)}") from error


def describe_models() -> dict[str, str]:
    """Each shipped model with one line on it, and the size of its file."""
    return {
        name: f"{read_card(name).about} ({_size(FOLDER / f'{name}.safetensors')})"
        for name in shipped_names()
    }


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
