"""Heads: what turns a network's raw numbers into probabilities of classes or fractions of votes.

A network gives one raw number for each class, or for each answer of a decision tree. The head
follows it, has nothing to learn, and is named in the model file, so that prediction applies the one
that was trained. `--set head=NAME` chooses it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hubblefork.core.errors import RequestError, nearest
from hubblefork.sky.decision_tree import DecisionTree
from hubblefork.tasks.task import Task

# Added to every answer of `dieleman` before they are divided by their sum: where a network gives
# nothing above 0, all answers are equal instead of 0 / 0. At values around 1, as networks give
# them, an answer can still fall to a thousandth.
_LEAST = 1e-3

# What a padded place holds in the table of questions: no such answer.
_EMPTY = -torch.inf


def choose_head(name: str, task: Task) -> str:
    """Resolve `auto`: the default head of the task, `softmax` for classes, `tree` for votes.

    Raises RequestError for an unknown head, and for one that does not answer this task.

    >>> from hubblefork.tasks.classes import Classes
    >>> from hubblefork.tasks.votes import Votes
    >>> choose_head("auto", Votes()), choose_head("auto", Classes(("a", "b")))
    ('tree', 'softmax')
    """
    if name == "auto":
        return task.default_head
    if name not in HEADS:
        raise RequestError(f"no head is called {name!r}; {nearest(name, ('auto', *HEADS))}")
    if name not in task.heads:
        task.refuse(f"the head {name!r}", task.heads, "head=auto --set loss=auto")
    return name


def create_head(name: str, task: Task) -> nn.Module:
    """Make a head of a task: a module from (N, outputs) raw numbers to as many answers.

    It computes in float32, whatever it is given, so that sums hold under autocast too.

    >>> from hubblefork.tasks.votes import Votes
    >>> head = create_head("tree", Votes())
    >>> fractions = head(torch.zeros(1, 37))
    >>> round(float(fractions[0, 3]), 4)  # edge-on: half of the third who saw a disk
    0.1667
    """
    return HEADS[name](task)


class Softmax(nn.Module):
    """Probabilities of classes that exclude each other; each row sums to 1."""

    def forward(self, raw: Tensor) -> Tensor:
        return torch.softmax(raw.float(), dim=1)


class Sigmoid(nn.Module):
    """A fraction in (0, 1) for each answer by itself, as published system 3 has it.

    Nothing ties the answers of a question together: their sums do not follow the tree.
    """

    def forward(self, raw: Tensor) -> Tensor:
        return torch.sigmoid(raw.float())


class TreeHead(nn.Module):
    """Fractions that satisfy every sum of a decision tree, whatever the network gives.

    The answers of a question share the fraction of its parent answer, which shares that of its
    own parent, up to the questions that everybody is asked.

    Parameters
    ----------
    shares
        Takes (N, questions, most answers) raw numbers, -inf where a question has fewer answers;
        gives each answer's share of its question: 0 or more, together 1.
    tree
        Its answers are the columns of the raw numbers.
    """

    table: Tensor
    seats: Tensor
    ancestors: Tensor

    def __init__(self, shares: Callable[[Tensor], Tensor], tree: DecisionTree):
        super().__init__()
        self.shares = shares
        table, seats, ancestors = _layout(tree)
        for name, places in {"table": table, "seats": seats, "ancestors": ancestors}.items():
            self.register_buffer(name, torch.tensor(places), persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        asked = F.pad(raw.float(), (0, 1), value=_EMPTY)[:, self.table]
        own = self.shares(asked).flatten(1)[:, self.seats]
        of_all = F.pad(own, (0, 1), value=1.0)
        fractions = own
        for generation in self.ancestors:
            fractions = fractions * of_all[:, generation]
        return fractions


def _layout(tree: DecisionTree) -> tuple[list[list[int]], list[int], list[list[int]]]:
    """Lay the answers out for computing all questions at once.

    Returns the columns of each question, filled up to the longest; the place of each column in
    that table, counted row by row; and the parent of each column, its parent's parent and so on.
    The column after the last stands for "no such answer" in the first, for "all" in the last.
    """
    none = len(tree.columns)
    widest = max(len(question.answers) for question in tree.questions)
    table, seats, parent = [], [], []
    for row, question in enumerate(tree.questions):
        columns = list(range(none))[question.columns]
        table.append(columns + [none] * (widest - len(columns)))
        seats += [row * widest + place for place in range(len(columns))]
        parent += [none if question.parent is None else tree.index(question.parent)] * len(columns)
    ancestors, generation = [], [*parent]
    while set(generation) != {none}:
        ancestors.append(generation)
        generation = [none if place == none else parent[place] for place in generation]
    return table, seats, ancestors


def _softmax_shares(asked: Tensor) -> Tensor:
    return torch.softmax(asked, dim=-1)


def _divided_shares(asked: Tensor) -> Tensor:
    """Values below 0 cut off, then divided by their sum (Dieleman et al. 2015)."""
    values = (F.relu(asked) + _LEAST).masked_fill(asked == _EMPTY, 0.0)
    return values / values.sum(dim=-1, keepdim=True)


HEADS: dict[str, Callable[[Task], nn.Module]] = {
    "softmax": lambda task: Softmax(),
    "sigmoid": lambda task: Sigmoid(),
    "tree": lambda task: TreeHead(_softmax_shares, task.tree),
    "dieleman": lambda task: TreeHead(_divided_shares, task.tree),
}
