"""The labels of a file of the workbench, or of a table that was exported from it, for a training.

Of each rater, the last answer to an image counts. For classes an image has the class that most
raters gave, and none where they are divided evenly; for votes it has the fraction of the raters who
gave each answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.file_cache import file_sha256
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.tables.stored import is_table, open_table
from hubblefork.data.sources.vote_fractions import votes_in
from hubblefork.runs.run import Run
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.registry import task_from_json
from hubblefork.tasks.task import Task
from hubblefork.workbench.questions import Questions
from hubblefork.workbench.store import Image, majority, read_labels

# Columns of an exported table that are needed.
_NEEDED = ("id", "answer", "rater", "digest")

Answers = list[Sequence[str]]


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """One label for each image.

    path, sha256: of the file. task: what the labels mean. table: `id` and `digest` of the image,
    and the label columns of the task. divided: images without a label, on which as many raters say
    one thing as another.
    """

    path: Path
    sha256: str
    task: Task
    table: pd.DataFrame
    divided: int = 0

    @property
    def about(self) -> dict[str, Any]:
        """As the provenance of a run has it."""
        return {"path": str(self.path), "sha256": self.sha256, "task": self.task.to_json()}


def labels_of(run: Run) -> GivenLabels | None:
    """The labels that replaced those of a run's source, as the run keeps them; None without."""
    about = run.provenance.labels
    if about is None:
        return None
    task = task_from_json(about["task"])
    return GivenLabels(Path(about["path"]), about["sha256"], task, run.labels)


def read_given_labels(path: str | Path) -> GivenLabels:
    """Read a file of labels, or a table exported from one; RequestError where it is neither."""
    path = as_path(path, "labels", "the path of a file of labels")
    if reason := not_a_file(path):
        raise RequestError(f"--labels {path}: {reason}")
    digest = file_sha256(path)
    task, answers = _of_table(path) if is_table(path) else _of_store(path)
    if not answers:
        raise RequestError(f"{path} has no labels: expected some answers that were not taken back")
    task, found = _KINDS[task.kind](task, answers)
    images = [image for image, label in zip(answers, found, strict=True) if label is not None]
    values = np.array([label for label in found if label is not None])
    if not images:
        raise RequestError(f"{path}: the raters are divided evenly on each of its images")
    table = pd.DataFrame(images, columns=["id", "digest"])
    table[list(task.label_columns)] = np.reshape(values, (len(images), -1))
    return GivenLabels(path.resolve(), digest, task, table, len(answers) - len(images))


def _of_store(path: Path) -> tuple[Task, dict[Image, Answers]]:
    labels = read_labels(path)
    found: dict[Image, Answers] = {}
    for each in labels.standing():
        found.setdefault((each.image, each.digest), []).append(each.answer)
    return labels.task, found


def _of_table(path: Path) -> tuple[Task, dict[Image, Answers]]:
    try:
        stored = open_table(path, text=lambda name: name in _NEEDED)
        if missing := [name for name in _NEEDED if name not in stored.schema.names]:
            raise ValueError(f"it has no column {first_few(missing)}")
        table = pd.concat(
            [each.to_pandas() for each in stored.batches(columns=list(_NEEDED))], ignore_index=True
        )
    except (OSError, ValueError) as error:
        raise RequestError(
            f"--labels {path}: {error}; expected a file of labels, or a table exported from one"
        ) from error
    table = table.astype(str).drop_duplicates(["rater", "id", "digest"], keep="last")
    task: Task = votes_in(stored.schema.names) or Classes(tuple(sorted(set(table["answer"]))))
    found: dict[Image, Answers] = {}
    for row in table.itertuples():
        answer = [row.answer] if task.exclusive else row.answer.split("|")
        found.setdefault((row.id, row.digest), []).append(answer)
    return task, found


def _as_class(task: Task, answers: dict[Image, Answers]) -> tuple[Task, list[int | None]]:
    """The place of the most common class of each image, among those that any image has."""
    most = [majority(each[0] for each in given) for given in answers.values()]
    names = tuple(name for name in task.names if name in most)
    return Classes(names), [None if name is None else names.index(name) for name in most]


def _as_fractions(
    task: Task, answers: dict[Image, Answers]
) -> tuple[Task, list[np.ndarray | None]]:
    label = Questions.of(task).label
    return task, [np.mean([label(each) for each in given], axis=0) for given in answers.values()]


_KINDS: dict[str, Callable[..., tuple[Task, list]]] = {
    "classes": _as_class,
    "votes": _as_fractions,
}
