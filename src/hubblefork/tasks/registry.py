"""Tasks by what files say of them."""

from collections.abc import Mapping
from typing import Any

from hubblefork.core.errors import RequestError
from hubblefork.sky.decision_tree import DecisionTree, load_tree, tree_names
from hubblefork.tasks.classes import Classes, check_names
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
            check_names(names)
            return Classes(tuple(names))
        # Only those that come with hubblefork: load_tree would read any file of the machine.
        case {"kind": "votes", "tree": str(name)} if name in tree_names():
            return Votes(load_tree(name))
        case {"kind": "votes", "tree": dict(content)}:
            return Votes(DecisionTree.from_content(content))
        case {"kind": "unlabelled"}:
            return Unlabelled()
    raise RequestError(f"not a task of this version of hubblefork: {value}")
