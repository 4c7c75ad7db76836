"""Heads: from the logits of a network to probabilities of classes or vote fractions.

A network returns one logit for each class, or for each answer of a decision tree. The head is
applied to them and has no parameters; the model file contains its name, so that prediction uses the
same head as training. `--set head=NAME` chooses it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hubblefork.core.errors import RequestError, nearest
from hubblefork.sky.decision_tree import DecisionTree
from hubblefork.tasks.task import Task

# Added to every answer of `dieleman` before the division by their sum: if no output of a network is
# above 0, all answers are equal instead of 0 / 0. The outputs are around 1, so that the smallest
# fraction is about a thousandth.
_LEAST = 1e-3

# Value of the padding in the table of questions: no such answer.
_EMPTY = -torch.inf


def choose_head(name: str, task: Task) -> str:
    """Resolve `auto`: the default head of the task, `softmax` for classes, `tree` for votes.

    Raises RequestError for an unknown head, and for one of another task.

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
    """Make a head of a task: a module from logits (N, outputs) to values of the same shape.

    It computes in float32 for any input, so that sums are exact under autocast too.

    >>> from hubblefork.tasks.votes import Votes
    >>> head = create_head("tree", Votes())
    >>> fractions = head(torch.zeros(1, 37))
    >>> round(float(fractions[0, 3]), 4)  # edge-on: half of the third who answered "disk"
    0.1667
    """
    return HEADS[name](task)


class Softmax(nn.Module):
    """Probabilities of classes that exclude each other; each row sums to 1."""

    def forward(self, raw: Tensor) -> Tensor:
        return torch.softmax(raw.float(), dim=1)


class Sigmoid(nn.Module):
    """An independent fraction in (0, 1) for each answer, as in published system 3.

    The fractions of a question do not sum to that of its parent answer.
    """

    def forward(self, raw: Tensor) -> Tensor:
        return torch.sigmoid(raw.float())


class TreeHead(nn.Module):
    """Fractions that satisfy every sum of a decision tree, for any logits.

    The fractions of the answers of a question sum to that of its parent answer, up to the questions
    that all volunteers are asked.

    Parameters
    ----------
    normalise
        Takes logits (N, questions, most answers), -inf where a question has fewer answers, and
        returns the fraction of each answer among those of its question: 0 or more, with sum 1.
    tree
        Its answers are the columns of the logits.
    """

    table: Tensor
    positions: Tensor
    ancestors: Tensor

    def __init__(self, normalise: Callable[[Tensor], Tensor], tree: DecisionTree):
        super().__init__()
        self.normalise = normalise
        table, positions, ancestors = _layout(tree)
        buffers = {"table": table, "positions": positions, "ancestors": ancestors}
        for name, indices in buffers.items():
            self.register_buffer(name, torch.tensor(indices), persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        questions = F.pad(raw.float(), (0, 1), value=_EMPTY)[:, self.table]
        conditional = self.normalise(questions).flatten(1)[:, self.positions]
        of_all = F.pad(conditional, (0, 1), value=1.0)
        fractions = conditional
        for generation in self.ancestors:
            fractions = fractions * of_all[:, generation]
        return fractions


def _layout(tree: DecisionTree) -> tuple[list[list[int]], list[int], list[list[int]]]:
    """The indices to compute all questions at once.

    Returns the columns of each question, padded to the longest; the position of each column in
    that table, counted row by row; and the parent of each column, its parent's parent and so on.
    The index after the last column means "no such answer" in the first, and "all" in the last.
    """
    none = len(tree.columns)
    widest = max(len(question.answers) for question in tree.questions)
    table, positions, parent = [], [], []
    for row, question in enumerate(tree.questions):
        columns = list(range(none))[question.columns]
        table.append(columns + [none] * (widest - len(columns)))
        positions += [row * widest + place for place in range(len(columns))]
        parent += [none if question.parent is None else tree.index(question.parent)] * len(columns)
    ancestors, generation = [], [*parent]
    while set(generation) != {none}:
        ancestors.append(generation)
        generation = [none if place == none else parent[place] for place in generation]
    return table, positions, ancestors


def _softmax(questions: Tensor) -> Tensor:
    return torch.softmax(questions, dim=-1)


def _divide_by_sum(questions: Tensor) -> Tensor:
    """Values below 0 become 0, and all are divided by their sum (Dieleman et al. 2015)."""
    values = (F.relu(questions) + _LEAST).masked_fill(questions == _EMPTY, 0.0)
    return values / values.sum(dim=-1, keepdim=True)


HEADS: dict[str, Callable[[Task], nn.Module]] = {
    "softmax": lambda task: Softmax(),
    "sigmoid": lambda task: Sigmoid(),
    "tree": lambda task: TreeHead(_softmax, task.tree),
    "dieleman": lambda task: TreeHead(_divide_by_sum, task.tree),
}
