"""Tasks by what files say of them."""

from collections.abc import Mapping
from typing import Any

from hubblefork.core.errors import RequestError
from hubblefork.sky.decision_tree import DecisionTree, load_tree
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Task, Unlabelled
from hubblefork.tasks.votes import Votes


def task_from_json(value: Mapping[str, Any]) -> Task:
    """Read what `Task.to_json` wrote.

    Raises RequestError for anything else.

    >>> task_from_json(Classes(("a", "b")).to_json())
    Classes(names=('a', 'b'))
    """
    match value:
        case {"kind": "classes", "names": list(names)}:
            return Classes(tuple(map(str, names)))
        case {"kind": "votes", "tree": str(name)}:
            return Votes(load_tree(name))
        case {"kind": "votes", "tree": dict(content)}:
            return Votes(DecisionTree.from_content(content))
        case {"kind": "unlabelled"}:
            return Unlabelled()
    raise RequestError(f"not a task of this version of hubblefork: {value}")
