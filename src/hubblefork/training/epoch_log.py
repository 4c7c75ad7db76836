"""What a person sees while a network trains: a progress bar on a terminal, one line each epoch."""

import time
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from hubblefork.core.progress import on_terminal, say
from hubblefork.runs.run import Run
from hubblefork.training.lightning_module import Classifier, Row

# Batches between updates of the bar: reading loss and accuracy waits for the device.
_UPDATE_EVERY = 10


class EpochLog(Callback):
    """Closes each epoch: writes history.csv and prints a line; moves the bar in between."""

    def __init__(self, run: Run, epochs: int):
        self.run = run
        self.epochs = epochs
        self.bar: Any = None
        self.task: Any = None

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero and on_terminal():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[figures]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self.bar.start()
            self.task = self.bar.add_task("", figures="", total=trainer.num_training_batches)

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.began = time.monotonic()
        self.training_seconds: float | None = None
        if self.bar:
            title = f"epoch {trainer.current_epoch + 1}/{self.epochs}"
            self.bar.reset(self.task, description=title, figures="")

    def on_train_batch_end(
        self, trainer: Trainer, module: Classifier, outputs: Any, batch: Any, index: int
    ) -> None:
        if self.bar and (index + 1) % _UPDATE_EVERY == 0:
            rate = module.training_totals.images / (time.monotonic() - self.began)
            line = f"{_metrics(module.metrics(module.training_totals))}  {rate:,.0f} images/s"
            self.bar.update(self.task, completed=index + 1, figures=line)

    def on_validation_start(self, trainer: Trainer, module: Classifier) -> None:
        self.training_seconds = time.monotonic() - self.began

    def on_train_epoch_end(self, trainer: Trainer, module: Classifier) -> None:
        seconds = time.monotonic() - self.began
        row = module.end_epoch(seconds)
        if not trainer.is_global_zero:
            return
        self.run.save_history(module.rows)
        rate = module.training_totals.images / (self.training_seconds or seconds)
        epoch = f"epoch {row['epoch']:>3}/{self.epochs}"
        line = f"{epoch}  {_metrics(row)}  {rate:,.0f} images/s  {seconds:.1f} s"
        if self.bar:
            self.bar.console.print(line, highlight=False, soft_wrap=True)
        else:
            say(line)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self._stop()

    def on_exception(
        self, trainer: Trainer, module: LightningModule, exception: BaseException
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        # Else the terminal would be left without a cursor.
        if self.bar:
            self.bar.stop()


def _metrics(row: Row) -> str:
    """
    >>> _metrics({"epoch": 1, "loss": 0.5, "rmse": 0.1234, "val_loss": float("nan"), "lr": 0.1})
    'loss 0.5000  rmse 0.1234'
    """
    shown = {
        name: f"{value:6.2%}" if name.endswith("accuracy") else f"{value:.4f}"
        for name, value in row.items()
        if name not in ("epoch", "lr", "seconds") and value == value
    }
    return "  ".join(f"{name} {value}" for name, value in shown.items())
