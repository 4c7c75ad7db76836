"""What a rater is asked about an image: one question with all classes, or those of a tree.

Every kind of task becomes a list of questions, whose answers lead to the next one or to the end,
so that pages, store and export treat all alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.tasks.task import Task


@dataclass(frozen=True)
class Choice:
    """An answer: its name in files, as people read it, and the place of the next question."""

    name: str
    text: str
    next: int | None = None


@dataclass(frozen=True)
class Question:
    """A question and its answers. start: the place of the first among all outputs of the task."""

    text: str
    choices: tuple[Choice, ...]
    start: int


@dataclass(frozen=True)
class Questions:
    """The questions of a task, the first one first.

    beside: what the labels that came with the images are, in a word.

    >>> from hubblefork.tasks.votes import Votes
    >>> asked = Questions.of(Votes())
    >>> asked.label(["Class1.3"])[:3].tolist()
    [0.0, 0.0, 1.0]
    >>> asked.path(["Class1.1", "Class6.2"])
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: 'Class6.2' is not an answer to 'How rounded is it?'; ...
    """

    task: Task
    asked: tuple[Question, ...]
    beside: str

    @classmethod
    def of(cls, task: Task) -> "Questions":
        """The questions of a task; none where nothing is known of the labels."""
        make, beside = _KINDS.get(task.kind, (lambda task: (), ""))
        return cls(task, make(task), beside)

    def path(self, answer: Sequence[str]) -> list[tuple[Question, int]]:
        """Each question that was asked, with the place of its answer among the task's outputs.

        Raises RequestError unless the answers lead from the first question to an end.
        """
        if not self.asked:
            raise RequestError("nothing can be answered: the images have no labels to choose from")
        steps = []
        place: int | None = 0
        for name in answer:
            if place is None:
                raise RequestError(f"{name!r} answers no question: the last one was answered")
            question = self.asked[place]
            names = [choice.name for choice in question.choices]
            if name not in names:
                raise RequestError(
                    f"{name!r} is not an answer to {question.text!r}; expected one of {names}"
                )
            steps.append((question, question.start + names.index(name)))
            place = question.choices[names.index(name)].next
        if place is not None:
            raise RequestError(f"the question {self.asked[place].text!r} has no answer yet")
        return steps

    def label(self, answer: Sequence[str]) -> np.ndarray:
        """An answer as fractions (K,): 1 for what was chosen, 0 for all else.

        Of a question that was asked they sum to 1, of one that was not to 0, as its parent has.
        """
        fractions = np.zeros(self.task.outputs, np.float32)
        fractions[[place for _, place in self.path(answer)]] = 1
        return fractions

    def to_json(self) -> list[dict[str, Any]]:
        """As the page takes them."""
        return [
            {"text": question.text, "choices": [vars(choice) for choice in question.choices]}
            for question in self.asked
        ]


def by_question(
    asked: Iterable[Question], columns: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Columns of all outputs (K,), such as those of the model and the label, for each answer."""
    return [
        {
            "question": question.text,
            "answers": [
                {"text": choice.text, "values": [plain(each[k]) for each in columns.values()]}
                for k, choice in enumerate(question.choices, start=question.start)
            ],
        }
        for question in asked
    ]


def plain(value: Any) -> Any:
    """A value for JSON, which has no NaN and no infinities."""
    if isinstance(value, str):
        return value
    number = float(value)
    if not np.isfinite(number):
        return None
    return int(number) if number.is_integer() and not isinstance(value, float) else number


def _of_classes(task: Task) -> tuple[Question, ...]:
    choices = map(Choice, task.names, task.words.names)
    return (Question("Which class is it?", tuple(choices), 0),)


def _of_tree(task: Task) -> tuple[Question, ...]:
    return tuple(
        Question(
            question.text,
            tuple(
                Choice(each.column, each.text, None if each.next is None else each.next - 1)
                for each in question.answers
            ),
            question.columns.start,
        )
        for question in task.tree.questions
    )


_KINDS: dict[str, tuple[Callable[[Task], tuple[Question, ...]], str]] = {
    "classes": (_of_classes, "Label"),
    "votes": (_of_tree, "Volunteers"),
}
