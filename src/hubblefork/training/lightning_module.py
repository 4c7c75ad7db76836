"""The Lightning module: one network, its loss, its optimiser, and the metrics of each epoch."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel

from hubblefork.core.errors import RequestError
from hubblefork.core.precision import CompileMode
from hubblefork.models.view import View
from hubblefork.networks.heads import create_head
from hubblefork.recipes.recipe import Recipe
from hubblefork.runs.run import history_columns
from hubblefork.training.batch_statistics import has_batch_statistics, measure_batch_statistics
from hubblefork.training.data_parallel import gathered, part_of_batch
from hubblefork.training.losses import Objective
from hubblefork.training.mixed_weights import MixedWeights, hold_statistics
from hubblefork.training.optimisers import make_optimiser, train_last_layer_only
from hubblefork.training.schedules import Pace, rate_factor

# Steps between checks that the loss is finite: on a GPU each check waits for the device.
_CHECK_EVERY = 50

# Batches that the statistics of averaged weights are measured on: a thousand images, as a rule.
_MEASURED = 16

Row = dict[str, float]


@dataclass
class Totals:
    """Sums over the images of an epoch, kept on the device so that no step has to wait for it."""

    loss: Tensor
    metric: Tensor  # see `Objective.batch_sum`
    images: int = 0

    @classmethod
    def on(cls, device: torch.device) -> "Totals":
        return cls(torch.zeros((), device=device), torch.zeros((), device=device))

    def add(self, loss: Tensor, metric: Tensor, images: int) -> None:
        self.loss += loss.detach() * images
        self.metric += metric.detach()
        self.images += images

    def means(self) -> tuple[float, float]:
        """Mean loss and mean of what the metric sums."""
        return self.loss.item() / self.images, self.metric.item() / self.images


class Classifier(LightningModule):
    """Trains a network on labelled images as a recipe says.

    All random numbers of a step follow from (seed, step), and all state is in the checkpoint: a
    resumed training ends with the weights of an uninterrupted one. Where a batch is divided over
    processes, each image is augmented as by a single process, and the loss is that of the whole
    batch; only dropout draws other numbers.

    Parameters
    ----------
    network
        From (N, C, H, W) float to (N, outputs) logits.
    view
        Preprocessing and augmentation, from packed uint8 images to the network's input.
    recipe
        Optimiser and schedule.
    objective
        Head, loss and training metric.
    seed
        Random seed of augmentation and dropout.
    pace
        Optimiser steps of an epoch, and epochs of the training, which may change on the way.
    frozen
        Number of first epochs that train the last layer only.
    compiled
        Mode of torch.compile for the network in training.
    """

    def __init__(
        self,
        network: nn.Module,
        view: View,
        recipe: Recipe,
        objective: Objective,
        seed: int,
        pace: Pace,
        frozen: int = 0,
        compiled: CompileMode = "off",
    ):
        super().__init__()
        self.network = network
        self.compiled: Callable[[Tensor], Tensor] | None = None
        if compiled != "off":
            # The method only: a compiled module would register the weights a second time.
            self.compiled = torch.compile(network.forward, mode=compiled)
        self.head = create_head(objective.head, objective.task)
        decay = recipe.training.ema_decay
        self.averaged = _averaged(network, decay) if decay else None
        fraction = recipe.training.start_fraction
        self.mixed = MixedWeights(network, fraction) if fraction else None
        self.view = view
        self.recipe = recipe
        self.objective = objective
        self.seed = seed
        self.pace = pace
        self.frozen = frozen
        self.rows: list[Row] = []  # one for each finished epoch, as in history.csv
        self.plateau: ReduceLROnPlateau | None = None
        self.saved_plateau: dict[str, Any] | None = None

    @property
    def best_network(self) -> nn.Module:
        """The network to validate and save: of averaged or mixed weights where the recipe says."""
        if self.mixed:
            return self.mixed.module
        return self.averaged.module if self.averaged else self.network

    def configure_optimizers(self) -> Any:
        optimiser = make_optimiser(self.network, self.recipe.optimiser)
        schedule = self.recipe.schedule
        if schedule.name in ("one-cycle", "steps"):
            # Half a step: each has the rate of its middle.
            rate = LambdaLR(
                optimiser, lambda step: rate_factor(schedule, self.pace.after(step + 0.5))
            )
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rate, "interval": "step"}}
        if schedule.name == "plateau":
            monitor = self._monitored()
            # Stepped in `end_epoch`: Lightning would step it after it has saved the checkpoint, and
            # a resumed training would miss the cut.
            self.plateau = ReduceLROnPlateau(
                optimiser,
                mode="max" if monitor.endswith("accuracy") else "min",
                factor=schedule.factor,
                patience=schedule.patience - 1,  # Keras cuts at that many epochs, torch after them
                threshold=schedule.min_delta,
                # 0.01 is a small step in accuracy and a very large one in RMSE.
                threshold_mode="rel" if monitor.endswith("rmse") else "abs",
            )
        return optimiser

    def on_train_batch_start(self, *_: Any) -> None:
        # For each step, since loaders and callbacks use the same generator, and do so in another
        # order when a training is resumed.
        _seed(self.device, self._step_seed())

    def on_train_epoch_start(self) -> None:
        self.training_totals = Totals.on(self.device)
        self.validation_totals = Totals.on(self.device)
        if self.frozen:
            train_last_layer_only(self.network, self.current_epoch < self.frozen)
        if self.mixed:
            hold_statistics(self.network)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        images, labels = batch
        processes = self.trainer.world_size
        start = part_of_batch(len(labels), self.global_rank, processes).start
        inputs = self.view.random(images, len(labels), start)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        if self.global_rank:  # dropout has to differ between processes
            _seed(self.device, self._step_seed() + (self.global_rank << 40))
        raw = (self.compiled or self.network)(inputs)
        smoothing = self.recipe.training.label_smoothing
        loss = self._score(raw, labels, self.training_totals, smoothing)
        if index % _CHECK_EVERY == 0 and not torch.isfinite(loss):
            self._diverged()
        return (
            loss * self.trainer.world_size
        )  # DDP averages the gradients over processes; they have to be summed

    def _step_seed(self) -> int:
        return self.seed * 1_000_003 + self.global_step

    def on_train_batch_end(self, *_: Any) -> None:
        if self.averaged:
            self.averaged.update_parameters(self.network)
        if self.mixed and self.trainer.is_last_batch:
            trained = self.averaged.module if self.averaged else self.network
            if self.current_epoch < self.frozen:  # the training of all layers begins after it
                self.mixed.begin_from(trained)
            self.mixed.update(trained)
        elif self.averaged and self.trainer.is_last_batch and self.current_epoch >= self.frozen:
            self._measure_batch_statistics(self.averaged.module)

    def _measure_batch_statistics(self, network: nn.Module) -> None:
        if not has_batch_statistics(network):
            return
        strategy, loader = self.trainer.strategy, self.trainer.train_dataloader
        assert loader is not None
        batches = islice(loader, _MEASURED)
        # The view of predictions, whose statistics random ones do not have: they are blurred.
        views = (self.view.fixed(strategy.batch_to_device(images)) for images, _ in batches)
        inputs = (each.contiguous(memory_format=torch.channels_last) for each in views)
        with strategy.precision_plugin.forward_context():
            measure_batch_statistics(network, inputs)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, labels = batch
        inputs = self.view.fixed(images).contiguous(memory_format=torch.channels_last)
        self._score(self.best_network(inputs), labels, self.validation_totals)

    def _score(self, raw: Tensor, labels: Tensor, totals: Totals, smoothing: float = 0.0) -> Tensor:
        """The loss of a batch; adds it to the totals of the epoch.

        raw: logits of this process's part of the batch; labels: of the whole batch.
        """
        if self.trainer.world_size > 1:
            raw = gathered(raw, len(labels))
        answers = self.head(raw)
        loss = self.objective.loss(raw, answers, labels, smoothing)
        totals.add(loss, self.objective.batch_sum(answers, labels), len(labels))
        return loss

    def end_epoch(self, seconds: float) -> Row:
        """Close an epoch after its validation: log and return its row of the history."""
        training = self.metrics(self.training_totals)
        if not math.isfinite(training["loss"]):
            self._diverged()
        row = dict.fromkeys(history_columns(self.objective.metric.name), math.nan)
        row |= {"epoch": self.current_epoch + 1, **training}
        self.log_dict(training)
        if self.validation_totals.images:
            validation = self.metrics(self.validation_totals)
            row |= {f"val_{name}": value for name, value in validation.items()}
            self.log_dict({f"val_{name}": value for name, value in validation.items()})
        row["lr"] = self.trainer.optimizers[0].param_groups[0]["lr"]
        row["seconds"] = seconds
        self.log("lr", row["lr"])
        self.rows.append(row)
        if self.plateau:
            self.plateau.step(row[self._monitored()])
        return row

    def metrics(self, totals: Totals) -> Row:
        """Loss and training metric (accuracy or RMSE) of all images in the totals."""
        loss, metric = totals.means()
        return {"loss": loss, self.objective.metric.name: self.objective.epoch_metric(metric)}

    def _monitored(self) -> str:
        """The column that the plateau watches: for votes, RMSE in place of accuracy."""
        return self.recipe.schedule.monitor.replace("accuracy", self.objective.metric.name)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.rows
        checkpoint["pace"] = asdict(self.pace)
        if self.plateau:
            checkpoint["plateau"] = self.plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.rows = checkpoint["history"]
        self.pace = Pace(**checkpoint["pace"])
        self.saved_plateau = checkpoint.get("plateau")

    def on_train_start(self) -> None:
        # The optimiser, and with it the plateau, is made after the checkpoint has been read.
        if self.plateau and self.saved_plateau:
            self.plateau.load_state_dict(self.saved_plateau)

    def _diverged(self) -> None:
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        raise RequestError(
            f"training stopped in epoch {self.current_epoch + 1}: the loss is not a number "
            f"(learning rate {rate:.3g}); --set learning_rate to a tenth of that"
        )


def _seed(device: torch.device, number: int) -> None:
    """As `torch.manual_seed`, but without the millisecond that it spends on absent devices."""
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        torch.cuda.manual_seed(number)


def _averaged(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of weights and batch statistics."""

    Tensors = tuple[Tensor, ...] | list[Tensor]

    @torch.no_grad()
    def average(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        # A smaller decay at first, so that the random initial weights are soon forgotten.
        weight = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, weight)
        else:
            torch._foreach_copy_(averaged, current)

    return AveragedModel(network, multi_avg_fn=average, use_buffers=True).requires_grad_(False)
