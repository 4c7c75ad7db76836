"""Decision trees of questions that volunteers answer about a galaxy, one data file for each.

A volunteer starts at the first question and follows the answers to the end. Vote fractions are
weighted down the tree here, whether or not those of a table are: the answers of a question sum to
the fraction of volunteers who were asked it, which is that of its parent answer (or 1).

`trees/*.toml` are the trees that come with hubblefork; each names its source.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.parsing import parse_toml
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.text import shortened
from hubblefork.sky.tree_schema import misshapen


@dataclass(frozen=True)
class Answer:
    """One of a question's answers.

    column: its name in a table. text: as volunteers read it. next: the number of the question that
    it leads to (None: the end). looks: the appearance of a galaxy with this answer, in a word or
    two for captions; may be empty.
    """

    column: str
    text: str
    next: int | None = None
    looks: str = ""


@dataclass(frozen=True)
class Question:
    """A question of a tree.

    number: its position, from 1. text: as volunteers read it; short: for captions.
    topic: the subject of answers such as "yes", which need one; may be empty.
    parent: the column of the answer whose fraction this question's answers sum to; None if they
    sum to 1. unless: the column of an answer after which this question is not asked, although its
    fractions sum to 1. columns: the indices of its answers among the tree's columns.
    """

    number: int
    text: str
    short: str
    topic: str
    answers: tuple[Answer, ...]
    parent: str | None
    unless: str | None
    columns: slice


@dataclass(frozen=True)
class Kind:
    """A kind of galaxy, by its answer; the last of a tree has none, and takes all others."""

    name: str
    answer: str | None = None


@dataclass(frozen=True, eq=False)
class DecisionTree:
    """Questions in the order of their numbers; a parent always stands before its children.

    name, title: for tables, and for readers. source: where it was published.
    fractions_of: what a fraction in a published table is of: `everybody` who looked at the galaxy,
    or `asked`, those who came to the question.
    kinds: of galaxies, few enough to be told apart by colour. content: as the data file holds it.

    >>> tree = load_tree("galaxy-zoo-2")
    >>> tree.columns[0], tree.columns[-1], len(tree.columns)
    ('Class1.1', 'Class11.6', 37)
    >>> tree.question(10).text, tree.question(10).parent
    ('How tightly wound do the spiral arms appear?', 'Class4.1')
    """

    name: str
    title: str
    source: str
    fractions_of: str
    questions: tuple[Question, ...]
    kinds: tuple[Kind, ...]
    content: Mapping[str, Any] = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DecisionTree) and self.content == other.content

    def __hash__(self) -> int:
        return hash((self.name, self.columns))

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> "DecisionTree":
        """Make a tree from what a data file holds.

        Raises RequestError where it is not one: a column twice, a parent that does not stand before
        its children, an answer that leads nowhere.
        """
        name = shortened(str(content.get("name", "")), 60)
        if problem := misshapen(content):
            raise RequestError(f"decision tree {name!r} cannot be understood: {problem}")
        tree = cls(
            name=content["name"],
            title=content["title"],
            source=content["source"].strip(),
            fractions_of=content["fractions_of"],
            questions=_questions(content["questions"]),
            kinds=tuple(Kind(**kind) for kind in content["kinds"]),
            content=content,
        )
        if problem := _problem(tree):
            raise RequestError(f"decision tree {name!r}: {problem}")
        return tree

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of all answers, in the order of the vote fractions."""
        return tuple(answer.column for q in self.questions for answer in q.answers)

    @cached_property
    def answers(self) -> dict[str, Answer]:
        """Each answer by the name of its column."""
        return {answer.column: answer for q in self.questions for answer in q.answers}

    @cached_property
    def question_of(self) -> tuple[Question, ...]:
        """The question that each column belongs to."""
        return tuple(question for question in self.questions for _ in question.answers)

    def question(self, number: int) -> Question:
        """The question of this number, from 1."""
        return self.questions[number - 1]

    def index(self, column: str) -> int:
        """Return the index of `column` among the answers."""
        return self.columns.index(column)

    def depth(self, question: Question) -> int:
        """The number of earlier answers that lead to this question."""
        if question.parent is None:
            return 0
        return 1 + self.depth(self.question_of[self.index(question.parent)])

    def unless(self, question: Question) -> str | None:
        """The answer after which a question, or one that leads to it, is not asked; or None.

        >>> tree = load_tree("galaxy-zoo-2")
        >>> tree.unless(tree.question(8)), tree.unless(tree.question(7))
        ('Class1.3', None)
        """
        if question.unless or question.parent is None:
            return question.unless
        return self.unless(self.question_of[self.index(question.parent)])

    def reached(self, fractions: np.ndarray, question: Question) -> np.ndarray:
        """Return the fraction of volunteers who were asked `question`: its parent's, or 1.

        `fractions` is (N, answers), the result (N,).
        """
        if question.parent is None:
            return np.ones(len(fractions), dtype=fractions.dtype)
        return fractions[:, self.index(question.parent)]

    def weighted(self, conditional: np.ndarray) -> np.ndarray:
        """Convert the probabilities of each question to fractions weighted down the tree.

        `conditional` is (N, answers), not negative, and each question's answers sum to 1. Returns
        (N, answers) fractions as Kaggle weighs them.

        >>> tree = load_tree("galaxy-zoo-2")
        >>> even = np.concatenate([np.full(len(q.answers), 1 / len(q.answers))
        ...                        for q in tree.questions])[None]
        >>> fractions = tree.weighted(even)
        >>> bool(tree.check(fractions).any())
        False
        >>> round(float(fractions[0, tree.index("Class4.1")]), 4)  # 1/3 * 1/2 * 1/2
        0.0833
        """
        fractions = np.array(self.of_all_answers(conditional))
        for question in self.questions:
            fractions[:, question.columns] *= self.reached(fractions, question)[:, None]
        return fractions

    def conditional(self, fractions: np.ndarray) -> np.ndarray:
        """Convert weighted fractions to the probabilities of each question: inverse of `weighted`.

        The answers of a question that nobody was asked are nan. Both arrays are (N, answers).
        """
        own = np.array(self.of_all_answers(fractions), dtype=np.float64)
        for question in self.questions:
            answers = own[:, question.columns]
            total = answers.sum(axis=1, keepdims=True)
            # Divided by the sum, not the parent: rounding of the parent could give 1.0001.
            own[:, question.columns] = np.divide(
                answers, total, out=np.full_like(answers, np.nan), where=total > 0
            )
        return own

    def check(self, fractions: np.ndarray, tolerance: float = 1e-4) -> np.ndarray:
        """Return where the answers do not sum to their parent: (N, questions), True where invalid.

        `fractions` is (N, answers). A question with a nan or negative fraction is invalid. The
        default tolerance is well above the rounding to six decimals, as in Kaggle's file.
        """
        fractions = self.of_all_answers(fractions)
        broken = np.empty((len(fractions), len(self.questions)), dtype=bool)
        for place, question in enumerate(self.questions):
            answers = fractions[:, question.columns]
            excess = np.abs(answers.sum(axis=1) - self.reached(fractions, question))
            broken[:, place] = ~((excess <= tolerance) & (answers >= -tolerance).all(axis=1))
        return broken

    def commonest(self, fractions: np.ndarray) -> np.ndarray:
        """The most common answer to each question (N, questions), as its index in all answers."""
        return np.stack(
            [q.columns.start + fractions[:, q.columns].argmax(axis=1) for q in self.questions],
            axis=1,
        )

    def follow(self, fractions: np.ndarray) -> list[tuple[Question, int]]:
        """Follow the most common answers of one galaxy from the first question to the end.

        fractions: (answers,). Returns each question with the index of its most common answer.

        >>> tree = load_tree("galaxy-zoo-2")
        >>> votes = np.zeros(37)
        >>> votes[[tree.index(column) for column in ("Class1.1", "Class7.2", "Class6.2")]] = 1
        >>> [(question.number, tree.columns[place]) for question, place in tree.follow(votes)]
        [(1, 'Class1.1'), (7, 'Class7.2'), (6, 'Class6.2')]
        """
        return self._path(self.commonest(fractions[None])[0])

    def describe(self, fractions: np.ndarray) -> np.ndarray:
        """The most common answers for each galaxy (N, answers), in a few words: (N,) text.

        >>> tree = load_tree("galaxy-zoo-2")
        >>> votes = np.zeros((1, 37))
        >>> for column in ("Class1.2", "Class2.2", "Class3.2", "Class4.1", "Class11.2", "Class6.2"):
        ...     votes[0, tree.index(column)] = 1
        >>> str(tree.describe(votes)[0])
        'disk, spiral, 2 arms'
        """
        # Many galaxies have the same path.
        different, number = np.unique(self.commonest(fractions), axis=0, return_inverse=True)
        words = [
            ", ".join(
                self.answers[self.columns[place]].looks
                for _, place in self._path(places)
                if self.answers[self.columns[place]].looks
            )
            for places in different
        ]
        return np.array(words, dtype=object)[number]

    def kind_of(self, fractions: np.ndarray) -> np.ndarray:
        """The kind of each galaxy (N, answers) by its most common answers: (N,) indices of `kinds`.

        >>> tree = load_tree("galaxy-zoo-2")
        >>> votes = np.zeros((1, 37))
        >>> votes[0, [tree.index(column) for column in ("Class1.2", "Class2.1")]] = 1
        >>> tree.kinds[tree.kind_of(votes)[0]].name
        'edge-on disk'
        """
        commonest = self.commonest(fractions)
        told = [
            (commonest == self.index(kind.answer)).any(axis=1) for kind in self.kinds if kind.answer
        ]
        return np.select(told, range(len(told)), default=len(self.kinds) - 1)

    def answer_name(self, column: str) -> str:
        """An answer with its topic, understandable without the question.

        >>> load_tree("galaxy-zoo-2").answer_name("Class4.1")
        'spiral: yes'
        """
        topic = self.question_of[self.index(column)].topic
        text = self.answers[column].text
        return f"{topic}: {text}" if topic else text

    def of_all_answers(self, values: np.ndarray) -> np.ndarray:
        """Return (N, answers) floats; RequestError where values have another shape."""
        values = np.asarray(values)
        if not np.issubdtype(values.dtype, np.floating):
            values = values.astype(np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise RequestError(
                f"votes of shape {values.shape} were given, expected (galaxies, "
                f"{len(self.columns)}): one column for each answer, {self.columns[0]!r} to "
                f"{self.columns[-1]!r}"
            )
        return values

    def _path(self, places: np.ndarray) -> list[tuple[Question, int]]:
        """The questions on the path of the most common answers (questions,)."""
        steps: list[tuple[Question, int]] = []
        following: int | None = 1
        while following is not None:
            question, place = self.question(following), int(places[following - 1])
            steps.append((question, place))
            following = self.answers[self.columns[place]].next
        return steps


def tree_names() -> list[str]:
    """The trees that come with hubblefork, the one that Kaggle's challenge uses first.

    >>> tree_names()[0]
    'galaxy-zoo-2'
    """
    folder = files("hubblefork.sky") / "trees"
    names = [file.name.removesuffix(".toml") for file in folder.iterdir()]
    return sorted(names, key=lambda name: (name != "galaxy-zoo-2", name))


@cache
def load_tree(name: str) -> DecisionTree:
    """Return a tree by its name, or from the path of a .toml file in the same form.

    Raises RequestError where there is none, or where the file is not a tree.

    >>> load_tree("galaxy-zoo-2").title
    'Galaxy Zoo 2'
    """
    path = Path(name)
    if path.suffix == ".toml":
        if reason := not_a_file(path):
            raise RequestError(f"no decision tree at {path} ({reason})")
        text = path.read_bytes().decode("utf-8", "replace")
    elif name in tree_names():
        text = (files("hubblefork.sky") / "trees" / f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise RequestError(f"no decision tree is called {name!r}; {nearest(name, tree_names())}")
    try:
        content = parse_toml(text)
    except ValueError as error:
        raise RequestError(f"decision tree {name} is not valid TOML: {error}") from error
    return DecisionTree.from_content(content)


def _questions(tables: list[Mapping[str, Any]]) -> tuple[Question, ...]:
    questions, start = [], 0
    for number, table in enumerate(tables, start=1):
        answers = tuple(Answer(**answer) for answer in table["answers"])
        questions.append(
            Question(
                number=number,
                text=table["text"],
                short=table.get("short", table["text"]),
                topic=table.get("topic", ""),
                answers=answers,
                parent=table.get("parent"),
                unless=table.get("unless"),
                columns=slice(start, start + len(answers)),
            )
        )
        start += len(answers)
    return tuple(questions)


def _problem(tree: DecisionTree) -> str:
    """What makes it impossible to walk down a tree; empty where nothing does."""
    if len(set(tree.columns)) < len(tree.columns):
        twice = next(column for column in tree.columns if tree.columns.count(column) > 1)
        return f"the column {twice!r} stands in it twice"
    for question in tree.questions:
        before = tree.columns[: question.columns.start]
        for column in (question.parent, question.unless):
            if column is not None and column not in before:
                return f"question {question.number} names {column!r}, no answer before it"
        for answer in question.answers:
            if answer.next is not None and not 1 <= answer.next <= len(tree.questions):
                return f"{answer.column!r} leads to question {answer.next}, and there is none"
    if loop := _loop(tree):
        return f"its answers lead from question {loop} back to it"
    named = [kind.answer for kind in tree.kinds]
    if not named or named[-1] is not None or not set(named[:-1]) <= set(tree.columns):
        return "its kinds need an answer each, but for the last, which takes all others"
    return ""


def _loop(tree: DecisionTree) -> int | None:
    """The number of a question that its own answers can lead back to; None where there is none."""
    for question in tree.questions:
        seen: set[int] = set()
        waiting = [answer.next for answer in question.answers]
        while waiting:
            number = waiting.pop()
            if number == question.number:
                return number
            if number is not None and number not in seen:
                seen.add(number)
                waiting += [answer.next for answer in tree.question(number).answers]
    return None


# The tree of Galaxy10, of Kaggle's challenge and of the simulated volunteers.
GALAXY_ZOO_2 = load_tree("galaxy-zoo-2")
