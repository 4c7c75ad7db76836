"""From a source to a finished run: pack, split, train, measure on the test set, report."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import Any

import torch
from torch import nn

from hubblefork.core.device import (
    Precision,
    choose_compile,
    choose_device,
    choose_precision,
)
from hubblefork.core.errors import RequestError
from hubblefork.core.progress import say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.framing import colour_of
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import Split, saved_split
from hubblefork.models.model_file import ModelCard, current_versions, save_model
from hubblefork.models.predictor import Predictor
from hubblefork.networks.registry import count_parameters
from hubblefork.runs.leakage import require_unseen
from hubblefork.runs.resuming import check_same, find_earlier
from hubblefork.runs.run import Run, default_run_path, refuse_existing
from hubblefork.training.fit import fit
from hubblefork.training.losses import choose_objective
from hubblefork.training.plan import Plan, make_network, plan, resolve
from hubblefork.training.probe import check_probe, fit_probe
from hubblefork.training.processes import World, join
from hubblefork.training.recipe import Recipe, load_recipe
from hubblefork.training.time_limit import affordable_epochs, with_epochs
from hubblefork.workflow.calibrate import calibrate
from hubblefork.workflow.evaluation_outputs import measure_test_part

# What NumPy's and torch's generators take after all that is added to it.
_MOST_SEED = 2**32 - 1


def train(
    source: str | Path,
    recipe: str | Path | None = None,
    *,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    compile: str = "off",
    resume: bool = False,
) -> Run:
    """Train a classifier on labelled images, measure it on its test set, and report.

    Parameters
    ----------
    source
        `simulated`, a directory with one folder a class, a catalogue: see `SOURCES`.
    recipe
        Name of a recipe or path of a TOML file; `default` where none is given.
    out
        The run folder to make; by default `runs/<date>/<recipe>-<dataset>-<time>`.
    settings
        Values of the recipe to override, by key: `{"epochs": 20}`.
    seed
        Of the split, the first weights, the order of batches and the views.
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
        Go on with an interrupted run: the one at `out`, or else the newest unfinished one of the
        same source below `runs/`. It ends where it would have ended without the interruption.

    Returns the run. Raises RequestError, before anything is written, for whatever does not fit.

    >>> run = train(galaxies, "mlp", out=folder / "run", settings={"epochs": 2, "data.size": 24})
    >>> list(run.history["epoch"]), run.metrics["n"], run.finished
    ([1, 2], 16, True)
    """
    if not 0 <= seed <= _MOST_SEED:
        raise RequestError(f"--seed {seed}: expected a number from 0 to {_MOST_SEED}")
    with join(devices, nodes) as world:
        place = world.each(lambda: choose_device(device, devices))
        compiled = world.each(lambda: choose_compile(compile, place, world.size))
        resolved, earlier = world.from_first(
            lambda: _request(source, recipe, out, settings, resume, world)
        )
        numbers = world.from_first(lambda: _precision(precision, place, earlier))
        dataset, split = world.in_turns(lambda: prepare(source, resolved, seed))
        world.each(lambda: _check_test_part(split))
        planned = world.each(
            lambda: plan(resolved, dataset, split, seed, place, numbers, world, compiled)
        )
        if resolved.training.method == "probe":
            check_probe(planned)
        world.from_first(lambda: require_unseen(resolved, dataset, split))
        planned = _paced(planned, world)
        content = describe(planned)
        run, key = world.from_first(lambda: (_begin(planned, content, earlier, out), dataset.key))
        world.each(lambda: _check_machine(run, dataset, key))
        if run.finished:
            say(f"{run.path} had ended already")
            return run

        if not run.model.is_file():
            _announce(planned, run)
            learn = fit_probe if resolved.training.method == "probe" else fit
            network = learn(planned, run)
            world.from_first(lambda: _save(planned, run, network, model_card(planned, content)))
        world.from_first(lambda: measure_test_part(run, dataset, split, device))
    return run


def _request(
    source: str | Path,
    recipe: str | Path | None,
    out: str | Path | None,
    settings: Mapping[str, Any] | None,
    resume: bool,
    world: World,
) -> tuple[Recipe, Run | None]:
    """The recipe as resolved, and the run to go on with, if any."""
    earlier = find_earlier(source, out) if resume else None
    used = earlier.path / "recipe.toml" if earlier else None
    resolved = load_recipe(recipe or used or "default", settings)
    if used and resolved.training.minutes:  # how many epochs end in them was found when it began
        resolved = with_epochs(resolved, load_recipe(used).training.epochs)
    if not earlier and out is not None:
        refuse_existing(Path(out))
    _check_divisible(resolved, world)
    return resolve(resolved), earlier


def _precision(name: str, place: torch.device, earlier: Run | None) -> Precision:
    """What was asked for; where that is `auto`, a run goes on as it began."""
    if name == "auto" and earlier:
        return earlier.recipe["run"]["precision"]
    return choose_precision(name, place)


def _check_divisible(recipe: Recipe, world: World) -> None:
    number, batch = world.size, recipe.training.batch_size
    if number > 1 and recipe.training.method == "probe":
        raise RequestError(f"a probe is found by one process, not by {number}: --devices 1")
    if batch % number:
        raise RequestError(
            f"batch_size is {batch}, which {number} processes cannot divide evenly: "
            f"--set batch_size={-(-batch // number) * number}"
        )


def _paced(planned: Plan, world: World) -> Plan:
    """With as many epochs as end in the minutes of the recipe."""
    wanted = planned.recipe.training
    epochs = world.from_first(lambda: affordable_epochs(planned))
    if epochs < wanted.epochs:
        say(
            f"{epochs} of {wanted.epochs} epochs end within {wanted.minutes:g} minutes here; "
            f"--set epochs={wanted.epochs} does them all"
        )
    return replace(planned, recipe=with_epochs(planned.recipe, epochs))


def _begin(
    planned: Plan, content: Mapping[str, Any], earlier: Run | None, out: str | Path | None
) -> Run:
    """Make the run's folder, or look whether the earlier one can go on as planned."""
    if earlier:
        check_same(earlier, content)
        earlier.sweep()
        say(f"going on with {earlier.path}")
        return earlier
    name, source = planned.recipe.name, planned.dataset.source
    path = Path(out) if out else default_run_path(name, source)
    return Run.create(path, dict(content), planned.split)


def _check_test_part(split: Split) -> None:
    if not split.counts()["test"]:
        raise RequestError(
            "no image is left to test on; expected some: --set split.test=0.1, or a source whose "
            "own split has a test set"
        )


def _check_machine(run: Run, dataset: PackedDataset, key: str) -> None:
    """What the first process found has to be found by all, on whatever machines they are."""
    if dataset.key != key:
        raise RequestError(f"{dataset.source} has other images on {gethostname()}")
    if not run.path.is_dir():
        raise RequestError(
            f"{run.path} is not to be seen from {gethostname()}: --out has to be in a folder that "
            "all machines share"
        )


def prepare(source: str | Path, recipe: Recipe, seed: int) -> tuple[PackedDataset, Split]:
    """Pack a source as a recipe asks, and split it.

    Raises RequestError, before any image is read, where its labels do not fit the recipe, or
    where the network cannot be made for it.
    """
    opened = open_source(source, recipe.data.classes)
    choose_objective(recipe, opened.task, opened.table, opened.name)
    data = recipe.data
    framing = opened.framing(data.crop, data.size, data.grey, data.stretch.stretch())
    # Where no weights have to be read, no memory and no time: only whether it can be made.
    with torch.device("cpu" if recipe.network.weights else "meta"):
        make_network(recipe, framing.channels, opened.task.outputs)
    dataset = pack(opened, framing)
    shares = (recipe.split.train, recipe.split.val, recipe.split.test)
    return dataset, saved_split(dataset, shares, seed, recipe.split.group)


def describe(planned: Plan) -> dict[str, Any]:
    """The recipe as resolved, with a table `run` of what it was used on."""
    place = planned.device
    return planned.recipe.to_toml() | {
        "run": {
            "source": planned.dataset.source,
            "dataset": planned.dataset.key,
            "seed": planned.seed,
            "device": _device_name(place),
            "precision": planned.precision,
            "processes": planned.world.size,
            "parameters": count_parameters(planned.network),
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
            "versions": current_versions(),
        }
    }


def _device_name(place: torch.device) -> str:
    return torch.cuda.get_device_name(place) if place.type == "cuda" else "cpu"


def _where(planned: Plan) -> str:
    processes = planned.world.size
    return _device_name(planned.device) + (f", {processes} processes," if processes > 1 else "")


def model_card(planned: Plan, content: Mapping[str, Any]) -> ModelCard:
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
        versions=content["run"]["versions"],
    )


def _colours(dataset: PackedDataset) -> tuple[str, ...]:
    """What the images were, and grey where they were made so."""
    colours = set(dataset.table["bands"].map(colour_of))
    if dataset.framing.channels == 1:
        colours.add("grey")
    return tuple(sorted(colours))


def _save(planned: Plan, run: Run, network: nn.Module, card: ModelCard) -> None:
    predictor = Predictor.of(network, card, planned.device)
    uncertainty = calibrate(predictor, planned.dataset, planned.split)
    save_model(run.model, network, card, uncertainty.to_arrays())


def _announce(planned: Plan, run: Run) -> None:
    sizes = ", ".join(f"{number:,} {part}" for part, number in planned.split.counts().items())
    dataset = planned.dataset
    say(f"{dataset.source}: {len(dataset):,} images {dataset.task.summary} ({sizes})")
    say(
        f"recipe {planned.recipe.name}: {planned.recipe.network.name}, "
        f"{count_parameters(planned.network):,} parameters, on {_where(planned)} in "
        f"{planned.precision}; run {run.path}"
    )
