"""What a training would do, and how long it would take, without training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.text import Text

from hubblefork.core.arguments import as_path, as_whole
from hubblefork.core.device import choose_device
from hubblefork.core.text import duration, several
from hubblefork.data.sources import with_columns
from hubblefork.networks.registry import count_parameters
from hubblefork.recipes.recipe import check_settings
from hubblefork.report.terminal import as_html, numbers_table
from hubblefork.training.plan import Plan
from hubblefork.training.processes import ALONE
from hubblefork.training.time_limit import epoch_seconds
from hubblefork.workflow.start_run import (
    LARGEST_SEED,
    Request,
    data_settings,
    device_name,
    plan_run,
)


@dataclass(frozen=True)
class DryRun:
    """What `train` would do.

    source: of the images. labels: what they mean, in words. images: in train, val and test.
    counts: of each class, the same; empty for votes. recipe, network: by name. input: of the
    network, its side in pixels. epochs: in all; 0 for a probe. seconds: expected for the training;
    None for a probe, which has no epochs.
    """

    source: str
    labels: str
    images: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    recipe: str
    network: str
    parameters: int
    input: int
    epochs: int
    seconds: float | None
    device: str
    precision: str

    def __rich__(self) -> Group:
        """One screen for the terminal."""
        head = Text(f"{self.source}: {sum(self.images.values()):,} images {self.labels}")
        table = numbers_table("images", "training", "validation", "test")
        for name in self.counts.get("train", {}):
            table.add_row(Text(name), *(f"{self.counts[part][name]:,}" for part in self.images))
        table.add_row("all", *(f"{number:,}" for number in self.images.values()))
        told = [
            f"recipe {self.recipe}: {self.network}, {several(self.parameters, 'parameter')}, "
            f"input of {self.input} pixels, on {self.device} in {self.precision}"
        ]
        if self.seconds is not None:
            told.append(
                f"{several(self.epochs, 'epoch')}, expected to take {duration(self.seconds)} on "
                "this machine"
            )
        return Group("", head, "", table, "", *map(Text, told), "nothing was written")

    def _repr_html_(self) -> str:
        return as_html(self)


def dry_run(
    source: Any,
    recipe: str | Path | None = None,
    *,
    network: str | None = None,
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
    labels: str | Path | None = None,
) -> DryRun:
    """Plan a training as `train` does, time a few of its steps, and write no run.

    The parameters are those of `train`. Images are packed into the cache, as for a training, which
    then need not read them again.

    Raises RequestError where `train` would, before its first epoch.

    >>> found = dry_run(galaxies, "lenet5", size=24, settings={"epochs": 3})
    >>> found.images, found.epochs, found.parameters
    ({'train': 60, 'val': 4, 'test': 16}, 3, 30606)
    """
    settings = {} if settings is None else settings
    check_settings(settings)
    settings = data_settings(settings, crop, size, grey, classes)
    if network is not None:
        settings = {**settings, "network.name": network}
    request = Request(
        source=with_columns(source, columns, mosaics),
        recipe=recipe,
        network=None,
        out=None if out is None else as_path(out, "out", "the path of a folder to make"),
        settings=settings,
        seed=as_whole(seed, "seed", 0, LARGEST_SEED),
        precision=precision,
        resume=False,
        logged=False,
        device=choose_device(device, 1),
        compiled="off",
        world=ALONE,
        labels=None if labels is None else as_path(labels, "labels", "a file of labels"),
    )
    return _expected(plan_run(request, None)[0])


def _expected(planned: Plan) -> DryRun:
    recipe, dataset, split = planned.recipe, planned.dataset, planned.split
    probe = recipe.training.method == "probe"
    rows = {part: split.rows(dataset, part) for part in split.counts()}
    return DryRun(
        source=dataset.source,
        labels=dataset.task.summary,
        images=split.counts(),
        counts={
            part: dict(zip(dataset.task.words.names, counts.values(), strict=False))
            for part, each in rows.items()
            for counts in [dataset.task.class_counts(dataset.labels[each])]
        },
        recipe=recipe.name,
        network=recipe.network.name,
        parameters=count_parameters(planned.network),
        input=planned.view.size,
        epochs=0 if probe else planned.epochs * recipe.training.chunks,
        seconds=None if probe else planned.epochs * epoch_seconds(planned),
        device=device_name(planned.device),
        precision=planned.precision,
    )
