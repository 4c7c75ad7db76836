"""How many epochs keep the minutes of a recipe: decided after each epoch by how long it took."""

from collections.abc import Sequence

from pytorch_lightning import Callback, LightningModule, Trainer

from hubblefork.recipes.settings import TrainingTable
from hubblefork.training.lightning_module import Classifier

# Epochs whose duration, on average, is expected of those to come.
_RECENT = 3


class KeepMinutes(Callback):
    """Decides after each epoch for how many epochs the training is, by how long they took.

    A checkpoint has the decisions (`Classifier.pace`) up to its epoch: a resumed training takes
    them over, and decides again after each further epoch. So two trainings have the same weights if
    the same was decided; and where the pace never changed a decision, as ever.
    """

    def __init__(self, settings: TrainingTable):
        self.settings = settings

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, Classifier)
        trainer.fit_loop.max_epochs = module.pace.epochs

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, Classifier)
        seconds = [row["seconds"] for row in module.rows]
        epochs = epochs_in_time(seconds, module.pace.epochs, self.settings)
        epochs = trainer.strategy.broadcast(epochs)  # all processes do as many
        module.pace = module.pace.changed(len(seconds), epochs)
        trainer.fit_loop.max_epochs = epochs


def epochs_in_time(seconds: Sequence[float], planned: int, settings: TrainingTable) -> int:
    """The number of epochs that fit into the minutes, after epochs that took so many seconds.

    At most the recipe's own number, and at least one more than are done: the learning rate has to
    come down. Where all that were planned are done, there are no more.

    >>> settings = TrainingTable(epochs=45, minutes=2)
    >>> epochs_in_time([10, 10], 12, settings), epochs_in_time([10, 10, 25, 25, 25], 12, settings)
    (12, 6)
    >>> epochs_in_time([100, 100], 12, settings), epochs_in_time([1, 1], 12, settings)
    (3, 45)
    """
    done, most = len(seconds), settings.epochs
    if done >= planned or settings.minutes is None:
        return planned
    recent = seconds[-_RECENT:]
    left = (60 * settings.minutes - sum(seconds)) * len(recent) / sum(recent)
    return min(most, done + max(1, int(left)))
