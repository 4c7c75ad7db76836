"""What a training makes small, and the figure that is shown beside it.

Classes have the cross-entropy and show the accuracy. Votes have the mean squared error of the 37
fractions, its root (the score of Kaggle's challenge), or, where it is known how many volunteers
looked at each galaxy, the likelihood of their votes; they show the RMSE. `--set loss=NAME`
chooses.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from hubblefork.core.errors import RequestError, first_few
from hubblefork.networks.heads import choose_head
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.task import VOLUNTEERS, Classes, Task, Votes
from hubblefork.training.recipe import Recipe

# The root of 0 has no slope. Far below the square of any error that is measured.
_TINY = 1e-12

# Bounds of the logarithm of a concentration: e^10 votes cannot be told from certainty by the few
# dozen that are cast, and e^-10 not from none.
_MOST_LOG = 10.0

_ANSWERS = len(GALAXY_ZOO_2.columns)
# The question that each answer belongs to, by its place in the tree.
_QUESTION_OF = [place for place, each in enumerate(GALAXY_ZOO_2.questions) for _ in each.answers]


@dataclass(frozen=True)
class Objective:
    """The head, the loss and the figure of one training.

    Labels are class numbers (N,) int64; or fractions of votes (N, 37) float32, with the number of
    volunteers in a 38th column where `counts_votes`.

    adjustment: (classes,), added to the logits in the loss alone, or none.
    """

    head: str
    loss_name: str
    adjustment: tuple[float, ...] = ()

    @property
    def figure_name(self) -> Literal["accuracy", "rmse"]:
        return "accuracy" if self.loss_name == "cross-entropy" else "rmse"

    @property
    def counts_votes(self) -> bool:
        """Whether the loss needs the number of volunteers of each galaxy."""
        return self.loss_name == "dirichlet-multinomial"

    def loss(self, raw: Tensor, answers: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean loss of a batch.

        raw, answers: (N, outputs), what the network gives and what the head makes of it.
        smoothing: of the labels of classes.
        """
        match self.loss_name:
            case "cross-entropy":
                raw = raw.float()
                if self.adjustment:
                    raw = raw + raw.new_tensor(self.adjustment)
                return F.cross_entropy(raw, labels, label_smoothing=smoothing)
            case "mse":
                return F.mse_loss(answers, labels)
            case "rmse":
                return torch.sqrt(F.mse_loss(answers, labels) + _TINY)
        votes = votes_cast(labels[:, :_ANSWERS], labels[:, _ANSWERS:])
        return -dirichlet_multinomial(raw, votes).mean().float()

    def with_logit_adjustment(
        self, labels: np.ndarray, classes: int, strength: float
    ) -> "Objective":
        """The same with logits adjusted for the shares of the classes (Menon et al. 2021).

        labels: (N,) of the training set. What is learnt is as if each class had its share to the
        power of 1 - strength, in [0, 1]: 0 changes nothing, with 1 all classes count alike.
        """
        if not strength or self.figure_name != "accuracy":
            return self
        counts = np.bincount(labels, minlength=classes)
        shares = np.maximum(counts, 1) / len(labels)  # a class may have no training images
        return replace(self, adjustment=tuple((strength * np.log(shares)).tolist()))

    def merit(self, answers: Tensor, labels: Tensor) -> Tensor:
        """The sum over a batch that the figure of an epoch is made from.

        For classes the number of right answers; for votes the sum over galaxies of the squared
        error, averaged over the 37 answers.
        """
        if self.figure_name == "accuracy":
            return (answers.argmax(dim=1) == labels).sum()
        return (answers - labels[:, :_ANSWERS]).square().mean(dim=1).sum()

    def figure(self, merit: float) -> float:
        """Accuracy or RMSE, from the mean of `merit` over the images."""
        return merit if self.figure_name == "accuracy" else merit**0.5

    def labels(self, labels: np.ndarray, table: pd.DataFrame) -> Tensor:
        """The labels of a dataset as this loss takes them."""
        if not self.counts_votes:
            return torch.tensor(labels)
        volunteers = table[VOLUNTEERS].to_numpy(np.float32)
        return torch.tensor(np.column_stack([labels, volunteers]))


def choose_objective(recipe: Recipe, task: Task, table: pd.DataFrame, source: str) -> Objective:
    """Resolve head and loss of a recipe for the labels of a source.

    Raises RequestError where there are no labels, and where head or loss do not fit them.
    """
    if not isinstance(task, Classes | Votes):
        raise RequestError(f"{source} has no labels to learn from")
    name = recipe.training.loss
    try:
        head = choose_head(recipe.network.head, task)
        _check_loss(name, head, task)
    except RequestError as error:
        raise RequestError(f"recipe {recipe.name!r} does not fit {source}: {error}") from error
    if name == "auto":
        name = "mse" if isinstance(task, Votes) else "cross-entropy"
    objective = Objective(head, name)
    if objective.counts_votes:
        _check_volunteers(table, source)
    return objective


def _check_loss(name: str, head: str, task: Task) -> None:
    if isinstance(task, Votes) and name == "cross-entropy":
        raise RequestError(
            "the loss 'cross-entropy' is of classes, and these labels are fractions of votes: "
            "--set loss=auto, or make classes of the votes by --classes"
        )
    if isinstance(task, Classes) and name not in ("auto", "cross-entropy"):
        raise RequestError(
            f"the loss {name!r} is of votes, and these labels are classes: --set loss=auto"
        )
    if name == "dirichlet-multinomial" and head != "tree":
        raise RequestError(
            f"the loss 'dirichlet-multinomial' needs the head 'tree', not {head!r}: --set head=tree"
        )


def _check_volunteers(table: pd.DataFrame, source: str) -> None:
    if VOLUNTEERS not in table:
        raise RequestError(
            f"the loss 'dirichlet-multinomial' counts votes, but {source} has no column "
            f"{VOLUNTEERS!r} that says how many people looked at each galaxy: --set loss=mse"
        )
    number = pd.to_numeric(table[VOLUNTEERS], errors="coerce")
    wrong = ~(number.ge(1) & np.isfinite(number))
    if wrong.any():
        raise RequestError(
            f"{source}: {wrong.sum():,} rows have a {VOLUNTEERS!r} that is no number from 1 on: "
            f"{first_few(table['id'][wrong])}"
        )


def votes_cast(fractions: Tensor, volunteers: Tensor) -> Tensor:
    """How many volunteers gave each answer: (N, 37) fractions and (N, 1) people to (N, 37).

    A fraction is already of all volunteers. The exceptions are "anything odd", which is not asked
    after "star or artefact", but whose fractions always sum to 1, and what the odd feature is.
    """
    votes = fractions * volunteers
    for number in (6, 8):
        columns = GALAXY_ZOO_2.question(number).columns
        votes[:, columns] *= 1 - fractions[:, GALAXY_ZOO_2.index("Class1.3"), None]
    return votes


def dirichlet_multinomial(raw: Tensor, votes: Tensor) -> Tensor:
    """The log-likelihood (N,) of all votes on each galaxy, after Walmsley et al. 2022.

    The votes on a question are drawn with chances that are themselves drawn from a Dirichlet
    distribution (MNRAS 509, 3966). Here its concentrations are the exponentials of
    the raw numbers, so that their mean is the softmax of the `tree` head: the same network tells
    the fractions, and how sure it is of them. A question that nobody reached says nothing.

    raw, votes: (N, 37); votes need not be whole numbers.
    """
    # In float64, for the logarithms of large factorials are subtracted from one another.
    votes = votes.double()
    strength = raw.double().clamp(-_MOST_LOG, _MOST_LOG).exp()
    answers = torch.lgamma(strength + votes) - torch.lgamma(strength) - torch.lgamma(votes + 1)
    question_of = torch.tensor(_QUESTION_OF, device=raw.device)
    empty = raw.new_zeros((len(raw), len(GALAXY_ZOO_2.questions)), dtype=torch.float64)
    all_votes, all_strength, all_answers = (
        empty.index_add(1, question_of, values) for values in (votes, strength, answers)
    )
    questions = torch.lgamma(all_strength) - torch.lgamma(all_strength + all_votes)
    return (questions + torch.lgamma(all_votes + 1) + all_answers).sum(dim=1)
