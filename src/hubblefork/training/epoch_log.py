"""What is shown while a network trains: a progress bar, or lines, and one line for each epoch."""

import time
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from hubblefork.core.progress import Bar, display_mode, say
from hubblefork.core.text import duration, per_second, percent
from hubblefork.runs.run import Run
from hubblefork.training.lightning_module import Classifier, Row

# Batches between updates of the bar: reading the loss and the accuracy waits for the device.
_UPDATE_EVERY = 10

# Seconds between lines within an epoch where there is no bar: a log file shows that work goes on.
_LINE_INTERVAL = 60.0


class EpochLog(Callback):
    """Writes history.csv and prints a line after each epoch; shows progress in between."""

    def __init__(self, run: Run):
        self.run = run
        self.bar: Bar | None = None
        self.left = ""  # how long all that is left takes

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero and display_mode() != "plain":
            self.bar = Bar("training", int(trainer.num_training_batches))

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.began = self.told = time.monotonic()
        self.training_seconds: float | None = None
        if self.bar:
            self.bar.restart(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}{self.left}")

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        assert isinstance(module, Classifier)
        if (index + 1) % _UPDATE_EVERY or not trainer.is_global_zero:
            return
        now = time.monotonic()
        rate = per_second(module.training_totals.images / (now - self.began))
        if self.bar:
            metrics = _metrics(module.metrics(module.training_totals)).split("  ")
            self.bar.update(index + 1, *metrics, rate)
        elif now - self.told > _LINE_INTERVAL:
            self.told = now
            batches = int(trainer.num_training_batches)
            left = duration((now - self.began) / (index + 1) * (batches - index - 1))
            epoch = f"epoch {trainer.current_epoch + 1:>3}/{trainer.max_epochs}"
            say(f"{epoch}: {index + 1:,} of {batches:,} batches, {rate}, {left} left")

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.training_seconds = time.monotonic() - self.began

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, Classifier)
        seconds = time.monotonic() - self.began
        row = module.end_epoch(seconds)
        if not trainer.is_global_zero:
            return
        self.run.save_history(module.rows)
        rate = module.training_totals.images / (self.training_seconds or seconds)
        told = f"epoch {row['epoch']:>3}/{trainer.max_epochs}  {_metrics(row)}"
        rest = (trainer.max_epochs or 0) - trainer.current_epoch - 1
        self.left = f"  {duration(rest * seconds)} left" if rest else ""
        # A terminal of 80 columns has no room for more, which is on the bar.
        say(told if self.bar else f"{told}  {per_second(rate)}{self.left}")

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self._stop()

    def on_exception(
        self, trainer: Trainer, module: LightningModule, exception: BaseException
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.bar:
            self.bar.stop()


def _metrics(row: Row) -> str:
    """
    >>> _metrics({"epoch": 1, "loss": 0.5, "rmse": 0.1234, "val_loss": float("nan"), "lr": 0.1})
    'loss 0.5000  rmse 0.1234'
    """
    shown = {
        name: percent(value) if name.endswith("accuracy") else f"{value:.4f}"
        for name, value in row.items()
        if name not in ("epoch", "lr", "seconds") and value == value
    }
    return "  ".join(f"{name} {value}" for name, value in shown.items())
