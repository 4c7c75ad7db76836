"""Figures of what `explanation` returns, for pages, files and notebooks.

draw_attribution(attribution(predictor, image)).savefig("why.png")
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hubblefork.core.files import replacing
from hubblefork.core.text import listed, percent
from hubblefork.explanation.activations import ActivationMaps
from hubblefork.explanation.attribution import Attribution
from hubblefork.explanation.background import BackgroundDependence
from hubblefork.explanation.faithfulness import DeletionCurve, Faithfulness
from hubblefork.explanation.filters import Filters
from hubblefork.explanation.neighbours import Neighbours
from hubblefork.explanation.robustness import Robustness
from hubblefork.report.figures import sheet_png
from hubblefork.report.image_groups import ImageGroup, draw_groups
from hubblefork.report.overlay import overlay
from hubblefork.report.ranking_charts import draw_scores
from hubblefork.report.run_data import displayable
from hubblefork.report.style import (
    GRID,
    MUTED,
    SET_COLOURS,
    SMALL,
    is_narrow,
    panel_axes,
    styled,
    wrapped,
)

# Inches of an image beside its map, and of one among its neighbours: nine fill a figure's width.
_OVERLAY, _NEIGHBOUR = 1.9, 1.1

# Letters of a title per inch.
_LETTERS = 14


def draw_attribution(found: Attribution) -> Figure:
    """The image, and the same under its map."""
    return draw_groups([overlay_group(found, f"{found.target}: {found.method}")])


def overlay_group(found: Attribution, title: str) -> ImageGroup:
    """The image, and the same under its map, as one group of a figure."""
    image = displayable(found.seen)
    return ImageGroup(title, [overlay(image), overlay(image, found.map)], _OVERLAY)


def draw_deletion(curve: DeletionCurve, quantity: str = "probability") -> Figure:
    """A deletion curve, and that of random order.

    quantity: what is measured, `probability`, or `fraction` of votes.
    """
    return _draw_curves({"strongest evidence first": curve}, quantity.capitalize())


def draw_faithfulness(found: Faithfulness, quantity: str = "probability") -> Figure:
    """The mean deletion curve of each method, and that of random order."""
    return _draw_curves(found.curves, f"Mean {quantity}")


def _draw_curves(curves: Mapping[str, DeletionCurve], quantity: str) -> Figure:
    first = next(iter(curves.values()))
    with styled(()):
        figure, (axes,) = panel_axes(1, 5.2, 3.2)
        axes.plot(first.fractions, first.random, color=MUTED, linestyle=(0, (4, 1.5)),
                  label=f"random order ({first.random_area:.2f})")  # fmt: skip
        for colour, (name, curve) in zip(SET_COLOURS.values(), curves.items(), strict=False):
            label = f"{name} ({curve.area:.2f})"
            axes.plot(curve.fractions, curve.values, color=colour, label=label)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_xlabel("Fraction of the image that is blurred")
        axes.set_ylabel(f"{quantity} of the answer")
        axes.grid(axis="y", color=GRID)
        figure.legend(loc="outside upper left", ncols=1)
    return figure


def draw_background(found: BackgroundDependence) -> Figure:
    """The three scores with their intervals."""
    return draw_scores(found.table, found.unchanged.measure)


def draw_robustness(
    found: Robustness, baseline: float | None = None, changed: str = "changed answers"
) -> Figure:
    """The score under each perturbation with its interval, and the fraction of changed answers.

    baseline: a score to mark, as `draw_scores` takes it. changed: the title of the fractions.
    """
    figure = draw_scores(found.table, found.measure, baseline)
    (axes,) = figure.axes
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform()}
    with styled(()):
        title = wrapped(changed, 13 if is_narrow() else 18, 2)
        axes.text(1.02, -0.75, title, fontsize=SMALL, color=MUTED, **beside)
        for row, fraction in enumerate(found.table["changed_fraction"][1:], start=1):
            axes.text(1.02, row, percent(fraction), va="center", fontsize=SMALL, **beside)
    return figure


def draw_activations(
    layers: Sequence[ActivationMaps], most: int | None = None, first: Sequence[ImageGroup] = ()
) -> Figure:
    """The channels of layers, or the `most` that vary most over the image, each scaled by itself.

    first: further groups of images, above those of the layers.
    """
    return draw_groups([*first, *activation_groups(layers, most)])


def activation_groups(
    layers: Sequence[ActivationMaps], most: int | None = None
) -> list[ImageGroup]:
    """The channels that `draw_activations` draws."""
    groups = []
    for layer in layers:
        shown = layer.maps
        if most is not None and len(shown) > most:
            spread = shown.std(axis=(1, 2))
            shown = shown[np.sort(np.argsort(-spread, kind="stable")[:most])]
        height, width = layer.maps.shape[1:]
        some = _some(len(shown), len(layer.maps))
        title = f"{layer.layer}: {some} channels of {width} × {height}"
        groups.append(ImageGroup(title, list(shown)))
    return groups


def draw_filters(filters: Filters, most: int | None = None) -> Figure:
    """All filters, or the first `most`: grey is 0, each scaled by itself.

    Filters of three channels are in the colours that they respond to.
    """
    return draw_groups([filter_group(filters, most)])


def filter_group(filters: Filters, most: int | None = None) -> ImageGroup:
    """The filters that `draw_filters` draws."""
    shown = filters.weights[:most]
    height, width = filters.weights.shape[1:3]
    some = _some(len(shown), len(filters.weights))
    title = f"{filters.layer}: {some} filters of {width} × {height}"
    return ImageGroup(title, [_filter_image(each) for each in shown])


def draw_neighbours(
    found: Neighbours,
    images: np.ndarray,
    reference_images: np.ndarray,
    reference_labels: Sequence[str],
    most: int = 6,
) -> Figure:
    """The first `most` images, each followed by its nearest neighbours.

    images: (N, H, W, C) uint8; reference_images, reference_labels: of all M reference images.
    """
    groups = []
    for image, rows in zip(images[:most], found.rows[:most], strict=True):
        counts = Counter(reference_labels[row] for row in rows).most_common()
        title = "neighbours: " + listed([f"{count} {name}" for name, count in counts])
        shown = [displayable(each) for each in (image, *reference_images[rows])]
        width = ImageGroup("", shown, _NEIGHBOUR).width
        groups.append(ImageGroup(wrapped(title, int(_LETTERS * width), 1), shown, _NEIGHBOUR))
    return draw_groups(groups)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as a PNG file, whole or not at all."""
    with replacing(path, binary=True) as file:
        file.write(sheet_png(figure))


def _some(shown: int, number: int) -> str:
    return f"{shown} of {number}" if shown < number else str(number)


def _filter_image(weights: np.ndarray) -> np.ndarray:
    """Weights (height, width, channels) as uint8 with a weight of 0 as middle grey."""
    largest = max(float(np.abs(weights).max()), float(np.finfo(np.float32).tiny))
    return displayable(np.round(127.5 + 127.5 * weights / largest).astype(np.uint8))
