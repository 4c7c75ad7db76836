"""The images of the workbench, what is known of each, and which of them are wanted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from PIL import Image

from hubblefork.core.errors import RequestError, nearest
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.sources.base import Source
from hubblefork.explanation.measured_method import MethodChoice
from hubblefork.report.run_data import displayable
from hubblefork.tasks.predictions import Predictions
from hubblefork.workbench.map import ImageMap
from hubblefork.workbench.questions import Questions, by_question, plain
from hubblefork.workbench.run_pair import RunPair

if TYPE_CHECKING:  # they load torch, which is not needed to look at images
    from hubblefork.explanation.neighbours import ReferenceImages
    from hubblefork.models.predictor import Predictor

# What only a model knows: whoever filters by it has seen something of its predictions.
OF_THE_MODEL = ("prediction", "probability", "typicality", "set_size")

# Of the prediction sets that are shown: the coverage that astronomers know as "two sigma".
COVERAGE = 0.95

# Columns of catalogues are called so in a query, apart from the names above.
_COLUMN = "column."

# More values than this are not offered as a list: people type a part of what they look for.
_MOST_CHOICES = 50


@dataclass(frozen=True, eq=False)
class Collection:
    """The images to look at.

    dataset: the packed images (N). questions: what is asked of each. true: (N, ...) the labels
    that came with them, as the task has them, where there are any. predictions: of all N, in the
    same order, where there is a model. model: SHA-256 of its file, or empty. predictor: the model.
    source: opens the source that the images were packed from. reference: finds the training images
    of the model, if they are available. features: (N, F) float32, what the model's last layer is
    given. mislabels: of `likely_mislabels`, with rows of these images, where their labels could be
    judged; about_mislabels: which were not, or what is needed where none was. pair: this run and
    another one. method: of the maps that explain single images. map_file: where the places of the
    map are kept.
    """

    dataset: PackedDataset
    questions: Questions
    true: np.ndarray | None = None
    predictions: Predictions | None = None
    model: str = ""
    predictor: "Predictor | None" = None
    source: Callable[[], Source] | None = None
    reference: "Callable[[], ReferenceImages | None] | None" = None
    features: np.ndarray | None = None
    mislabels: pd.DataFrame | None = None
    about_mislabels: str = "a run: hubblefork train SOURCE --out RUN, then hubblefork serve RUN"
    pair: RunPair | None = None
    method: MethodChoice | None = None
    map_file: Path | None = None

    def __len__(self) -> int:
        return len(self.dataset)

    def image(self, row: int) -> tuple[str, str]:
        """Id and digest of an image. RequestError for a row that is not there."""
        self._check([row])
        return self._ids[row], self._digests[row]

    def row(self, image: tuple[str, str]) -> int | None:
        """The row of an image by id and digest; None where it is not among these."""
        return self._rows.get(image)

    def rows_of(self, digest: str) -> list[int]:
        """The rows of all images with these pixels."""
        return [row for row, each in enumerate(self._digests) if each == digest]

    def jpeg(self, row: int) -> bytes:
        """An image as it was packed. RequestError for a row that is not there."""
        self._check([row])
        return as_jpeg(np.asarray(self.dataset.images[row]))

    @cached_property
    def facts(self) -> pd.DataFrame:
        """(N rows) what images can be filtered by: `label`, what the model says, and `column.X`."""
        task, facts = self.questions.task, {}
        if self.true is not None:
            facts["label"] = pd.Series(task.words.labels(self.true))
        if (found := self.predictions) is not None:
            facts["prediction"] = pd.Series(task.words.answers(np.nan_to_num(found.values)))
            chosen = task.leading(np.nan_to_num(found.values))
            facts["probability"] = pd.Series(found.values[np.arange(len(self)), chosen])
            if found.typicality is not None:
                facts["typicality"] = pd.Series(found.typicality)
            if found.sets is not None:
                facts["set_size"] = pd.Series(found.sets.sum(axis=1))
        table = self.dataset.table
        others = table.columns.difference([*self.dataset.task.label_columns, "digest"], sort=False)
        return pd.DataFrame(facts | {_COLUMN + name: table[name] for name in others})

    @cached_property
    def map(self) -> ImageMap:
        """A place for each image, once it is computed."""
        return ImageMap(self.features, self.map_file)

    @cached_property
    def filters(self) -> list[dict[str, Any]]:
        """Each column of `facts`: its name, title and kind, and its values or its range."""
        return [
            {"name": str(name), "title": str(name).removeprefix(_COLUMN).replace("_", " ")}
            | _kind(self.facts[name])
            for name in self.facts
        ]

    def rows(self, query: Mapping[str, str]) -> np.ndarray:
        """The rows that are wanted, (n,) int64.

        query: a value for each column: `low..high` for numbers, of which either may be missing;
        one of the values, where they are few; else a part of the text in any case. `order` is a
        column, with `-` before it for the largest first, `area` one of the map, and `colour` what
        the map was coloured by, which chooses nothing. Raises RequestError for anything else.
        """
        wanted = np.ones(len(self), bool)
        kinds = {each["name"]: each for each in self.filters}
        for name, value in query.items():
            if name in ("order", "colour"):
                continue
            if name == "area":
                wanted &= self.map.inside(value)
                continue
            if name not in kinds:
                raise RequestError(f"no column is called {name!r}; {nearest(name, kinds)}")
            wanted &= _matches(self.facts[name], kinds[name], value)
        rows = np.flatnonzero(wanted)
        order = query.get("order", "")
        if not order:
            return rows
        if (name := order.removeprefix("-")) not in kinds:
            raise RequestError(f"no column is called {name!r}; {nearest(name, kinds)}")
        values = self.facts[name].iloc[rows].reset_index(drop=True)
        return rows[values.sort_values(ascending=order == name, kind="stable").index]

    def tiles(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Of each image its row, id and label; nothing of what the model says."""
        self._check(rows)
        labels = self.facts.get("label")
        return [
            {"row": row, "id": self._ids[row], "label": "" if labels is None else labels[row]}
            for row in rows
        ]

    def predicted(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Of each image what the model says. RequestError where there is no model."""
        self._check(rows)
        if self.predictions is None:
            raise RequestError("there is no model: serve a run")
        names = [name for name in OF_THE_MODEL if name in self.facts]
        values = self.facts[names].iloc[list(rows)].to_dict("records")
        return [
            {"row": row} | {name: plain(value) for name, value in told.items()}
            for row, told in zip(rows, values, strict=True)
        ]

    def compare(self, row: int, answers: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """An image's answer by the last of the raters, beside the model's and the labels.

        answers: of each rater, the last one being the one who looks. Only the questions of that
        one's path are told.
        """
        questions = self.questions
        last = list(answers.values())[-1]
        columns = {"You": questions.label(last)}
        if len(answers) > 1:
            given = [questions.label(each) for each in answers.values()]
            columns[f"All {len(given)} raters"] = np.mean(given, axis=0)
        if self.predictions is not None:
            columns["Model"] = self.predictions.values[row]
        if self.pair is not None and (other := self.pair.values(row)) is not None:
            columns["Second run"] = other
        if self.true is not None:
            columns[questions.beside] = questions.task.pooled(self.true[[row], None])[0]
        groups = by_question((question for question, _ in questions.path(last)), columns)
        told = {} if self.predictions is None else self.predicted([row])[0]
        return {"columns": list(columns), "groups": groups, **told, **self.tiles([row])[0]}

    @cached_property
    def _ids(self) -> list[str]:
        return self.dataset.table["id"].astype(str).tolist()

    @cached_property
    def _digests(self) -> list[str]:
        return self.dataset.table["digest"].astype(str).tolist()

    @cached_property
    def _rows(self) -> dict[tuple[str, str], int]:
        return {each: row for row, each in enumerate(zip(self._ids, self._digests, strict=True))}

    def _check(self, rows: Sequence[int]) -> None:
        for row in rows:
            if type(row) is not int or not 0 <= row < len(self):
                raise RequestError(f"row {row!r} is not there; expected 0 to {len(self) - 1}")


def as_jpeg(image: np.ndarray) -> bytes:
    """An image (H, W) or (H, W, C) uint8 of any bands, as a JPEG file."""
    stream = BytesIO()
    # Colour at full resolution: in a galaxy of 60 pixels, the blue arms are a few wide.
    Image.fromarray(displayable(image)).save(stream, "JPEG", quality=90, subsampling=0)
    return stream.getvalue()


def _kind(values: pd.Series) -> dict[str, Any]:
    if is_numeric_dtype(values) and not is_bool_dtype(values):
        finite = values.astype(float).replace([np.inf, -np.inf], np.nan)
        return {"kind": "number", "low": plain(finite.min()), "high": plain(finite.max())}
    different = pd.unique(_text(values))
    if len(different) <= _MOST_CHOICES:
        return {"kind": "choice", "values": sorted(different)}
    return {"kind": "text"}


def _matches(values: pd.Series, column: Mapping[str, Any], wanted: str) -> np.ndarray:
    if column["kind"] == "number":
        low, between, high = wanted.partition("..")
        try:
            limits = float(low or "-inf"), float((high if between else low) or "inf")
        except ValueError:
            raise RequestError(
                f"{column['name']}={wanted}: expected numbers, such as 0.2..0.6, 0.2.. or ..0.6"
            ) from None
        numbers = values.to_numpy(float, na_value=np.nan)
        return (numbers >= limits[0]) & (numbers <= limits[1])
    text = _text(values)
    if column["kind"] == "choice":
        if wanted not in column["values"]:
            raise RequestError(f"no {column['name']} is {wanted!r}")
        return (text == wanted).to_numpy()
    return text.str.contains(wanted, case=False, regex=False).to_numpy()


def _text(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), "").map(str)
