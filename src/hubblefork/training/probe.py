"""The probe: all of a network but its last layer stays as it is, and that one is found exactly.

`hubblefork train SOURCE --recipe probe` computes the features of every image once, finds the
weights of the last layer by logistic regression on them, and keeps the result as any other model.
"""

import time
from collections.abc import Iterator

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
from hubblefork.data.groups import commonest, find_groups
from hubblefork.models.deployed import DeployedModel
from hubblefork.networks.features import feature_layer
from hubblefork.runs.run import Run
from hubblefork.training.plan import Plan

# Inverse strengths of the penalty, from a classifier that is nearly constant to one that separates
# some hundred images without a mistake. They suit all networks, since features are standardised.
STRENGTHS = 10.0 ** np.arange(-5, 2)
_FOLDS = 5
# The least probability that log loss believes: the spacing of float32 at 1.
_FLOOR = float(np.finfo(np.float32).eps)
# The most bytes of features that are learnt from: 50,000 images of a network with 1,280. The last
# layer has so few weights that more of them would hardly change it.
_MOST_BYTES = 1 << 28


def check_probe(plan: Plan) -> None:
    """RequestError for votes, a network that ends otherwise, and a class in too few groups.

    Also for torch.compile, which would have nothing to do.
    """
    if plan.compiled != "off":
        raise RequestError(
            f"--compile {plan.compiled} is of training, and a probe trains no network: leave it out"
        )
    layer = feature_layer(plan.network)
    dense = isinstance(layer, nn.Linear) and layer.bias is not None
    plan.dataset.task.require_classes(
        "a probe finds the last dense layer of a network that tells classes apart"
    )
    if not dense:
        raise RequestError(
            f"a probe finds the last dense layer of a network, and {plan.recipe.network.name!r} "
            "ends in another layer: take --recipe transfer"
        )
    rows = _affordable(plan, layer.in_features)
    _folds(plan.dataset.labels[rows], _groups(plan)[rows], plan.dataset.task.names, plan.seed)


def fit_probe(plan: Plan, run: Run) -> nn.Module:
    """Find the last layer's weights, write `history.csv`, and return the network on the CPU.

    An image is learnt from in every view where predictions are averaged over several, else as it
    is and, where `view.flip` says so, flipped.

    `check_probe` tells beforehand what has none.
    """
    began = time.monotonic()
    layer = feature_layer(plan.network)
    network = plan.network.to(plan.device, memory_format=torch.channels_last).eval()
    labels = plan.dataset.labels
    rows, val = _affordable(plan, layer.in_features), plan.split.rows(plan.dataset, "val")
    if len(rows) < (all_rows := plan.split.counts()["train"]):
        say(f"learning from {len(rows):,} of the {all_rows:,} images to train on, drawn by chance")
    features = compute_features(plan, rows)
    views = len(features)
    weight, bias, strength = fit_classifier(
        features.reshape(-1, layer.in_features),
        np.tile(labels[rows], views),
        np.tile(_groups(plan)[rows], views),
        plan.dataset.task.names,
        plan.seed,
    )
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))

    row = {"epoch": 1} | _figures(torch.from_numpy(features[0] @ weight.T + bias), labels[rows])
    if len(val):
        single = DeployedModel(network, nn.Identity(), plan.view.single())
        with torch.inference_mode():
            raw = [single.answer(inputs).answers.cpu() for inputs in _inputs(plan, val, single)]
        row |= {f"val_{key}": value for key, value in _figures(torch.cat(raw), labels[val]).items()}
    row["seconds"] = time.monotonic() - began
    run.save_history([row])
    shown = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch")
    say(f"logistic regression with C = {strength:g}, chosen by cross-validation  {shown}")
    return network.to("cpu")


def compute_features(plan: Plan, rows: np.ndarray) -> np.ndarray:
    """What the last layer of a plan's network is given for rows of its dataset.

    Returns (views, N, F) float32; the first view is the fixed one.
    """
    module = DeployedModel(plan.network, nn.Identity(), plan.view)
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
    """How many views of each image are learnt from."""
    views = plan.view.number_of_views
    return views if views > 1 else 1 + plan.view.flip


def fit_classifier(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    names: tuple[str, ...],
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Logistic regression with the penalty that predicts best where it has not learnt.

    Parameters
    ----------
    features : (N, F).
    labels : (N,) from 0 to K - 1, each at least once; `names` are the K classes.
    groups : (N,) numbers; images of one group are never both learnt from and judged.
    seed : of the division into folds.

    Returns
    -------
    weight (K, F) and bias (K,), float32, of a dense layer whose softmax gives the probabilities;
    and C, the inverse strength of the penalty, of the lowest log loss in cross-validation.

    Raises RequestError where a class has one group only.
    """
    mean, std = features.mean(axis=0), features.std(axis=0)
    std[std == 0] = 1  # a feature that never changes says nothing
    standard = (features - mean) / std
    folds = PredefinedSplit(_folds(labels, groups, names, seed))
    best = (np.inf, None)
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000)
        judged = cross_val_predict(model, standard, labels, cv=folds, method="predict_proba")
        loss = -np.log(np.maximum(judged[np.arange(len(labels)), labels], _FLOOR)).mean()
        if loss >= best[0]:
            break  # the loss falls, then rises; the weaker the penalty, the longer it takes
        best = (loss, model)
    model = best[1].fit(standard, labels)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # two classes: the difference of their two numbers
        weight, bias = np.stack([-weight[0], weight[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
    weight = weight / std
    return weight.astype(np.float32), (bias - weight @ mean).astype(np.float32), model.C


def _groups(plan: Plan) -> np.ndarray:
    return find_groups(plan.dataset.table, plan.recipe.split.group)[0]


def _folds(labels: np.ndarray, groups: np.ndarray, names: tuple[str, ...], seed: int) -> np.ndarray:
    """The fold of each image: groups whole, and each class in every fold."""
    group = np.unique(groups, return_inverse=True)[1]
    stratum = commonest(group, labels)
    count = np.bincount(stratum, minlength=len(names))
    if count.min() < 2:
        raise RequestError(
            f"class {names[count.argmin()]!r} has fewer than two groups of images to learn from, "
            "too few to choose the penalty of a probe by cross-validation; add images, or take "
            "--recipe transfer"
        )
    random = np.random.default_rng(seed)
    fold = np.empty(len(stratum), np.int64)
    for each, number in enumerate(count):
        members = random.permutation(np.flatnonzero(stratum == each))
        fold[members] = np.arange(number) % min(_FOLDS, count.min())
    return fold[group]


def _affordable(plan: Plan, width: int) -> np.ndarray:
    """The training rows, or as many of them as memory is meant for."""
    rows = plan.split.rows(plan.dataset, "train")
    most = _MOST_BYTES // (4 * width * _views(plan))
    if len(rows) <= most:
        return rows
    return rows[draw(plan.dataset.labels[rows], most, plan.seed)]


def draw(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """The places of `most` of the labels (N,), in order: by chance, of each class as large a share.

    The first few of each class come before all others, so that each fold has some.

    >>> labels = np.repeat([0, 1, 2], [1000, 500, 6])
    >>> np.bincount(labels[draw(labels, 75, seed=0)])
    array([44, 25,  6])
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = pd.Series(labels[order])
    rank = shuffled.groupby(shuffled).cumcount().to_numpy()
    size = np.bincount(labels)[labels[order]]
    return np.sort(order[np.argsort((rank - _FOLDS) / size, kind="stable")[:most]])


def _figures(answers: Tensor, labels: np.ndarray) -> dict[str, float]:
    true = torch.from_numpy(labels)
    loss, hits = F.cross_entropy(answers, true), answers.argmax(dim=1) == true
    return {"loss": loss.item(), "accuracy": hits.float().mean().item()}
