"""The loss of a training, and the metric that is displayed with it.

For classes it is the cross-entropy. For votes it is the mean squared error of the fractions, its
root (the score of Kaggle's challenge), or, if the number of volunteers of each galaxy is known, the
likelihood of their votes. `--set loss=NAME` chooses it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from hubblefork.core.errors import RequestError, first_few
from hubblefork.networks.heads import choose_head
from hubblefork.recipes.recipe import Recipe
from hubblefork.sky.decision_tree import DecisionTree
from hubblefork.tasks.metric import Metric
from hubblefork.tasks.task import VOLUNTEERS, Task

# Added below the root, whose gradient at 0 is infinite; far below any measured squared error.
_TINY = 1e-12

# Bounds of the logarithm of a concentration: with a few dozen votes per galaxy, larger and smaller
# concentrations have practically the same likelihood as these.
_MOST_LOG = 10.0


def _correct(answers: Tensor, labels: Tensor) -> Tensor:
    """The number of images whose class is the most probable one."""
    return (answers.argmax(dim=1) == labels).sum()


def _squared_error(answers: Tensor, labels: Tensor) -> Tensor:
    """The sum over galaxies of the squared error, averaged over the answers."""
    return (answers - labels[:, : answers.shape[1]]).square().mean(dim=1).sum()


# Training metrics of tasks by name: what is summed over a batch, and what its mean becomes.
_EPOCH_METRICS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[float], float]]] = {
    "accuracy": (_correct, float),
    "rmse": (_squared_error, math.sqrt),
}


@dataclass(frozen=True)
class Objective:
    """The head, the loss and the metric of one training.

    Labels are those of the task: class indices (N,) int64; or vote fractions (N, K) float32, with
    the number of volunteers in one more column if `counts_votes`.

    adjustment: (classes,), added to the logits in the loss only, or none.
    """

    task: Task
    head: str
    loss_name: str
    adjustment: tuple[float, ...] = ()

    @property
    def metric(self) -> Metric:
        """The name of the metric that is displayed with the loss."""
        return self.task.training_metric

    @property
    def counts_votes(self) -> bool:
        """Whether the loss needs the number of volunteers of each galaxy."""
        return self.loss_name == "dirichlet-multinomial"

    def loss(self, raw: Tensor, answers: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean loss of a batch.

        raw, answers: (N, outputs), the logits and the output of the head.
        smoothing: label smoothing of classes.
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
        tree = self.task.tree
        fractions, volunteers = labels.split([self.task.outputs, 1], dim=1)
        votes = votes_cast(fractions, volunteers, tree)
        return -dirichlet_multinomial(raw, votes, tree).mean().float()

    def with_logit_adjustment(self, labels: np.ndarray, strength: float) -> "Objective":
        """The same with logits adjusted for the class frequencies (Menon et al. 2021).

        labels: of the training set. The network is trained as if the frequency of each class were
        raised to the power of 1 - strength, in [0, 1]: 0 changes nothing, with 1 all classes are
        equally frequent. Votes have no class frequencies, and are not adjusted.
        """
        counts = np.array(list(self.task.class_counts(labels).values()))
        if not strength or not len(counts):
            return self
        frequency = np.maximum(counts, 1) / len(labels)  # a class may have no training images
        return replace(self, adjustment=tuple((strength * np.log(frequency)).tolist()))

    def batch_sum(self, answers: Tensor, labels: Tensor) -> Tensor:
        """The sum over a batch from which `epoch_metric` computes the metric of an epoch."""
        return _EPOCH_METRICS[self.metric.name][0](answers, labels)

    def epoch_metric(self, mean: float) -> float:
        """The metric of an epoch, from the mean of `batch_sum` over its images."""
        return _EPOCH_METRICS[self.metric.name][1](mean)

    def labels(self, labels: np.ndarray, table: pd.DataFrame) -> Tensor:
        """The labels of a dataset in the form that this loss takes."""
        if not self.counts_votes:
            return torch.tensor(labels)
        volunteers = table[VOLUNTEERS].to_numpy(np.float32)
        return torch.tensor(np.column_stack([labels, volunteers]))


def choose_objective(recipe: Recipe, task: Task, table: pd.DataFrame, source: str) -> Objective:
    """Resolve head and loss of a recipe for the labels of a source.

    Raises RequestError where there are no labels, and where head or loss do not fit them.
    """
    if not task.heads:
        raise RequestError(f"{source} has no labels to learn from")
    name = recipe.training.loss
    try:
        head = choose_head(recipe.network.head, task)
        _check_loss(name, head, task)
    except RequestError as error:
        raise RequestError(f"recipe {recipe.name!r} does not fit {source}: {error}") from error
    objective = Objective(task, head, task.default_loss if name == "auto" else name)
    if objective.counts_votes:
        _check_volunteers(table, source)
    return objective


def _check_loss(name: str, head: str, task: Task) -> None:
    if name not in ("auto", *task.losses):
        task.refuse(f"the loss {name!r}", task.losses, "loss=auto")
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
            f"{source}: {wrong.sum():,} rows have a {VOLUNTEERS!r} that is not a number of 1 or "
            f"more: {first_few(table['id'][wrong])}"
        )


def votes_cast(fractions: Tensor, volunteers: Tensor, tree: DecisionTree) -> Tensor:
    """The number of volunteers who gave each answer, from fractions (N, answers) and the number of
    volunteers (N, 1).

    A fraction is already of all volunteers. The exceptions are questions that are not asked after
    some answer although their fractions sum to 1, and the questions that follow from them.
    """
    votes = fractions * volunteers
    for question in tree.questions:
        if unless := tree.unless(question):
            votes[:, question.columns] *= 1 - fractions[:, tree.index(unless), None]
    return votes


def dirichlet_multinomial(raw: Tensor, votes: Tensor, tree: DecisionTree) -> Tensor:
    """The log-likelihood (N,) of all votes on each galaxy, as in Walmsley et al. 2022.

    The votes on a question are drawn with probabilities that are themselves drawn from a Dirichlet
    distribution (MNRAS 509, 3966). Here its concentrations are the exponentials of the logits, so
    that its mean is the softmax of the `tree` head: the network predicts both the fractions and
    their uncertainty. A question that nobody was asked contributes nothing.

    raw, votes: (N, answers); votes need not be whole numbers.
    """
    # In float64, because logarithms of large factorials are subtracted from each other.
    votes = votes.double()
    strength = raw.double().clamp(-_MOST_LOG, _MOST_LOG).exp()
    answers = torch.lgamma(strength + votes) - torch.lgamma(strength) - torch.lgamma(votes + 1)
    places = [question.number - 1 for question in tree.question_of]
    question_of = torch.tensor(places, device=raw.device)
    empty = raw.new_zeros((len(raw), len(tree.questions)), dtype=torch.float64)
    all_votes, all_strength, all_answers = (
        empty.index_add(1, question_of, values) for values in (votes, strength, answers)
    )
    questions = torch.lgamma(all_strength) - torch.lgamma(all_strength + all_votes)
    return (questions + torch.lgamma(all_votes + 1) + all_answers).sum(dim=1)
