"""From a source to a finished run: pack, split, train, evaluate on the test set, report."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback
from pytorch_lightning.loggers import Logger
from torch import nn

from hubblefork.core.arguments import as_path, as_whole, wrong
from hubblefork.core.device import choose_compile, choose_device
from hubblefork.core.progress import say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.framing import colour_of
from hubblefork.data.sources import with_columns
from hubblefork.models.file_format import current_versions
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import save_model
from hubblefork.models.predictor import Predictor
from hubblefork.networks.registry import count_parameters, registered_name
from hubblefork.recipes.recipe import check_settings
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.plan import Plan
from hubblefork.training.probe import fit_probe
from hubblefork.training.processes import check_sendable, join
from hubblefork.workflow.calibrate import calibrate
from hubblefork.workflow.evaluation_outputs import measure_test_part
from hubblefork.workflow.start_run import (
    LARGEST_SEED,
    Request,
    data_settings,
    device_name,
    read_plan,
    start_run,
)


def train(
    source: Any,
    recipe: str | Path | None = None,
    *,
    network: str | nn.Module | None = None,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
    crop: int | None = None,
    size: int | None = None,
    grey: bool = False,
    classes: str | Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    compile: str = "off",
    resume: bool = False,
    labels: str | Path | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    logger: Logger | Sequence[Logger] | None = None,
) -> Run:
    """Train a classifier on labelled images, evaluate it on its test set, and write a report.

    Parameters
    ----------
    source
        A name, a directory with one folder per class, a catalogue, or arrays `(images, labels)` and
        tables in memory: see `hubblefork.open_source`.
    recipe
        Name of a recipe or path of a TOML file; `default` where none is given.
    network
        In place of the recipe's network: the name of another, or a torch module to train as it is,
        from (N, C, H, W) float to (N, outputs) logits. The module's class has to be registered, and
        its options given in `settings`, as `{"network.options.width": 8}`.
    out
        The run folder to make; by default `runs/<date>/<recipe>-<dataset>-<time>`.
    settings
        Values of the recipe to override, by key: `{"epochs": 20}`.
    columns, mosaics
        Of a catalogue: see `hubblefork.open_source`.
    crop, size, grey, classes
        As `inspect` takes them; the same as the settings `data.crop`, `data.size`, `data.grey` and
        `data.classes`.
    seed
        Random seed of the split, the initial weights, the batch order and the augmentation.
    device
        `auto`, `cpu` or `cuda`.
    precision
        `auto`, `fp32` or `bf16`.
    devices, nodes
        GPUs, or processes on the CPU, of each machine, and the number of machines. The recipe's
        batches are divided over all of them.
    compile
        `off`, or a mode of torch.compile: `default`, `reduce-overhead`, `max-autotune`.
    resume
        Continue an interrupted run: the one at `out`, or else the newest unfinished one of the
        same source below `runs/`. It ends with the weights of an uninterrupted run.
    labels
        A file of labels of the workbench, or a table exported from it. Where an image has a label
        there, it replaces the source's; of a source without labels, the labelled images alone are
        learnt from. Of several raters the majority counts, of votes the mean.
    callbacks, logger
        One or several of PyTorch Lightning. Loss and training metric are logged after each epoch,
        those of the validation set with `val_` before their names.
        With several devices and no launcher they are copied to the new processes, so their state
        afterwards is not seen here.

    Returns the run. Raises RequestError, before anything is written, for a wrong request.

    >>> run = train(galaxies, "mlp", out=folder / "run", settings={"epochs": 2}, size=24)
    >>> list(run.history["epoch"]), run.metrics["n"], run.finished
    ([1, 2], 16, True)
    """
    seed = as_whole(seed, "seed", 0, LARGEST_SEED)
    devices, nodes = as_whole(devices, "devices", 1), as_whole(nodes, "nodes", 1)
    source = with_columns(source, columns, mosaics)
    settings = {} if settings is None else settings
    check_settings(settings)
    settings = data_settings(settings, crop, size, grey, classes)
    if network is not None:
        settings = _with_network(settings, network)
    callbacks = _list_of(callbacks, "callbacks", Callback)
    loggers = _list_of(logger, "logger", Logger)
    module = network if isinstance(network, nn.Module) else None
    with join(devices, nodes) as world, ExitStack() as held:
        with world.together():
            place = choose_device(device, devices)
            compiled = choose_compile(compile, place, world.size)
            check_sendable(world, network=module, callbacks=callbacks, logger=loggers)
            request = Request(
                source=source,
                recipe=recipe,
                network=module,
                out=None if out is None else as_path(out, "out", "the path of a folder to make"),
                settings=settings,
                seed=seed,
                precision=precision,
                resume=resume,
                logged=bool(callbacks or loggers),
                device=place,
                compiled=compiled,
                world=world,
                labels=None if labels is None else as_path(labels, "labels", "a file of labels"),
            )
            world.wait()
            # The first process plans and writes the plan into the run folder, and the others read
            # it: one of each other machine before the rest, to pack where no cache is shared.
            if world.is_first:
                run, planned = start_run(request, held)
            path, epochs = world.from_first((run.path, planned.epochs) if world.is_first else None)
            if world.turn == 1:
                run, planned = read_plan(request, path, epochs)
            world.wait()
            if world.turn == 2:
                run, planned = read_plan(request, path, epochs)
        if run.finished:
            say(f"{run.path} had ended already")
            return run

        trained = None
        if not run.model.is_file():
            _announce(planned, run)
            if planned.recipe.training.method == "probe":
                trained = fit_probe(planned, run)
            else:
                trained = fit(planned, run, callbacks, loggers)
        with world.together():
            if world.is_first:
                if trained is not None:
                    _save(planned, run, trained)
                measure_test_part(run, planned.dataset, planned.split, device)
    return run


def _list_of(given: Any, name: str, kind: type) -> list[Any]:
    """One or several of PyTorch Lightning's as a list; RequestError for anything else."""
    if given is None or given is False:  # Lightning's own ways to say none
        return []
    found = [given] if isinstance(given, kind) else given
    if not isinstance(found, list | tuple) or not all(isinstance(each, kind) for each in found):
        raise wrong(name, given, f"a {kind.__name__} of PyTorch Lightning or a list of these")
    return list(found)


def _with_network(settings: Mapping[str, Any], network: str | nn.Module) -> dict[str, Any]:
    """The settings with the name of another network than the recipe's."""
    if isinstance(network, str):
        return {**settings, "network.name": network}
    if not isinstance(network, nn.Module):
        expected = "the name of a network (hubblefork list networks) or a torch module"
        raise wrong("network", network, expected)
    return {**settings, "network.name": registered_name(network), "network.weights": None}


def model_card(planned: Plan) -> ModelCard:
    channels = planned.dataset.images.shape[3]
    return ModelCard(
        network=planned.recipe.network.name,
        options=dict(planned.recipe.network.options),
        head=planned.objective.head,
        input_shape=(channels, planned.view.size, planned.view.size),
        task=planned.dataset.task,
        framing=planned.dataset.framing,
        colours=_colours(planned.dataset),
        view=planned.view,
        recipe=planned.recipe.name,
        source=planned.dataset.source,
        versions=current_versions(),
    )


def _colours(dataset: PackedDataset) -> tuple[str, ...]:
    """The colours of the original images, and `grey` where they were packed so."""
    colours = set(dataset.table["bands"].map(colour_of))
    if dataset.framing.channels == 1:
        colours.add("grey")
    return tuple(sorted(colours))


def _save(planned: Plan, run: Run, network: nn.Module) -> None:
    card = model_card(planned)
    predictor = Predictor.of(network, card, planned.device)
    uncertainty = calibrate(predictor, planned.dataset, planned.split)
    save_model(run.model, network, card, uncertainty.to_arrays())


def _announce(planned: Plan, run: Run) -> None:
    sizes = ", ".join(f"{number:,} {part}" for part, number in planned.split.counts().items())
    dataset, processes = planned.dataset, planned.world.size
    say(f"{dataset.source}: {len(dataset):,} images {dataset.task.summary} ({sizes})")
    say(
        f"recipe {planned.recipe.name}: {planned.recipe.network.name}, "
        f"{count_parameters(planned.network):,} parameters, on {device_name(planned.device)}"
        + (f", {processes} processes," if processes > 1 else "")
        + f" in {planned.precision}; run {run.path}"
    )
