"""A published figure beside the figure of the same kind of a run, and what differs between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hubblefork.core.text import several
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.recipes.publication import Publication
from hubblefork.recipes.recipe import Recipe, changed_settings
from hubblefork.runs.run import short_name
from hubblefork.tasks.metric import ACCURACY, RMSE

_SETS = {"training": "train", "validation": "val", "test": "test"}
_METRICS = {"accuracy": ACCURACY, "rmse": RMSE}


@dataclass(frozen=True)
class Reproduction:
    """A publication and a run of its recipe.

    value: of the run, measured as the published figure was; None where the run has none of this
    kind, as of votes where the publication has classes. interval: its 95 % interval, where one is
    known. images: how many it was measured on. differences: what is not as published, in sentences.
    changed: the settings that are not those of the recipe, by their keys.
    """

    publication: Publication
    value: float | None
    interval: tuple[float, float] | None
    images: int
    differences: tuple[str, ...]
    changed: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        source: str,
        sizes: Mapping[str, int],
        history: pd.DataFrame,
        metrics: Mapping[str, Any],
    ) -> "Reproduction | None":
        """None where the recipe reproduces nothing.

        source: of the images. sizes: images in train, val and test. history, metrics: as a run has.

        The figure of the training or validation set is that of the last epoch.
        """
        publication = recipe.publication
        if publication is None:
            return None
        images = sizes.get(_SETS[publication.kind], 0)
        value = interval = None
        if publication.kind == "test":
            value = metrics.get(publication.metric)
            interval = metrics["intervals"].get(publication.metric)
        else:
            column = "val_" * (publication.kind == "validation") + publication.metric
            if column in history and images:
                value = float(history[column].iloc[-1])
            if value is not None and publication.metric == "accuracy":
                interval = wilson_interval(round(value * images), images)
        return cls(
            publication,
            value,
            interval and (interval[0], interval[1]),
            images,
            tuple(_differences(recipe, publication, source, sum(sizes.values()))),
            tuple(changed_settings(recipe)),
        )

    @property
    def written(self) -> str:
        """The run's figure with its unit."""
        return _METRICS[self.publication.metric].written(self.value)

    @property
    def between(self) -> str:
        """Its interval; empty where none is known."""
        return _METRICS[self.publication.metric].between(self.interval) if self.interval else ""


def _differences(
    recipe: Recipe, publication: Publication, source: str, number: int
) -> Iterator[str]:
    same = publication.source and source.partition(":")[0] == publication.source
    if not same or number != publication.images:
        published = publication.data
        if f"{publication.images:,}" not in published:
            published += f", {several(publication.images, 'image')}"
        here = f"{short_name(source)}, {several(number, 'image')}"
        yield f"Data. Published: {published}. This run: {here}."
    yield from publication.differs
    for key, (own, value) in changed_settings(recipe).items():
        yield f"Changed for this run: {key} is {_told(value)} instead of {_told(own)}."


def _told(value: Any) -> str:
    """A value as `--set` takes it."""
    words = {"None": "none", "True": "true", "False": "false"}
    return words.get(str(value), str(value))
