"""The probe: a frozen network whose last layer is fitted by logistic regression on its features.

`hubblefork train SOURCE --recipe probe` computes the features of every training image once, fits
the weights of the last layer, and saves the result as any other model.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from torch import Tensor, nn
from torch.nn import functional as F

from hubblefork.core.device import images_at_once
from hubblefork.core.errors import RequestError
from hubblefork.core.progress import progress, say
from hubblefork.data.folds import deal_folds, groups_per_class
from hubblefork.data.groups import dataset_groups
from hubblefork.models.deployed import DeployedModel
from hubblefork.networks.features import feature_layer
from hubblefork.runs.run import Run, history_columns
from hubblefork.training.logistic import dense_layer
from hubblefork.training.plan import Plan

# Inverse strengths of the penalty, from a classifier that is nearly constant to one that separates
# some hundred images without a mistake. They suit all networks, since features are standardised.
STRENGTHS = 10.0 ** np.arange(-5, 2)
_FOLDS = 5
_LEAST_GROUPS = 2  # of images of each class, to choose the penalty by cross-validation
# Probabilities are clipped here in the log loss: the spacing of float32 at 1.
_FLOOR = float(np.finfo(np.float32).eps)
# Most bytes of features to fit: 50,000 images of a network with 1,280 features. The last layer has
# so few weights that more images would hardly change it.
_MOST_BYTES = 1 << 28


def check_probe(plan: Plan) -> None:
    """Check that a plan can be fitted as a probe.

    Raises RequestError for votes, for a network that does not end in a dense layer, for a class
    with too few groups of images, and for torch.compile, which would have nothing to compile.
    """
    if plan.compiled != "off":
        raise RequestError(
            f"--compile {plan.compiled} is for training, and a probe trains no network: leave it "
            "out"
        )
    plan.dataset.task.require_classes(
        "a probe fits the last dense layer of a network that classifies"
    )
    rows = _training_rows(plan, _last_layer(plan).in_features)
    _number_of_folds(plan.dataset.labels[rows], _groups(plan)[rows], plan.dataset.task.names)


def fit_probe(plan: Plan, run: Run, features: np.ndarray | None = None) -> nn.Module:
    """Fit the last layer, write `history.csv`, and return the network on the CPU.

    The features are those of every view that predictions are averaged over; if that is one view,
    those of the image and, with `view.flip`, of the flipped image.

    `check_probe` checks the plan beforehand. features: what `features_of_all` gives, or None.
    """
    began = time.monotonic()
    fitted = fit_last_layer(plan, features)
    rows, labels, layer = fitted.rows, plan.dataset.labels, _last_layer(plan)
    logits = F.linear(torch.from_numpy(fitted.features[0]), layer.weight, layer.bias).detach()

    row = {"epoch": 1} | _metrics(logits, labels[rows])
    if len(val := plan.split.rows(plan.dataset, "val")):
        single = DeployedModel(plan.network, nn.Identity(), plan.view.single())
        with torch.inference_mode():
            logits = torch.cat([single.answer(x).answers.cpu() for x in _inputs(plan, val, single)])
        row |= {f"val_{name}": value for name, value in _metrics(logits, labels[val]).items()}
    shown = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch")
    empty = dict.fromkeys(history_columns("accuracy"), float("nan"))
    run.save_history([empty | row | {"seconds": time.monotonic() - began}])
    say(f"logistic regression with C = {fitted.strength:g}, chosen by cross-validation  {shown}")
    return plan.network.to("cpu")


def begins_with_probe(plan: Plan) -> bool:
    """Whether `training.probe_first` says so and the last layer can be fitted."""
    layer, task = feature_layer(plan.network), plan.dataset.task
    if not (plan.recipe.training.probe_first and task.exclusive and _is_dense(layer)):
        return False
    rows = _training_rows(plan, layer.in_features)
    labels, groups = plan.dataset.labels[rows], _groups(plan)[rows]
    return bool(groups_per_class(labels, groups, len(task.names)).min() >= _LEAST_GROUPS)


@dataclass(frozen=True)
class FittedLayer:
    """rows (N,): the training images; features (views, N, F); strength: C, the inverse penalty."""

    rows: np.ndarray
    features: np.ndarray
    strength: float


def features_of_all(plan: Plan) -> np.ndarray | None:
    """The features (views, N, F) of all images, for the fits of plans with other splits.

    None where they would not be the same for another split, since pixel values are standardised by
    the training set, and where they would take much memory.
    """
    rows, width = np.arange(len(plan.dataset)), _last_layer(plan).in_features
    large = len(rows) * _bytes_of_each(plan, width) > _MOST_BYTES
    if large or plan.recipe.view.normalise == "train":
        return None
    return compute_features(plan, rows)


def fit_last_layer(plan: Plan, features: np.ndarray | None = None) -> FittedLayer:
    """Fit the last layer of a plan's network, on its device, to the training images.

    features: of all images of the dataset, as `features_of_all` gives them; None: they are
    computed.
    """
    layer = _last_layer(plan)
    plan.network.to(plan.device).to(memory_format=torch.channels_last).eval()
    rows = _training_rows(plan, layer.in_features)
    if len(rows) < (all_rows := plan.split.counts()["train"]):
        say(f"fitting a random sample of {len(rows):,} of the {all_rows:,} training images")
    found = compute_features(plan, rows) if features is None else features[:, rows]
    views = len(found)
    weight, bias, strength = fit_classifier(
        found.reshape(-1, layer.in_features),
        np.tile(plan.dataset.labels[rows], views),
        np.tile(_groups(plan)[rows], views),
        plan.dataset.task.names,
        plan.seed,
    )
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return FittedLayer(rows, found, strength)


def _last_layer(plan: Plan) -> nn.Linear:
    layer = feature_layer(plan.network)
    if not _is_dense(layer):
        raise RequestError(
            f"a probe fits the last dense layer of a network, and {plan.recipe.network.name!r} "
            "ends in another layer: use --recipe transfer"
        )
    return layer


def _is_dense(layer: nn.Module) -> TypeGuard[nn.Linear]:
    return isinstance(layer, nn.Linear) and layer.bias is not None


def compute_features(plan: Plan, rows: np.ndarray) -> np.ndarray:
    """The input of the last layer of a plan's network, for rows of its dataset.

    Returns (views, N, F) float32; the first view is the fixed one.
    """
    network = plan.network.to(plan.device).to(memory_format=torch.channels_last)
    module = DeployedModel(network, nn.Identity(), plan.view)
    flipped = _views(plan) > plan.view.number_of_views
    batches = []
    with (
        progress("computing features", len(rows)) as done,
        torch.inference_mode(),
        torch.autocast(plan.device.type, torch.bfloat16, plan.precision == "bf16"),
    ):
        for inputs in _inputs(plan, rows, module):
            shown = [inputs, inputs.flip(-1)] if flipped else [inputs]
            found = torch.cat([module.answer(each).features for each in shown], dim=1)
            batches.append(found.transpose(0, 1).cpu().numpy())
            done(len(inputs))
    return np.concatenate(batches, axis=1)


def _inputs(plan: Plan, rows: np.ndarray, module: DeployedModel) -> Iterator[Tensor]:
    """The network's input (N, C, H, W) for one batch of rows after another."""
    most = images_at_once(plan.view.size)
    for start in range(0, len(rows), most):
        images = torch.from_numpy(plan.dataset.images[rows[start : start + most]])
        yield module.preprocess(images.to(plan.device))


def _views(plan: Plan) -> int:
    """The number of views of each image in the fit."""
    views = plan.view.number_of_views
    return views if views > 1 else 1 + plan.view.flip


def fit_classifier(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    names: tuple[str, ...],
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Logistic regression with the penalty of the lowest log loss in cross-validation.

    Parameters
    ----------
    features : (N, F).
    labels : (N,) from 0 to K - 1, each at least once; `names` are the K classes.
    groups : (N,) numbers; images of one group are always in the same fold.
    seed : of the division into folds.

    Returns
    -------
    weight (K, F) and bias (K,), float32, of a dense layer whose softmax gives the probabilities;
    and C, the inverse strength of the penalty.

    Raises RequestError where a class has one group only.
    """
    mean, std = features.mean(axis=0), features.std(axis=0)
    std[std == 0] = 1  # a constant feature
    standard = (features - mean) / std
    number = _number_of_folds(labels, groups, names)
    folds = PredefinedSplit(deal_folds(labels, groups, number, seed))
    best: tuple[float, Any] = (np.inf, None)
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000)
        predicted = cross_val_predict(model, standard, labels, cv=folds, method="predict_proba")
        loss = -np.log(np.maximum(predicted[np.arange(len(labels)), labels], _FLOOR)).mean()
        if loss >= best[0]:
            break  # the loss falls, then rises; the weaker the penalty, the longer a fit takes
        best = (loss, model)
    model = best[1].fit(standard, labels)
    weight, bias = dense_layer(model)
    weight = weight / std
    return weight.astype(np.float32), (bias - weight @ mean).astype(np.float32), model.C


def _groups(plan: Plan) -> np.ndarray:
    return dataset_groups(plan.dataset, plan.recipe.split.ties()).of_row


def _number_of_folds(labels: np.ndarray, groups: np.ndarray, names: tuple[str, ...]) -> int:
    """Five, or fewer if a class has fewer groups of images, so that each class is in every fold."""
    count = groups_per_class(labels, groups, len(names))
    if count.min() < _LEAST_GROUPS:
        raise RequestError(
            f"class {names[count.argmin()]!r} has fewer than two groups of training images, "
            "too few to choose the penalty of a probe by cross-validation; add images, or use "
            "--recipe transfer"
        )
    return min(_FOLDS, int(count.min()))


def _bytes_of_each(plan: Plan, width: int) -> int:
    """The bytes of the features of an image."""
    return 4 * width * _views(plan)


def _training_rows(plan: Plan, width: int) -> np.ndarray:
    """The training rows, or a sample whose features, `width` each, are of _MOST_BYTES."""
    rows = plan.split.rows(plan.dataset, "train")
    most = _MOST_BYTES // _bytes_of_each(plan, width)
    if len(rows) <= most:
        return rows
    return rows[stratified_sample(plan.dataset.labels[rows], most, plan.seed)]


def stratified_sample(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Positions of `most` of the labels (N,), in ascending order: the same fraction of each class.

    The first few of each class come before all others, so that each fold has some.

    >>> labels = np.repeat([0, 1, 2], [1000, 500, 6])
    >>> np.bincount(labels[stratified_sample(labels, 75, seed=0)])
    array([44, 25,  6])
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = pd.Series(labels[order])
    rank = shuffled.groupby(shuffled).cumcount().to_numpy()
    size = np.bincount(labels)[labels[order]]
    return np.sort(order[np.argsort((rank - _FOLDS) / size, kind="stable")[:most]])


def _metrics(logits: Tensor, labels: np.ndarray) -> dict[str, float]:
    true = torch.from_numpy(labels)
    loss, hits = F.cross_entropy(logits, true), logits.argmax(dim=1) == true
    return {"loss": loss.item(), "accuracy": hits.float().mean().item()}
