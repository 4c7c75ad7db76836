"""The answers of a model to N images: the one object between a model and all that reads them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.files import replacing
from hubblefork.core.names import normalised
from hubblefork.core.parsing import parse_json
from hubblefork.core.tables.csv import csv_text, read_csv
from hubblefork.sky.decision_tree import load_tree, tree_names
from hubblefork.tasks.task import Task

# The columns of a table of predictions that are not outputs of the task.
_OWN = ("id", "true", "predicted", "typicality", "set", "problem")
_TEXT = ("id", "true", "predicted", "set", "problem")
_TRUE = "true_"
# Names of classes that begin so could be the column of another class.
_TOLD_APART = ("p(", _TRUE)


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
            for name in ("ids", "values", "true", "typicality", "sets", "problems")
            for values in [[getattr(block, name) for block in blocks]]
        }
        return cls(task=blocks[0].task, **joined)

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
            for name in ("ids", "values", "true", "typicality", "sets", "problems")
            for value in [getattr(self, name)]
        }
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
        """One row an image.

        For classes: id, true (where known), predicted, and the probability of each class in a
        column of its name, or `p(name)` where the table has a column of this name itself. For
        votes: id, the fraction of each answer, and the true ones after `true_`. Then typicality,
        set (the classes in it, the most probable first, joined by `|`; each set as JSON, `["a|b"]`,
        where a name holds `|`, begins with `[`, or is empty) and problem, where known.
        """
        columns = {"id": pd.Series(self.ids, dtype=object)}
        if self.task.exclusive:
            names = np.array([*self.task.names, ""], dtype=object)
            if self.true is not None:
                columns["true"] = names[self.true]
            leading = np.nan_to_num(self.values).argmax(axis=1)
            columns["predicted"] = names[np.where(self.known, leading, self.task.outputs)]
        columns |= dict(zip(value_columns(self.task), self.values.T, strict=True))
        if not self.task.exclusive and self.true is not None:
            columns |= {_TRUE + name: self.true[:, k] for k, name in enumerate(self.task.names)}
        if self.typicality is not None:
            columns["typicality"] = self.typicality
        if self.sets is not None:
            columns["set"] = self._set_words(self.sets)
        if self.problems is not None:
            columns["problem"] = self.problems
        return pd.DataFrame(columns)

    def save(self, path: Path) -> None:
        """Write the table as CSV, whole or not at all."""
        with replacing(path) as file:
            file.write(csv_text(self.table()))

    @classmethod
    def read(cls, path: Path, task: Task) -> "Predictions":
        """Read a CSV or Parquet file of a table of this task, as `from_table` does."""
        try:
            if path.suffix.lower() == ".parquet":
                table = pd.read_parquet(path)
            else:
                table = read_csv(path, ",")
        except (OSError, ValueError) as error:
            raise RequestError(f"{path} is no table of predictions: {first_line(error)}") from error
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
                f"{name} has no column {first_few(missing)}: it is no table of predictions of this "
                "model"
            )
        text = {each: table[each].fillna("").to_numpy(object) for each in _TEXT if each in table}
        true = None
        truths = [_TRUE + each for each in task.names]
        if task.exclusive and "true" in table:
            number = {each: k for k, each in enumerate(task.names)}
            numbers = pd.Series(text["true"]).map(number)
            if numbers.isna().any():
                unknown = table["true"][numbers.isna().to_numpy()].unique()
                raise RequestError(f"{name} has classes that are not known: {first_few(unknown)}")
            true = numbers.to_numpy(np.int64)
        elif not task.exclusive and set(truths) <= set(table):
            true = _numbers(table[truths], name)
        return cls(
            task=task,
            ids=text["id"],
            values=_numbers(table[value_columns(task)], name),
            true=true,
            typicality=_numbers(table["typicality"], name) if "typicality" in table else None,
            sets=_read_sets(text["set"], task, name) if "set" in table else None,
            problems=text.get("problem"),
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


def _numbers(table: pd.DataFrame | pd.Series, name: str) -> np.ndarray:
    try:
        return table.to_numpy(float)
    except ValueError as error:
        raise RequestError(f"{name} is no table of predictions: {first_line(error)}") from error


def value_columns(task: Task) -> Sequence[str]:
    """The column of each output: its name, told apart from the table's other columns.

    >>> from hubblefork.tasks.classes import Classes
    >>> value_columns(Classes(("spiral", "true", "p(true)", "Id")))
    ['spiral', 'p(true)', 'p(p(true))', 'p(Id)']
    """
    # Programs that take capital and small letters for one would mistake Id for id.
    return [
        f"p({name})" if name.strip().lower() in ("", *_OWN) or name.startswith(_TOLD_APART)
        else name
        for name in task.names
    ]  # fmt: skip


def are_predictions(table: pd.DataFrame) -> bool:
    """Whether a table, or the first rows of one, is of `Predictions` that were not labelled.

    It has the columns that `Predictions.table` gives with `problems`, and in those of the outputs
    probabilities that sum to one, or fractions of the answers of a known decision tree.

    >>> from hubblefork.tasks.classes import Classes
    >>> values = np.array([[0.25, 0.75]])
    >>> found = Predictions(Classes(("a", "b")), np.array(["1"]), values, problems=np.array([""]))
    >>> are_predictions(found.table()), are_predictions(found.table().assign(notes="mine"))
    (True, False)
    """
    columns = list(table)
    if columns[:1] != ["id"] or columns[-1:] != ["problem"] or "true" in columns:
        return False
    outputs = [column for column in columns if column not in _OWN]
    values = table[outputs].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    values = values[(table["problem"] == "").to_numpy()]
    if "predicted" in columns:
        return bool(np.allclose(values.sum(axis=1), 1, atol=1e-3))
    answers = [list(load_tree(name).columns) for name in tree_names()]
    return outputs in answers and bool(((values >= 0) & (values <= 1)).all())
