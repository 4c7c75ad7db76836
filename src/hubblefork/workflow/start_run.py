"""The start of a run: the first process plans and writes the run folder, the others read it."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import Any

import torch
from torch import nn

from hubblefork.core.device import choose_precision
from hubblefork.core.errors import RequestError
from hubblefork.core.file_cache import file_sha256
from hubblefork.core.precision import CompileMode, Precision
from hubblefork.core.progress import say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.groups import dataset_groups
from hubblefork.data.packing import open_packed, pack
from hubblefork.data.relabelled import relabelled
from hubblefork.data.sources import open_source
from hubblefork.data.sources.path_options import absolute_source
from hubblefork.data.splits import Split, saved_split
from hubblefork.models.file_format import current_versions
from hubblefork.networks.registry import count_parameters
from hubblefork.recipes.recipe import Recipe, load_recipe
from hubblefork.runs.leakage import require_unseen
from hubblefork.runs.learnt import learnt_images
from hubblefork.runs.provenance import Provenance
from hubblefork.runs.resuming import check_same, find_earlier
from hubblefork.runs.run import Run, default_run_path, refuse_existing
from hubblefork.training.losses import choose_objective
from hubblefork.training.plan import Plan, check_network, make_network, plan, resolve
from hubblefork.training.processes import World
from hubblefork.training.time_limit import epochs_within_minutes, with_epochs
from hubblefork.workbench.given_labels import GivenLabels, labels_of, read_given_labels

# With fewer training images a probe is often as good as a training (docs/default.md).
_FEW_IMAGES = 1_000

# The largest seed of NumPy's and torch's generators.
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Request:
    """The arguments of `train`, and this process's rank.

    network: a module to train, or None for the recipe's. labels: the file of those that replace the
    source's. logged: whether callbacks or a logger
    follow the epochs. device, compiled: as chosen on this machine. The rest is as in `train`.
    """

    source: Any
    recipe: str | Path | None
    network: nn.Module | None
    out: Path | None
    settings: Mapping[str, Any]
    seed: int
    precision: str
    resume: bool
    logged: bool
    device: torch.device
    compiled: CompileMode
    world: World
    labels: Path | None = None


def start_run(request: Request, held: ExitStack) -> tuple[Run, Plan]:
    """Plan a training and make its run folder, or check that an earlier run can be resumed.

    held: keeps the run locked for as long as it is open.

    Raises RequestError, with nothing written but the packed dataset, where something does not fit.
    """
    earlier = None
    if request.resume:
        in_memory = not isinstance(request.source, str | Path)
        name = open_source(request.source, labelled=False).name if in_memory else request.source
        earlier = find_earlier(name, request.out)
        if earlier:
            held.enter_context(earlier.locked())
    planned, overlap, labels = plan_run(request, earlier)
    provenance = provenance_of(planned, overlap, labels)
    if earlier:
        check_same(earlier, planned.recipe, provenance, planned.split)
        earlier.sweep()
        if not earlier.finished:
            say(f"resuming {earlier.path}")
        return earlier, planned
    dataset, split = planned.dataset, planned.split
    path = request.out or default_run_path(planned.recipe.name, dataset.source)
    learnt = learnt_images(dataset, split)
    given = None if labels is None else labels.table
    run = Run.create(path, planned.recipe, provenance, split, learnt, given)
    held.enter_context(run.locked())
    return run, planned


def plan_run(
    request: Request, earlier: Run | None
) -> tuple[Plan, Mapping[str, int | None] | None, GivenLabels | None]:
    """The plan of a training that can start, the overlap as `require_unseen` gives it, and the
    labels that replace the source's.

    earlier: the run that it resumes. Raises RequestError, with nothing written but the packed
    dataset, where something does not fit.
    """
    if not earlier and request.out is not None:
        refuse_existing(request.out)
    recipe = _recipe(request, earlier)
    precision = _precision(request, earlier)
    labels = _labels(request, earlier)
    dataset, split = prepare(request.source, recipe, request.seed, labels)
    if not split.counts()["test"]:
        raise RequestError(
            "there are no test images; expected some: --set split.test=0.1, or a source whose "
            "own split has a test set"
        )
    if request.network is not None:
        check_network(request.network, recipe, dataset.images.shape[3], dataset.task.outputs)
    planned = _plan(request, recipe, dataset, split, request.seed, precision)
    if recipe.training.method == "probe":
        from hubblefork.training.probe import check_probe  # with scikit-learn: a second

        check_probe(planned)
    overlap = require_unseen(recipe.network.weights, dataset, split)
    if not earlier:
        _mention_probes(planned)
    if earlier and (earlier.checkpoints / "last.ckpt").is_file():
        return planned, overlap, labels  # the checkpoint has the number of epochs
    return _within_minutes(planned), overlap, labels


def _labels(request: Request, earlier: Run | None) -> GivenLabels | None:
    """The labels that replace the source's; those of the earlier run where there is one."""
    if earlier is None:
        return None if request.labels is None else read_given_labels(request.labels)
    own = labels_of(earlier)
    if request.labels is None:
        return own
    if own is None or file_sha256(request.labels) != own.sha256:
        raise RequestError(
            f"--labels {request.labels} is not as it was when {earlier.path} began: leave it out "
            "to go on with the labels of that time, or start again with another --out"
        )
    return own


def data_settings(
    settings: Mapping[str, Any],
    crop: int | None,
    size: int | None,
    grey: bool,
    classes: str | Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The settings of a recipe with those that have arguments of their own."""
    data = {"crop": crop, "size": size, "grey": grey or None, "classes": classes}
    given = {f"data.{key}": value for key, value in data.items() if value is not None}
    return {**settings, **given}


def read_plan(request: Request, path: Path, epochs: int) -> tuple[Run, Plan]:
    """The run at `path` and its plan, as the first process wrote it, with this machine's dataset.

    epochs: that the first process planned.

    Raises RequestError where the folder cannot be seen here, or the source has other images.
    """
    if not path.is_dir():
        raise RequestError(
            f"{path} does not exist on {gethostname()}: --out has to be in a folder that all "
            "machines share"
        )
    run = Run.open(path)
    recipe, provenance = run.recipe, run.provenance
    dataset = open_packed(provenance.dataset, source=provenance.source)
    if dataset is None:
        dataset = _pack(request.source, recipe, labels_of(run))
    if dataset.key != provenance.dataset:
        raise RequestError(f"{dataset.source} has other images on {gethostname()}")
    split, seed, precision = run.split, provenance.seed, provenance.precision
    planned = _plan(request, recipe, dataset, split, seed, precision)
    return run, replace(planned, epochs=epochs)


def prepare(
    source: Any, recipe: Recipe, seed: int, labels: GivenLabels | None = None
) -> tuple[PackedDataset, Split]:
    """Pack a source as a recipe asks, and split it. labels: those that replace the source's.

    Raises RequestError, before any image is read, where its labels do not fit the recipe, or
    where the network cannot be made for it.
    """
    dataset = _pack(source, recipe, labels)
    groups = dataset_groups(dataset, recipe.split.ties())
    for note in groups.notes:
        say(note)
    fractions = (recipe.split.train, recipe.split.val, recipe.split.test)
    return dataset, saved_split(dataset, fractions, seed, groups)


def _pack(source: Any, recipe: Recipe, labels: GivenLabels | None) -> PackedDataset:
    opened = open_source(source, recipe.data.classes, labelled=labels is None)
    task = opened.task
    if labels is not None and not task.label_columns:
        task = labels.task
    choose_objective(recipe, task, opened.table, opened.name)
    data = recipe.data
    stretch = data.stretch.stretch()
    framing = opened.framing(data.crop, data.size, data.grey, stretch, data.transforms)
    # Without weights to read, on the meta device: it takes no memory and no time.
    with torch.device("cpu" if recipe.network.weights else "meta"):
        make_network(recipe, framing.channels, task.outputs)
    dataset = pack(opened, framing)
    if labels is None:
        return dataset
    dataset, told = relabelled(dataset, labels.task, labels.table)
    divided = f"; {labels.divided:,} left out, on which raters are divided" * bool(labels.divided)
    say(f"labels of {labels.path}: {told}{divided}")
    return dataset


def _recipe(request: Request, earlier: Run | None) -> Recipe:
    """The recipe as resolved; that of the earlier run where no other is asked for."""
    own = earlier.recipe if earlier else None  # RequestError where it is damaged
    used = earlier.path / "recipe.toml" if earlier else "default"
    recipe = load_recipe(used if request.recipe is None else request.recipe, request.settings)
    if own and recipe.training.minutes and own.training.minutes is None:  # it has ended
        recipe = with_epochs(recipe, own.training.epochs)
    number, batch = request.world.size, recipe.training.batch_size
    probe = recipe.training.method == "probe"
    if probe and number > 1:
        raise RequestError(f"a probe is fitted by one process, not {number}: --devices 1")
    if probe and request.logged:
        raise RequestError("a probe has no epochs for callbacks or a logger: leave them out")
    if batch % number:
        raise RequestError(
            f"batch_size is {batch}, which {number} processes cannot divide evenly: "
            f"--set batch_size={-(-batch // number) * number}"
        )
    return resolve(recipe)


def _precision(request: Request, earlier: Run | None) -> Precision:
    """The precision by name; with `auto`, a resumed run keeps its own."""
    if request.precision == "auto" and earlier:
        return earlier.provenance.precision
    return choose_precision(request.precision, request.device)


def _plan(
    request: Request,
    recipe: Recipe,
    dataset: PackedDataset,
    split: Split,
    seed: int,
    precision: Precision,
) -> Plan:
    return plan(
        recipe,
        dataset,
        split,
        seed,
        request.device,
        precision,
        request.world,
        request.compiled,
        request.network,
    )


def _mention_probes(planned: Plan) -> None:
    """Where images are few, say which recipes suit that; published ones are trained as they are."""
    recipe, number = planned.recipe, planned.split.counts()["train"]
    probed = recipe.training.method == "probe" or recipe.training.probe_first
    fits = probed or recipe.publication or not planned.dataset.task.exclusive
    if number < _FEW_IMAGES and not fits:
        say(
            f"{number:,} training images are few: compare with --recipe few for galaxies, and "
            "--recipe transfer for photographs, which begin with networks that know such images"
        )


def _within_minutes(planned: Plan) -> Plan:
    """The plan with as many epochs as fit into the minutes of its recipe."""
    wanted = planned.recipe.training
    epochs = epochs_within_minutes(planned)
    if epochs < wanted.epochs:
        say(
            f"{epochs} of {wanted.epochs} epochs fit into {wanted.minutes:g} minutes here; "
            f"--set epochs={wanted.epochs} trains for all of them"
        )
    return replace(planned, epochs=epochs)


def provenance_of(
    planned: Plan,
    overlap: Mapping[str, int | None] | None = None,
    labels: GivenLabels | None = None,
) -> Provenance:
    """The provenance of a run that is about to start, of what `plan_run` gives."""
    dataset, weights = planned.dataset, planned.recipe.network.weights
    return Provenance(
        source=dataset.source,
        location=absolute_source(dataset.source),
        dataset=dataset.key,
        task=dataset.task,
        seed=planned.seed,
        device=device_name(planned.device),
        precision=planned.precision,
        processes=planned.world.size,
        threads=torch.get_num_threads(),
        parameters=count_parameters(planned.network),
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        versions=current_versions(),
        weights=None if weights is None else absolute_source(weights),
        labels=None if labels is None else labels.about,
        overlap=dict(overlap or {}),
    )


def device_name(place: torch.device) -> str:
    return torch.cuda.get_device_name(place) if place.type == "cuda" else "cpu"
