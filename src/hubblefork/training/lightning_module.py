"""The Lightning module: one network, its loss, its optimiser, and the figures of each epoch."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import MultiStepLR, OneCycleLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel

from hubblefork.core.device import CompileMode
from hubblefork.core.errors import RequestError
from hubblefork.models.view import View
from hubblefork.networks.heads import create_head
from hubblefork.recipes.recipe import Recipe
from hubblefork.training.data_parallel import gathered, share
from hubblefork.training.losses import Objective
from hubblefork.training.optimisers import learn_last_layer_only, make_optimiser

# A loss that is not a number is looked for this often, in steps: on a GPU each look waits for it.
_LOOK_EVERY = 50

Row = dict[str, float]


@dataclass
class Totals:
    """Sums over the images of an epoch, kept on the device so that no step waits for them."""

    loss: Tensor
    merit: Tensor  # see `Objective.batch_sum`
    images: int = 0

    @classmethod
    def on(cls, device: torch.device) -> "Totals":
        return cls(torch.zeros((), device=device), torch.zeros((), device=device))

    def add(self, loss: Tensor, merit: Tensor, images: int) -> None:
        self.loss += loss.detach() * images
        self.merit += merit.detach()
        self.images += images

    def means(self) -> tuple[float, float]:
        """Mean loss and mean merit."""
        return self.loss.item() / self.images, self.merit.item() / self.images


class Classifier(LightningModule):
    """Trains a network on labelled images as a recipe says.

    Everything random in a step follows from (seed, step), and everything that carries over from
    one epoch to the next is in the checkpoint: a training that is resumed ends where it would have
    ended. Where a batch is divided over processes, each image is seen as it would be by one, and
    the loss is that of the whole batch; only dropout draws other numbers.

    Parameters
    ----------
    network
        Takes (N, C, H, W) float, gives (N, outputs) raw numbers.
    view
        From packed uint8 images to the network's input.
    recipe
        Optimiser and schedule.
    objective
        Head, loss and the figure that is shown.
    seed
        Seed of views and dropout.
    steps
        Optimiser steps in the whole training.
    compiled
        How torch.compile treats the network while it trains.
    """

    def __init__(
        self,
        network: nn.Module,
        view: View,
        recipe: Recipe,
        objective: Objective,
        seed: int,
        steps: int,
        compiled: CompileMode = "off",
    ):
        super().__init__()
        self.network = network
        self.compiled: Callable[[Tensor], Tensor] | None = None
        if compiled != "off":
            # Of the method, for a compiled module would be a second owner of the weights.
            self.compiled = torch.compile(network.forward, mode=compiled)
        self.head = create_head(objective.head, objective.task)
        decay = recipe.training.ema_decay
        self.averaged = _averaged(network, decay) if decay else None
        self.view = view
        self.recipe = recipe
        self.objective = objective
        self.seed = seed
        self.steps = steps
        self.rows: list[Row] = []  # one a finished epoch: the columns of history.csv
        self.plateau: ReduceLROnPlateau | None = None
        self.saved_plateau: dict[str, Any] | None = None

    @property
    def best_network(self) -> nn.Module:
        """The network to keep: with averaged weights where the recipe averages them."""
        return self.averaged.module if self.averaged else self.network

    def configure_optimizers(self) -> Any:
        optimiser = make_optimiser(self.network, self.recipe.optimiser)
        schedule = self.recipe.schedule
        if schedule.name == "one-cycle":
            # A warm-up of just one step is none: torch divides by its length less one.
            warm_up = schedule.warm_up if schedule.warm_up * self.steps != 1 else 0.0
            one_cycle = OneCycleLR(
                optimiser,
                max_lr=[group["lr"] for group in optimiser.param_groups],
                total_steps=self.steps,
                pct_start=warm_up,
                cycle_momentum=False,
            )
            return {
                "optimizer": optimiser,
                "lr_scheduler": {"scheduler": one_cycle, "interval": "step"},
            }
        if schedule.name == "steps":
            cuts = [round(share * self.steps) for share in schedule.cuts]
            cut = MultiStepLR(optimiser, cuts, gamma=schedule.factor)
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cut, "interval": "step"}}
        if schedule.name == "plateau":
            monitor = self._monitored()
            # Stepped in `end_epoch`, not by Lightning, which does so only after it has saved the
            # checkpoint and would lose the cut on resuming.
            self.plateau = ReduceLROnPlateau(
                optimiser,
                mode="max" if monitor.endswith("accuracy") else "min",
                factor=schedule.factor,
                patience=schedule.patience - 1,  # Keras cuts at, torch after, that many epochs
                threshold=schedule.min_delta,
                # A hundredth is a small step in accuracy and a very large one in RMSE.
                threshold_mode="rel" if monitor.endswith("rmse") else "abs",
            )
        return optimiser

    def on_train_batch_start(self, *_: Any) -> None:
        # Anew for each step, since loaders and callbacks draw from the same generator, and do so
        # in another order when a training goes on.
        _seed(self.device, self._step_seed())

    def on_train_epoch_start(self) -> None:
        self.training_totals = Totals.on(self.device)
        self.validation_totals = Totals.on(self.device)
        if alone_for := self.recipe.training.freeze_epochs:
            learn_last_layer_only(self.network, self.current_epoch < alone_for)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        images, labels = batch
        processes = self.trainer.world_size
        start = share(len(labels), self.global_rank, processes).start
        inputs = self.view.random(images, len(labels), start)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        if self.global_rank:  # dropout's numbers, which are not to be those of another process
            _seed(self.device, self._step_seed() + (self.global_rank << 40))
        raw = (self.compiled or self.network)(inputs)
        smoothing = self.recipe.training.label_smoothing
        loss = self._score(raw, labels, self.training_totals, smoothing)
        if index % _LOOK_EVERY == 0 and not torch.isfinite(loss):
            self._diverged()
        return loss * processes  # gradients are averaged over processes, and have to be summed

    def _step_seed(self) -> int:
        return self.seed * 1_000_003 + self.global_step

    def on_train_batch_end(self, *_: Any) -> None:
        if self.averaged:
            self.averaged.update_parameters(self.network)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, labels = batch
        inputs = self.view.fixed(images).contiguous(memory_format=torch.channels_last)
        self._score(self.best_network(inputs), labels, self.validation_totals)

    def _score(self, raw: Tensor, labels: Tensor, totals: Totals, smoothing: float = 0.0) -> Tensor:
        """The loss of a batch, which is added to the totals of the epoch.

        raw: of this process's share of the batch; labels: of all of it.
        """
        if self.trainer.world_size > 1:
            raw = gathered(raw, len(labels))
        answers = self.head(raw)
        loss = self.objective.loss(raw, answers, labels, smoothing)
        totals.add(loss, self.objective.batch_sum(answers, labels), len(labels))
        return loss

    def end_epoch(self, seconds: float) -> Row:
        """Close an epoch after its validation: its row of the history, and the plateau's step."""
        loss, figure = self.figures(self.training_totals)
        if not math.isfinite(loss):
            self._diverged()
        name = self.objective.metric.name
        row = {"epoch": self.current_epoch + 1, "loss": loss, name: figure}
        if self.validation_totals.images:
            row["val_loss"], row[f"val_{name}"] = self.figures(self.validation_totals)
            self.log("val_loss", row["val_loss"])
        row["lr"] = self.trainer.optimizers[0].param_groups[0]["lr"]
        row["seconds"] = seconds
        self.rows.append(row)
        if self.plateau:
            self.plateau.step(row[self._monitored()])
        return row

    def figures(self, totals: Totals) -> tuple[float, float]:
        """Loss, and accuracy or RMSE, of all images in the totals."""
        loss, merit = totals.means()
        return loss, self.objective.epoch_metric(merit)

    def _monitored(self) -> str:
        """What the plateau watches: votes have no accuracy, so the RMSE stands in for it."""
        return self.recipe.schedule.monitor.replace("accuracy", self.objective.metric.name)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.rows
        if self.plateau:
            checkpoint["plateau"] = self.plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.rows = checkpoint["history"]
        self.saved_plateau = checkpoint.get("plateau")

    def on_train_start(self) -> None:
        # The optimiser, and with it the plateau, is made after the checkpoint has been read.
        if self.plateau and self.saved_plateau:
            self.plateau.load_state_dict(self.saved_plateau)

    def _diverged(self) -> None:
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        raise RequestError(
            f"training stopped in epoch {self.current_epoch + 1}: the loss is not a number any "
            f"more (learning rate {rate:.3g}); --set learning_rate to a tenth of that"
        )


def _seed(device: torch.device, number: int) -> None:
    """As `torch.manual_seed`, which takes a millisecond to note who asked, for absent devices."""
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        torch.cuda.manual_seed(number)


def _averaged(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of weights and batch statistics."""

    @torch.no_grad()
    def average(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        # A short memory at first, so that the random first weights are soon forgotten.
        weight = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, weight)
        else:
            torch._foreach_copy_(averaged, current)

    return AveragedModel(network, multi_avg_fn=average, use_buffers=True).requires_grad_(False)
