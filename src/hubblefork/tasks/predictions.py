"""The answers of a model to N images: the one object between a model and all that reads them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.files import replacing
from hubblefork.core.names import normalised
from hubblefork.core.parsing import parse_json
from hubblefork.core.tables.csv import csv_text, read_csv
from hubblefork.sky.links import Positions, positions_of
from hubblefork.tasks.prediction_columns import OWN, TRUE, exact, names_beside, value_columns
from hubblefork.tasks.task import Task

_TEXT = ("id", "true", "predicted", "set", "problem")
_ARRAYS = ("ids", "values", "true", "typicality", "sets", "problems")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says of N images, and what is known of them.

    Parameters
    ----------
    task
        What labels and answers mean.
    ids
        (N,) text.
    values
        (N, K) probabilities of classes, or fractions of votes; a row of NaN is an image without a
        prediction.
    true
        The labels, as `task.labels` gives them, where they are known.
    typicality
        (N,) in (0, 1], the fraction of validation images that are at least as unlike the training
        images; NaN without a prediction; None where the model does not know it.
    sets
        (N, K) of bool, the classes in each prediction set, where they were asked for.
    problems
        (N,) why an image could not be read, empty where it could; None where all were read.
    columns
        (N rows) the columns that came with the images, such as those of a catalogue, with their
        types and units; None where there are none. One called `id` holds `ids` in its own type.

    >>> from hubblefork.tasks.classes import Classes
    >>> task = Classes(("disc", "spiral"))
    >>> found = Predictions(task, np.array(["a"]), np.array([[0.25, 0.75]]), np.array([1]))
    >>> found.table()
      id    true predicted  disc  spiral
    0  a  spiral    spiral  0.25    0.75
    """

    task: Task
    ids: np.ndarray
    values: np.ndarray
    true: np.ndarray | None = None
    typicality: np.ndarray | None = None
    sets: np.ndarray | None = None
    problems: np.ndarray | None = None
    columns: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def known(self) -> np.ndarray:
        """(N,) which images have a prediction."""
        return ~np.isnan(self.values).any(axis=1)

    @property
    def labels(self) -> np.ndarray:
        """The true labels, for what needs them. Raises RequestError where they are not known."""
        if self.true is None:
            raise RequestError("the true labels are not known: expected predictions of a test set")
        return self.true

    @property
    def leading(self) -> np.ndarray:
        """(N,) the first thing that is answered, as a place among the task's outputs."""
        return self.task.leading(self.values)

    @property
    def confidence(self) -> np.ndarray:
        """(N,) the largest of the values."""
        return self.values.max(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """(N,) whether the leading answer is the true one. Raises what `labels` raises."""
        return self.leading == self.task.truth(self.labels)

    @cached_property
    def positions(self) -> Positions:
        """Where on the sky the images are, by their ids, as far as that is known."""
        if self.columns is None or not {"ra", "dec"} <= set(self.columns.column_names):
            return {}
        return positions_of(self.columns.select(["ra", "dec"]).to_pandas().assign(id=self.ids))

    def unread(self) -> pd.DataFrame:
        """The id and the problem of the images that could not be read."""
        problems = np.full(len(self), "", object) if self.problems is None else self.problems
        table = pd.DataFrame({"id": self.ids, "problem": problems})
        return table[table["problem"] != ""]

    @classmethod
    def concatenate(cls, blocks: Sequence["Predictions"]) -> "Predictions":
        """Predictions of one model one after another."""
        joined: dict[str, Any] = {
            name: None if values[0] is None else np.concatenate(values)
            for name in _ARRAYS
            for values in [[getattr(block, name) for block in blocks]]
        }
        columns = [block.columns for block in blocks if block.columns is not None]
        whole = None if len(columns) < len(blocks) else pa.concat_tables(columns)
        return cls(task=blocks[0].task, columns=whole, **joined)

    def summary(self) -> pd.DataFrame:
        """For people: id, the answer in a few words, and typicality where known.

        Where an image could not be read, the answer is its problem.
        """
        problems = np.full(len(self), "", object) if self.problems is None else self.problems
        answers = [
            self.task.words.summary(values) if known else problem or "no prediction"
            for values, known, problem in zip(self.values, self.known, problems, strict=True)
        ]
        table = pd.DataFrame({"id": self.ids, "answer": answers})
        return table if self.typicality is None else table.assign(typicality=self.typicality)

    def take(self, rows: np.ndarray | slice) -> "Predictions":
        """The predictions of some rows, in their order."""
        picked: dict[str, Any] = {
            name: None if value is None else value[rows]
            for name in _ARRAYS
            for value in [getattr(self, name)]
        }
        if self.columns is not None:
            picked["columns"] = self.columns.take(np.arange(len(self))[rows])
        return replace(self, **picked)

    def in_order_of(self, task: Task, name: str) -> "Predictions":
        """The same with the outputs in the order of another task of the same outputs.

        name: whose predictions these are, for messages. Raises RequestError where the tasks do not
        have the same outputs.
        """
        if self.task == task:
            return self
        aligned = task.aligned(self.task, name)
        own = list(map(normalised, self.task.names))
        if absent := [repr(each) for each in task.names if normalised(each) not in own]:
            raise RequestError(f"{name} has no class {first_few(absent)}")
        order = [own.index(normalised(each)) for each in task.names]
        return replace(
            self,
            task=task,
            values=self.values[:, order],
            true=None if self.true is None else aligned(self.true),
            sets=None if self.sets is None else self.sets[:, order],
        )

    def table(self) -> pd.DataFrame:
        """One row per image: id, the columns that came with it, and the answers.

        For classes: id, true (where known), predicted, and the probability of each class in a
        column of its name, or `p(name)` where the table has a column of this name itself. For
        votes: id, the fraction of each answer, and the true ones after `true_`. Then typicality,
        set (the classes in it, the most probable first, joined by `|`; each set as JSON, `["a|b"]`,
        where a name holds `|`, begins with `[`, or is empty) and problem, where known.

        A column that came along and is called as one that a table of answers may have, in whatever
        case, gets a name that ends with `_input`. Whole numbers with gaps have nullable types.
        """
        own, came = self._own_table(), self._came
        if came is None:
            return own
        others = pd.DataFrame({name: exact(came[name]) for name in came.column_names})
        ids = others.pop("id") if "id" in others else own["id"]
        return pd.concat([ids, others, own.drop(columns="id")], axis=1)

    def arrow(self) -> pa.Table:
        """The same table with the types of Arrow; units stay in the metadata of the columns."""
        own = pa.Table.from_pandas(self._own_table(), preserve_index=False)
        own, came = own.replace_schema_metadata(), self._came
        if came is None:
            return own
        if "id" in came.column_names:
            own = own.set_column(0, came.field("id"), came["id"])
            came = came.drop_columns("id")
        fields = [own.field(0), *came.schema, *list(own.schema)[1:]]
        return pa.table([own[0], *came.columns, *own.columns[1:]], schema=pa.schema(fields))

    @property
    def _came(self) -> pa.Table | None:
        """The columns that came along, by the names that they have in the table."""
        if self.columns is None:
            return None
        return self.columns.rename_columns(names_beside(self.columns.column_names, self.task))

    def _own_table(self) -> pd.DataFrame:
        columns = {"id": pd.Series(self.ids, dtype=object)}
        if self.task.exclusive:
            names = np.array([*self.task.names, ""], dtype=object)
            if self.true is not None:
                columns["true"] = names[self.true]
            leading = np.nan_to_num(self.values).argmax(axis=1)
            columns["predicted"] = names[np.where(self.known, leading, self.task.outputs)]
        columns |= dict(zip(value_columns(self.task), self.values.T, strict=True))
        if not self.task.exclusive and self.true is not None:
            columns |= {TRUE + name: self.true[:, k] for k, name in enumerate(self.task.names)}
        if self.typicality is not None:
            columns["typicality"] = self.typicality
        if self.sets is not None:
            columns["set"] = self._set_words(self.sets)
        if self.problems is not None:
            columns["problem"] = self.problems
        return pd.DataFrame(columns)

    def save(self, path: Path) -> None:
        """Write the table as CSV, whole or not at all: answers to six digits, the rest exactly."""
        table, own = self.table(), set(self._own_table())
        exact = {name: table[name].map(repr, na_action="ignore") for name in table
                 if name not in own and table[name].dtype.kind == "f"}  # fmt: skip
        with replacing(path) as file:
            file.write(csv_text(table.assign(**exact)))

    @classmethod
    def read(cls, path: Path, task: Task) -> "Predictions":
        """Read a CSV or Parquet file of a table of this task, as `from_table` does."""
        try:
            if path.suffix.lower() == ".parquet":
                table = pd.read_parquet(path)
            else:
                table = read_csv(path, ",")
        except (OSError, ValueError) as error:
            raise RequestError(
                f"{path} is not a table of predictions: {first_line(error)}"
            ) from error
        return cls.from_table(table, task, str(path))

    @classmethod
    def from_table(cls, table: pd.DataFrame, task: Task, name: str = "this") -> "Predictions":
        """The predictions of which `table` made this table; numbers may be written as text.

        name: of the table, for messages. Raises RequestError where it is one of another task.
        """
        wanted = ["id", *value_columns(task)]
        missing = [column for column in wanted if column not in table]
        if missing:
            raise RequestError(
                f"{name} has no column {first_few(missing)}: it is not a table of predictions of "
                "this model"
            )
        text = {each: _as_text(table[each]) for each in _TEXT if each in table}
        true = None
        truths = [TRUE + each for each in task.names]
        if task.exclusive and "true" in table:
            number = {each: k for k, each in enumerate(task.names)}
            numbers = pd.Series(text["true"]).map(number)
            if numbers.isna().any():
                unknown = table["true"][numbers.isna().to_numpy()].unique()
                raise RequestError(f"{name} has classes that are not known: {first_few(unknown)}")
            true = numbers.to_numpy(np.int64)
        elif not task.exclusive and set(truths) <= set(table):
            true = _numbers(table[truths], name)
        known = {*wanted, *OWN, *(truths if true is not None else ())}
        others = [column for column in table if column not in known]
        return cls(
            task=task,
            ids=text["id"],
            values=_numbers(table[value_columns(task)], name),
            true=true,
            typicality=_numbers(table["typicality"], name) if "typicality" in table else None,
            sets=_read_sets(text["set"], task, name) if "set" in table else None,
            problems=text.get("problem"),
            columns=pa.Table.from_pandas(table[others], preserve_index=False) if others else None,
        )

    def _set_words(self, sets: np.ndarray) -> list[str]:
        """The names of the classes in each set, the most probable first."""
        order = np.argsort(-self.values, axis=1, kind="stable")
        names = self.task.names
        chosen = [
            [names[place] for place in places if inside[place]]
            for inside, places in zip(sets, order, strict=True)
        ]
        if _sets_are_json(self.task):
            return [json.dumps(each, ensure_ascii=False) for each in chosen]
        return ["|".join(each) for each in chosen]


def _sets_are_json(task: Task) -> bool:
    """Whether the names of classes joined by `|` could not be told apart again."""
    return any("|" in name or name.startswith("[") or not name for name in task.names)


def _read_sets(cells: np.ndarray, task: Task, name: str) -> np.ndarray:
    place = {each: number for number, each in enumerate(task.names)}
    sets = np.zeros((len(cells), len(place)), bool)
    try:
        for row, cell in enumerate(cells):
            words = parse_json(cell) if _sets_are_json(task) else cell.split("|") if cell else []
            sets[row, [place[word] for word in words]] = True
    except (ValueError, KeyError, TypeError):
        raise RequestError(f"{name} has a set of classes that are not known: {cell}") from None
    return sets


def _as_text(values: pd.Series) -> np.ndarray:
    return values.astype(object).where(values.notna(), "").map(str).to_numpy(object)


def _numbers(table: pd.DataFrame | pd.Series, name: str) -> np.ndarray:
    try:
        return table.to_numpy(float)
    except ValueError as error:
        raise RequestError(f"{name} is not a table of predictions: {first_line(error)}") from error
