"""Train one network on one packed dataset with Lightning: a kill costs one epoch at most."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import nn

from hubblefork.data.dataset import PackedDataset
from hubblefork.data.splits import Split
from hubblefork.data.views import View
from hubblefork.errors import RequestError
from hubblefork.files import replacing
from hubblefork.networks.registry import create_network
from hubblefork.training.allocator import keep_freed_memory
from hubblefork.training.batches import balanced_chunks, batches
from hubblefork.training.device import Precision
from hubblefork.training.losses import Objective, choose_objective
from hubblefork.training.module import Classifier
from hubblefork.training.recipe import Recipe
from hubblefork.training.reporting import Reporter
from hubblefork.training.run import Run

# Pictures that the mean and deviation of the training part are taken from: the error of a mean
# over so many is far below one grey level.
_STATISTICS_FROM = 5_000
# And the most bytes that these may take together, where pictures are large.
_STATISTICS_BYTES = 128 << 20
# Validation needs no gradients, so its batches can be larger; memory stays small all the same.
_VALIDATION_BATCH = 256


@dataclass(frozen=True)
class Plan:
    """A training that has been checked and can start: nothing has been written yet."""

    recipe: Recipe
    dataset: PackedDataset
    split: Split
    seed: int
    device: torch.device
    precision: Precision
    view: View
    network: nn.Module
    objective: Objective


def plan(
    recipe: Recipe,
    dataset: PackedDataset,
    split: Split,
    seed: int,
    device: torch.device,
    precision: Precision,
) -> Plan:
    """Make view and network for a recipe and a dataset; RequestError where they do not fit."""
    objective = choose_objective(recipe, dataset.task, dataset.table, dataset.source)
    rows = split.rows(dataset, "train")
    if len(rows) < 2 * recipe.training.chunks:  # no batch of one: see BatchRows
        raise RequestError(
            f"training.chunks is {recipe.training.chunks}, for {len(rows)} pictures to train on; "
            "each chunk needs two or more: --set chunks=1"
        )
    view = make_view(recipe, dataset, rows)
    torch.manual_seed(seed)
    network = make_network(recipe, dataset.images.shape[3], dataset.task.outputs)
    return Plan(recipe, dataset, split, seed, device, precision, view, network, objective)


def make_network(recipe: Recipe, channels: int, outputs: int) -> nn.Module:
    """The network of a recipe, with fresh weights; RequestError where it does not fit."""
    size = recipe.view.size or recipe.data.size
    shape = (channels, size, size)
    return create_network(recipe.network.name, shape, outputs, recipe.network.options)


def make_view(recipe: Recipe, dataset: PackedDataset, rows: np.ndarray) -> View:
    """The view of a recipe; where it standardises, with statistics of the training rows alone."""
    channels = dataset.images.shape[3]
    mean, deviation = np.zeros(channels), np.ones(channels)
    if recipe.view.normalise == "train":
        number = max(1, min(_STATISTICS_FROM, _STATISTICS_BYTES // dataset.images[0].nbytes))
        sample = np.sort(np.random.default_rng(0).permutation(rows)[:number])
        values = dataset.images[sample].reshape(-1, channels)
        mean = values.mean(axis=0, dtype=np.float64) / 255
        # A channel without any contrast must not be divided by nothing.
        deviation = np.maximum(values.std(axis=0, dtype=np.float64) / 255, 1 / 255)
    return View(
        size=recipe.view.size or dataset.images.shape[1],
        mean=tuple(float(value) for value in mean.round(6)),
        deviation=tuple(float(value) for value in deviation.round(6)),
        field=recipe.view.field,
        rotate=recipe.view.rotate,
        flip=recipe.view.flip,
        zoom=recipe.view.zoom,
        shift=recipe.view.shift,
        symmetries=recipe.view.symmetries,
    )


def fit(plan: Plan, run: Run) -> nn.Module:
    """Train, or go on from the run's last checkpoint, and return the network to keep, on the CPU.

    Writes `history.csv` and `checkpoints/` (last.ckpt, and best.ckpt where there is a validation
    part) after each epoch.
    """
    keep_freed_memory()
    settings = plan.recipe.training
    train_rows = plan.split.rows(plan.dataset, "train")
    val_rows = plan.split.rows(plan.dataset, "val")
    images = plan.dataset.images
    labels = plan.objective.labels(plan.dataset.labels, plan.dataset.table)
    chunks = balanced_chunks(train_rows, labels[train_rows].numpy(), settings.chunks, plan.seed)
    loader = batches(
        images, labels, chunks, settings.batch_size, seed=plan.seed, epochs=settings.epochs
    )
    module = Classifier(
        plan.network.to(memory_format=torch.channels_last),
        plan.view,
        plan.recipe,
        plan.objective,
        plan.seed,
        steps=len(loader) * settings.all_epochs,
    )
    last = run.checkpoints / "last.ckpt"
    with _quiet():
        trainer = Trainer(
            accelerator="gpu" if plan.device.type == "cuda" else "cpu",
            devices=1,
            precision="bf16-mixed" if plan.precision == "bf16" else "32-true",
            max_epochs=settings.all_epochs,
            callbacks=_callbacks(plan.recipe, run, validates=len(val_rows) > 0),
            plugins=[_WholeCheckpoints()],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        try:
            trainer.fit(
                module,
                loader,
                batches(images, labels, [val_rows], _VALIDATION_BATCH) if len(val_rows) else None,
                ckpt_path=last if last.is_file() else None,
                weights_only=True,
            )
        except SystemExit as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None  # Lightning hides Ctrl-C
            raise
    best = run.checkpoints / "best.ckpt"
    if settings.keep == "best":
        checkpoint = torch.load(best, map_location="cpu", weights_only=True)
        module.load_state_dict(checkpoint["state_dict"])
    return module.best_network.to("cpu")


def _callbacks(recipe: Recipe, run: Run, validates: bool) -> list[Any]:
    callbacks: list[Any] = [Reporter(run, recipe.training.all_epochs)]
    common = {
        "dirpath": run.checkpoints,
        "save_on_train_epoch_end": True,  # after validation, with the epoch's row in it
        "enable_version_counter": False,
    }
    if validates:
        callbacks.append(ModelCheckpoint(monitor="val_loss", filename="best", **common))
    if recipe.training.early_stopping:
        callbacks.append(
            _EarlyStopping(
                monitor="val_loss",
                patience=recipe.training.early_stopping,
                check_on_train_epoch_end=True,
            )
        )
    callbacks.append(ModelCheckpoint(filename="last", **common))
    return callbacks


class _EarlyStopping(EarlyStopping):
    """Early stopping that also holds where a run goes on after its patience had run out."""

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class _WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints are replaced whole: a kill while one is written leaves the one before."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        with replacing(path, binary=True) as file:
            torch.save(checkpoint, file)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice for its own users from the people who wait for a training."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        yield
