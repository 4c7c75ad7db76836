"""Train one network on one packed dataset with Lightning; a kill loses one epoch at most."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor, nn

from hubblefork.core.allocator import keep_freed_memory
from hubblefork.core.device import explain_out_of_memory_in_training, images_at_once
from hubblefork.core.files import replacing
from hubblefork.core.progress import say
from hubblefork.core.text import several
from hubblefork.recipes.recipe import Recipe
from hubblefork.runs.run import Run
from hubblefork.training.batches import PackedRows, balanced_chunks, batches, has_room, resident
from hubblefork.training.data_parallel import BatchNormOfAll, share_batch_norm
from hubblefork.training.epoch_log import EpochLog
from hubblefork.training.keep_minutes import KeepMinutes
from hubblefork.training.lightning_module import Classifier
from hubblefork.training.plan import Plan
from hubblefork.training.probe import begins_with_probe, fit_last_layer
from hubblefork.training.processes import spawn
from hubblefork.training.schedules import Pace
from hubblefork.training.time_limit import with_epochs

# Validation batches are so many times larger: without gradients they take the same memory.
_LARGER = 4


def fit(
    plan: Plan, run: Run, callbacks: Sequence[Callback] = (), loggers: Sequence[Logger] = ()
) -> nn.Module:
    """Train, or resume from the run's last checkpoint, and return the network on the CPU.

    Writes `history.csv` and `checkpoints/` (last.ckpt, and best.ckpt where there is a validation
    set) after each epoch. callbacks, loggers: Lightning's, beside our own.

    Where the recipe has a time limit, the run's recipe afterwards has the number of epochs that
    the training was for in the end, and no limit.

    Of several processes that a launcher started, only the first returns the trained weights.
    Raises RequestError where the loss diverges, or where a batch does not fit the memory.
    """
    if plan.world.size > 1 and plan.world.launcher is None:
        spawn(plan.world, _train, plan, run, callbacks, loggers)
    else:
        _train(plan, run, callbacks, loggers)
    if plan.world.is_first:
        _load_checkpoint(plan, run)
        if plan.recipe.training.minutes:
            epochs = run.checkpoint("last")["pace"]["epochs"]
            run.save_recipe(with_epochs(plan.recipe, epochs))
    return plan.network.to("cpu")


def _train(plan: Plan, run: Run, callbacks: Sequence[Callback], loggers: Sequence[Logger]) -> None:
    """Train in this process, with the other processes of the plan's world."""
    keep_freed_memory()
    settings = plan.recipe.training
    last = run.checkpoints / "last.ckpt"
    if last.is_file():
        run.checkpoint("last")  # RequestError where it is damaged: Lightning would fail anyhow
    probed = begins_with_probe(plan)
    if probed and plan.world.is_first and not last.is_file():  # the others are given its weights
        fit_last_layer(plan)
        plan.network.train()
    frozen = 0 if probed else settings.freeze_epochs
    epochs = settings.chunks * plan.epochs
    if frozen >= epochs:
        say(
            f"only the last layer is trained: training.freeze_epochs is {frozen}, of "
            f"{several(epochs, 'epoch')} in all; --set freeze_epochs=0 trains all layers"
        )
    with _quiet():
        trainer = _trainer(plan, run, frozen, callbacks, loggers)
        rank, device = trainer.global_rank, trainer.strategy.root_device
        images, labels = plan.dataset.images, _labels(plan)
        rows = {part: plan.split.rows(plan.dataset, part) for part in ("train", "val")}
        chunks = balanced_chunks(
            rows["train"], labels[rows["train"]].numpy(), settings.chunks, plan.seed
        )
        on_device = has_room(device, images)
        packed = PackedRows(
            resident(images, device) if on_device else images,
            labels.to(device) if on_device else labels,
            rank,
            plan.world.size,
        )
        pinned = device.type == "cuda" and not on_device
        loader = batches(packed, chunks, settings.batch_size, plan.seed, settings.epochs, pinned)
        most = min(images_at_once(plan.view.size), _LARGER * settings.batch_size)
        validation = batches(packed, [rows["val"]], most, pinned=pinned)
        pace = Pace(len(loader), epochs)
        module = _classifier(plan, pace, frozen, device)
        for each in trainer.loggers:
            each.log_hyperparams(plan.recipe.to_toml() | {"seed": plan.seed})
        with (
            BatchNormOfAll() if plan.world.size > 1 else nullcontext(),
            explain_out_of_memory_in_training(settings.batch_size, plan.view.size),
        ):
            try:
                trainer.fit(
                    module,
                    loader,
                    validation if len(rows["val"]) else None,
                    ckpt_path=last if last.is_file() else None,
                    weights_only=True,
                )
            except SystemExit as error:
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise error.__context__ from None  # Lightning hides Ctrl-C
                raise


def _trainer(
    plan: Plan, run: Run, frozen: int, callbacks: Sequence[Callback], loggers: Sequence[Logger]
) -> Trainer:
    on_gpu = plan.device.type == "cuda"
    if on_gpu:
        # TF32 in products of float32 matrices, as torch does by default in convolutions.
        torch.backends.cuda.matmul.allow_tf32 = True
    strategy: Any = "auto"
    if plan.world.size > 1:
        strategy = DDPStrategy(
            # Frozen layers take no part in the first epochs.
            find_unused_parameters=frozen > 0,
            gradient_as_bucket_view=True,
            broadcast_buffers=False,  # batch normalisation is over all, so they are equal anyway
        )
    validates = plan.split.counts()["val"] > 0
    return Trainer(
        accelerator="gpu" if on_gpu else "cpu",
        devices=plan.world.devices,
        num_nodes=plan.world.nodes,
        strategy=strategy,
        plugins=[_WholeCheckpoints(), plan.world.environment],
        use_distributed_sampler=False,  # `PackedRows` divides the batches
        precision="bf16-mixed" if plan.precision == "bf16" else "32-true",
        benchmark=on_gpu,  # cuDNN's fastest kernels, since all batches have one shape
        max_epochs=plan.recipe.training.all_epochs,
        # EpochLog first: it logs the metrics of an epoch, which the others read.
        callbacks=[
            EpochLog(run),
            *callbacks,
            *_own_callbacks(plan.recipe, run, validates),
        ],
        logger=loggers or False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def _labels(plan: Plan) -> Tensor:
    return plan.objective.labels(plan.dataset.labels, plan.dataset.table)


def _classifier(plan: Plan, pace: Pace, frozen: int, device: torch.device) -> Classifier:
    network = plan.network.to(memory_format=torch.channels_last)
    if plan.world.size > 1:
        network = share_batch_norm(network, device)
    return Classifier(
        network, plan.view, plan.recipe, plan.objective, plan.seed, pace, frozen, plan.compiled
    )


def _load_checkpoint(plan: Plan, run: Run) -> None:
    """Load the weights of the best or the last epoch, as the recipe says, into the network."""
    settings = plan.recipe.training
    weights = run.checkpoint(settings.checkpoint)["state_dict"]
    prefix = "averaged.module." if settings.ema_decay else "network."
    prefix = "mixed.module." if settings.start_fraction else prefix
    plan.network.load_state_dict(
        {
            name.removeprefix(prefix): value
            for name, value in weights.items()
            if name.startswith(prefix)
        }
    )


def _own_callbacks(recipe: Recipe, run: Run, validates: bool) -> list[Callback]:
    callbacks: list[Callback] = []
    if recipe.training.minutes:
        callbacks.append(KeepMinutes(recipe.training))
    common: dict[str, Any] = {
        "dirpath": run.checkpoints,
        "save_on_train_epoch_end": True,  # after validation, with the epoch's row in it
        "enable_version_counter": False,
    }
    if validates:
        callbacks.append(_Checkpoint(monitor="val_loss", filename="best", **common))
    if recipe.training.early_stopping:
        callbacks.append(
            _EarlyStopping(
                monitor="val_loss",
                patience=recipe.training.early_stopping,
                check_on_train_epoch_end=True,
            )
        )
    callbacks.append(_Checkpoint(filename="last", **common))
    return callbacks


class _Checkpoint(ModelCheckpoint):
    """Finds its best epoch also in a run folder that was moved; Lightning would forget it."""

    dirpath: str  # always given here

    def load_state_dict(self, state: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(self.dirpath, Path(path).name)) if path else path

        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved = {name: here(state[name]) for name in paths}
        best = {here(path): score for path, score in state["best_k_models"].items()}
        super().load_state_dict(state | moved | {"dirpath": self.dirpath, "best_k_models": best})


class _EarlyStopping(EarlyStopping):
    """Stops also where a run is resumed after its patience had run out."""

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class _WholeCheckpoints(TorchCheckpointIO):
    """Replaces checkpoints as a whole: a kill during writing leaves the previous one."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        with replacing(path, binary=True) as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:
                # After Ctrl-C, or on a full disk, torch closes the file, and fails because some of
                # it is missing.
                if isinstance(error.__context__, KeyboardInterrupt | OSError):
                    raise error.__context__ from None
                raise


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide Lightning's tips, which are for programmers."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        yield
