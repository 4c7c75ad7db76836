"""What a label means: one of several classes, vote fractions down a decision tree, or nothing."""

from dataclasses import dataclass
from typing import Any

from hubblefork.core.errors import RequestError
from hubblefork.sky.decision_tree import GALAXY_ZOO_2

# The column of a table that says how many people looked at each galaxy, where that is known.
VOLUNTEERS = "volunteers"


@dataclass(frozen=True)
class Classes:
    """Each image belongs to exactly one of `names`; a table's `label` column holds its index.

    >>> Classes(("elliptical", "spiral")).outputs
    2
    """

    names: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """How many numbers a network gives for one image."""
        return len(self.names)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "classes", "names": list(self.names)}


@dataclass(frozen=True)
class Votes:
    """Each image has the fraction of volunteers for every answer of the Galaxy Zoo 2 tree.

    A table holds one column for each of the 37 answers, named as Kaggle names them.

    >>> Votes().outputs, Votes().columns[:2]
    (37, ('Class1.1', 'Class1.2'))
    """

    @property
    def columns(self) -> tuple[str, ...]:
        return GALAXY_ZOO_2.columns

    @property
    def outputs(self) -> int:
        return len(self.columns)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "votes", "tree": "galaxy-zoo-2"}


@dataclass(frozen=True)
class Unlabelled:
    """Nothing is known of the images; they can be looked at and predicted.

    >>> Unlabelled().outputs
    0
    """

    outputs: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"kind": "unlabelled"}


Task = Classes | Votes | Unlabelled


def task_from_json(value: dict[str, Any]) -> Task:
    """Read what `to_json` wrote.

    >>> task_from_json(Classes(("a", "b")).to_json())
    Classes(names=('a', 'b'))
    """
    match value:
        case {"kind": "classes", "names": list(names)}:
            return Classes(tuple(names))
        case {"kind": "votes", "tree": "galaxy-zoo-2"}:
            return Votes()
        case {"kind": "unlabelled"}:
            return Unlabelled()
    raise RequestError(f"not a task of this version of hubblefork: {value}")
