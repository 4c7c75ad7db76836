"""The Galaxy Zoo 2 decision tree: 11 questions, 37 answers, and which answer leads where.

A volunteer starts at question 1 and follows the answers to the end. The vote fractions that
Kaggle's Galaxy Zoo challenge published are weighted down this tree: the answers of a question sum
to the fraction of volunteers who reached it, which is the fraction of its parent answer (or 1).

The tree: Willett et al. 2013, MNRAS 435, 2835, table 2; the order of the columns: Kaggle, Galaxy
Zoo - The Galaxy Challenge, 2014.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hubblefork.core.errors import RequestError


@dataclass(frozen=True)
class Answer:
    """One of a question's answers, and the number of the question it leads to (None: the end)."""

    column: str
    text: str
    next: int | None


@dataclass(frozen=True)
class Question:
    """A question of the tree.

    `parent` is the column of the answer whose fraction this question's answers sum to; None if
    they sum to 1. `columns` are the places of its answers among the tree's columns.
    """

    number: int
    text: str
    answers: tuple[Answer, ...]
    parent: str | None
    columns: slice


@dataclass(frozen=True)
class DecisionTree:
    """Questions in the order of their numbers; a parent always stands before its children.

    >>> GALAXY_ZOO_2.columns[0], GALAXY_ZOO_2.columns[-1], len(GALAXY_ZOO_2.columns)
    ('Class1.1', 'Class11.6', 37)
    >>> GALAXY_ZOO_2.question(10).text
    'How tightly wound do the spiral arms appear?'
    >>> GALAXY_ZOO_2.question(10).parent
    'Class4.1'
    """

    questions: tuple[Question, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of all answers, in the order of the vote fractions."""
        return tuple(answer.column for q in self.questions for answer in q.answers)

    @cached_property
    def answers(self) -> dict[str, Answer]:
        """Each answer by the name of its column."""
        return {answer.column: answer for q in self.questions for answer in q.answers}

    def question(self, number: int) -> Question:
        return self.questions[number - 1]

    def index(self, column: str) -> int:
        """Return the place of `column` among the 37."""
        return self.columns.index(column)

    def reached(self, fractions: np.ndarray, question: Question) -> np.ndarray:
        """Return the fraction of volunteers who came to `question`: its parent's, or 1.

        `fractions` is (N, 37), the result (N,).
        """
        if question.parent is None:
            return np.ones(len(fractions), dtype=fractions.dtype)
        return fractions[:, self.index(question.parent)]

    def weighted(self, conditional: np.ndarray) -> np.ndarray:
        """Turn each question's own probabilities into fractions weighted down the tree.

        `conditional` is (N, 37), not negative, and each question's answers sum to 1. Returns
        (N, 37) fractions as Kaggle weighs them.

        >>> even = np.concatenate([np.full(len(q.answers), 1 / len(q.answers))
        ...                        for q in GALAXY_ZOO_2.questions])[None]
        >>> fractions = GALAXY_ZOO_2.weighted(even)
        >>> bool(GALAXY_ZOO_2.check(fractions).any())
        False
        >>> round(float(fractions[0, GALAXY_ZOO_2.index("Class4.1")]), 4)  # 1/3 * 1/2 * 1/2
        0.0833
        """
        fractions = np.array(self._of_all_answers(conditional))
        for question in self.questions:
            fractions[:, question.columns] *= self.reached(fractions, question)[:, None]
        return fractions

    def conditional(self, fractions: np.ndarray) -> np.ndarray:
        """Turn weighted fractions into each question's own probabilities: `weighted` undone.

        Where nobody reached a question its answers are nan. Both arrays are (N, 37).
        """
        own = np.array(self._of_all_answers(fractions), dtype=np.float64)
        for question in self.questions:
            answers = own[:, question.columns]
            total = answers.sum(axis=1, keepdims=True)
            # The sum, not the parent, so that rounding in the parent cannot give 1.0001.
            own[:, question.columns] = np.divide(
                answers, total, out=np.full_like(answers, np.nan), where=total > 0
            )
        return own

    def check(self, fractions: np.ndarray, tolerance: float = 1e-4) -> np.ndarray:
        """Return where the answers do not sum to their parent: (N, questions), True where broken.

        `fractions` is (N, 37). A nan or a negative fraction breaks its question. The default
        tolerance is what six decimals, as in Kaggle's file, leave with room to spare.
        """
        fractions = self._of_all_answers(fractions)
        broken = np.empty((len(fractions), len(self.questions)), dtype=bool)
        for place, question in enumerate(self.questions):
            answers = fractions[:, question.columns]
            excess = np.abs(answers.sum(axis=1) - self.reached(fractions, question))
            broken[:, place] = ~((excess <= tolerance) & (answers >= -tolerance).all(axis=1))
        return broken

    def _of_all_answers(self, values: np.ndarray) -> np.ndarray:
        values = np.asarray(values)
        if not np.issubdtype(values.dtype, np.floating):
            values = values.astype(np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise RequestError(
                f"votes of shape {values.shape} were given, expected (galaxies, "
                f"{len(self.columns)}): one column for each answer, 'Class1.1' to 'Class11.6'"
            )
        return values


_END = None

# Number, text, parent answer, and (text, next question) of each answer.
_GALAXY_ZOO_2 = (
    (
        1,
        "Is the galaxy simply smooth and rounded, with no sign of a disk?",
        None,
        (("smooth", 7), ("features or disk", 2), ("star or artefact", _END)),
    ),
    (2, "Could this be a disk viewed edge-on?", "Class1.2", (("yes", 9), ("no", 3))),
    (
        3,
        "Is there a sign of a bar feature through the centre?",
        "Class2.2",
        (("yes", 4), ("no", 4)),
    ),
    (
        4,
        "Is there any sign of a spiral arm pattern?",
        "Class2.2",
        (("yes", 10), ("no", 5)),
    ),
    (
        5,
        "How prominent is the central bulge, compared with the rest of the galaxy?",
        "Class2.2",
        (("none", 6), ("just noticeable", 6), ("obvious", 6), ("dominant", 6)),
    ),
    (6, "Is there anything odd?", None, (("yes", 8), ("no", _END))),
    (
        7,
        "How rounded is it?",
        "Class1.1",
        (("completely round", 6), ("in between", 6), ("cigar shaped", 6)),
    ),
    (
        8,
        "Is the odd feature a ring, or is the galaxy disturbed or irregular?",
        "Class6.1",
        (
            ("ring", _END),
            ("lens or arc", _END),
            ("disturbed", _END),
            ("irregular", _END),
            ("other", _END),
            ("merger", _END),
            ("dust lane", _END),
        ),
    ),
    (
        9,
        "Does the galaxy have a bulge at its centre, and of what shape?",
        "Class2.1",
        (("rounded", 6), ("boxy", 6), ("no bulge", 6)),
    ),
    (
        10,
        "How tightly wound do the spiral arms appear?",
        "Class4.1",
        (("tight", 11), ("medium", 11), ("loose", 11)),
    ),
    (
        11,
        "How many spiral arms are there?",
        "Class4.1",
        (("1", 5), ("2", 5), ("3", 5), ("4", 5), ("more than 4", 5), ("can't tell", 5)),
    ),
)


def _tree(rows: tuple) -> DecisionTree:
    questions, start = [], 0
    for number, text, parent, replies in rows:
        answers = tuple(
            Answer(f"Class{number}.{place}", reply, following)
            for place, (reply, following) in enumerate(replies, start=1)
        )
        stop = start + len(answers)
        questions.append(Question(number, text, answers, parent, slice(start, stop)))
        start = stop
    return DecisionTree(tuple(questions))


GALAXY_ZOO_2 = _tree(_GALAXY_ZOO_2)
