"""Classes from votes: a source's galaxies to which a rule assigns a class.

A rule is `galaxy10` (more than 55 % of the volunteers agree on the whole path down the tree),
`five` (the clean classes of Zhu et al. 2019), or one's own thresholds, in a TOML file:

    [spiral]
    "Class1.2" = 0.43        # features or disk: at least 43 % of the volunteers
    "Class4.1" = 0.619

    ["smooth, not odd"]
    "Class1.1" = 0.8
    "Class6.1" = [0, 0.2]    # odd: from none to 20 %

A galaxy belongs to the first class of the file whose lines all hold, and is left out if there is
none.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.names import normalised
from hubblefork.core.parsing import parse_toml
from hubblefork.core.regular_files import not_a_file
from hubblefork.data.images.blocks import Job
from hubblefork.data.images.framing import Framing
from hubblefork.data.sources.base import Source, table_digest
from hubblefork.data.sources.class_labels import spelling_notes
from hubblefork.data.sources.vote_fractions import votes_in
from hubblefork.sky.class_rules import NO_CLASS, RULES, class_by_ranges, rules_of
from hubblefork.sky.decision_tree import DecisionTree, load_tree, tree_names
from hubblefork.tasks.classes import Classes

# A class's thresholds: the smallest fraction of each answer, or the smallest and the largest.
Thresholds = dict[str, dict[str, float | list[float]]]

_FORM = """as in [spiral] and below it "Class4.1" = 0.5"""


class VotesToClasses(Source):
    """The galaxies of a source with votes to which a rule assigns a class.

    Its table has a further column `label`, and keeps the fractions. A class without a galaxy is
    left out, with a note.

    source: with the task Votes.
    rule: a name, the path of a TOML file, or the thresholds that such a file holds.

    Raises RequestError where the source has no votes, the rule is invalid, or fewer than two
    classes have galaxies.
    """

    def __init__(self, source: Source, rule: str | Mapping[str, Any]) -> None:
        votes = votes_in(source.table)
        try:
            fractions = source.task.fractions(source.table, source.name)
        except RequestError as error:
            hint = ", which it has too: remove its labels" if votes else ""
            raise RequestError(f"{error}{hint}") from None
        if votes is None:
            raise RequestError(f"{source.name} has votes on a tree that hubblefork does not ship")
        names, label = _apply(read_rule(rule), fractions, votes.tree, source.name)
        self._source = source
        self._rows = np.flatnonzero(label != NO_CLASS)
        total, found = len(label), np.unique(label[self._rows])
        if len(found) < 2:
            which = f"the only class is {names[found[0]]!r}" if len(found) else "none has a class"
            raise RequestError(
                f"{source.name}: by {_title(rule)} {which} ({len(self._rows):,} of {total:,} "
                "galaxies); two or more classes are needed"
            )
        self.name = source.name
        self.task = Classes(tuple(names[each] for each in found))
        self.table = source.table.iloc[self._rows].reset_index(drop=True)
        self.table["label"] = np.searchsorted(found, label[self._rows])
        self.channels, self.bands, self.hdu = source.channels, source.bands, source.hdu
        self.held_bytes = source.held_bytes
        self.notes = [*source.notes, *_notes(rule, names, found, len(self._rows), total)]
        self.notes += spelling_notes(self.task.names)

    @property
    def prefer(self) -> Literal["threads", "processes"]:
        return self._source.prefer

    def framing(self, *args: Any, **options: Any) -> Framing:
        return self._source.framing(*args, **options)

    def stamp(self) -> str:
        return self._with_labels(self._source.stamp())

    def content(self) -> str:
        return self._with_labels(self._source.content())

    def job(self, rows: Sequence[int]) -> Job:
        return self._source.job([int(row) for row in self._rows[list(rows)]])

    def image_files(self, row: int) -> tuple[str, ...]:
        return self._source.image_files(int(self._rows[row]))

    def _with_labels(self, digest: str) -> str:
        parts = f"{digest} {table_digest(self.table, self.task)}"
        return hashlib.sha256(parts.encode()).hexdigest()


def read_rule(rule: str | Path | Mapping[str, Any]) -> str | Thresholds:
    """Return a rule that needs no file: `galaxy10`, `five`, or thresholds.

    Raises RequestError where a name, a file, an answer or a number is invalid.

    >>> read_rule("five")
    'five'
    >>> read_rule({"spiral": {"Class4.1": 0.5}, "plain": {"Class4.1": [0, 0.1]}})
    {'spiral': {'Class4.1': 0.5}, 'plain': {'Class4.1': [0.0, 0.1]}}
    """
    if isinstance(rule, Mapping):
        return _thresholds(rule, "the table of classes")
    path = as_path(rule, "classes", f"{' or '.join(RULES)}, thresholds, or a .toml file of these")
    if str(rule) in RULES:
        return str(rule)
    path = path.expanduser()
    if path.suffix != ".toml":
        raise RequestError(
            f"neither a .toml file of thresholds nor a rule for classes: {str(rule)!r}; "
            f"{nearest(str(rule), RULES)}"
        )
    if reason := not_a_file(path):
        raise RequestError(f"{rule}: {reason}")
    try:
        content = parse_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"{rule}: {error.strerror or error}") from error
    except ValueError as error:  # no TOML, or no text
        raise RequestError(f"{rule} is not valid TOML: {error}") from error
    return _thresholds(content, str(rule))


def _thresholds(content: Mapping[str, Any], where: str) -> Thresholds:
    if len(content) < 2:
        number = f"{len(content) or 'no'} class{'es' * (not content)}"
        raise RequestError(f"{where} has {number}; expected two or more, {_FORM}")
    # Any tree's answers: which tree is meant is known once a source is read.
    known = [column for tree in map(load_tree, tree_names()) for column in tree.columns]
    result: Thresholds = {}
    for name, table in content.items():
        if not isinstance(table, Mapping) or not table:
            raise RequestError(
                f"{where}: {name!r} is {table!r}; expected a class's table of answers, {_FORM}"
            )
        # Without quotes, TOML reads Class1.2 = 0.4 as a table Class1 with a key 2.
        flat: dict[str, Any] = {}
        for key, value in table.items():
            inner = value.items() if isinstance(value, Mapping) else ()
            flat |= {f"{key}.{each}": limits for each, limits in inner} or {key: value}
        plain = normalised(name)
        if not plain or plain in result:
            problem = "stands there twice" if plain else "is no name"
            raise RequestError(f"{where}: the class {name!r} {problem}; expected one table a class")
        result[plain] = {
            answer: _limits(value, f"{where}: {answer} of class {name!r}")
            for answer, value in flat.items()
        }
        _check_answers(result[plain], plain, where, known)
    return result


def _check_answers(answers: Iterable[str], name: str, where: str, known: Collection[str]) -> None:
    for answer in answers:
        if answer not in known:
            raise RequestError(
                f"{where}: class {name!r} asks for {answer!r}, which is not an answer of the tree; "
                f"{nearest(answer, known)}"
            )


def _limits(value: Any, where: str) -> float | list[float]:
    numbers = value if isinstance(value, list | tuple) else [value, 1]
    # A bool is an int to Python, and nan is within no range.
    valid = len(numbers) == 2 and all(type(each) in (int, float) for each in numbers)
    if not valid or not 0 <= numbers[0] <= numbers[1] <= 1:
        raise RequestError(
            f"{where} is {value!r}; expected the smallest fraction, from 0 to 1, or "
            "[smallest, largest]"
        )
    return [float(each) for each in numbers] if numbers is value else float(value)


def _apply(
    rule: str | Thresholds, fractions: np.ndarray, tree: DecisionTree, source: str
) -> tuple[Sequence[str], np.ndarray]:
    """Return the names of all the rule's classes, and each galaxy's class or NO_CLASS.

    Raises RequestError where the rule is about the answers of another tree.
    """
    if isinstance(rule, str):
        if rule not in rules_of(tree):
            raise RequestError(
                f"the rule {rule} is not of votes on {tree.title}, which {source} has: give a "
                ".toml file of thresholds"
            )
        names, classify = RULES[rule]
        return names, classify(fractions)
    for name, answers in rule.items():
        _check_answers(answers, name, source, tree.columns)
    ranges = [
        {answer: (each[0], each[1]) if isinstance(each, list) else (each, 1)
         for answer, each in answers.items()}
        for answers in rule.values()
    ]  # fmt: skip
    return list(rule), class_by_ranges(fractions, ranges, tree)


def _notes(
    rule: str | Mapping, names: Sequence[str], found: np.ndarray, kept: int, total: int
) -> list[str]:
    notes = []
    if kept < total:
        notes.append(
            f"{total - kept:,} of {total:,} galaxies have no class by {_title(rule)} and were left "
            "out."
        )
    empty = [repr(name) for place, name in enumerate(names) if place not in found]
    if empty:
        notes.append(f"Classes without a galaxy were left out: {', '.join(empty)}.")
    return notes


def _title(rule: str | Mapping) -> str:
    return "these thresholds" if isinstance(rule, Mapping) else f"the rule {rule}"
