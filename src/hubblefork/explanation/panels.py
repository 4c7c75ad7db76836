"""The figures of a run's report that need its network: filters, activation maps, what it is shown.

These are the images that publication 5 ends with, and that publication 3 names as missing.
"""

from collections.abc import Iterator

import numpy as np
import torch

from hubblefork.core.errors import RequestError
from hubblefork.core.text import percent, several
from hubblefork.data.images.framing import Framing, frame
from hubblefork.explanation.activations import activation_maps
from hubblefork.explanation.filters import first_filters
from hubblefork.explanation.inputs import as_bytes
from hubblefork.explanation.tiles import Group, sheet
from hubblefork.models.predictor import Predictor
from hubblefork.report.example_selection import example_rows
from hubblefork.report.figures import chart_png, sheet_png
from hubblefork.report.run_data import Material, Panel, displayable

# Inches: the image stands larger than its maps.
_IMAGE = 1.6
# Channels of a layer, filters of a network and images that a report has room for.
_MOST_CHANNELS, _MOST_FILTERS, _IMAGES = 32, 96, 6


def draw_panels(predictor: Predictor, material: Material) -> list[Panel]:
    """Draw what can be drawn of this network on the images of this report."""
    return [*_views(predictor, material), *_filters(predictor), *_activations(predictor, material)]


def _views(predictor: Predictor, material: Material) -> Iterator[Panel]:
    """Some images as they are, grey, mirrored, and as training and evaluation show them."""
    ids = material.predictions.ids
    if not material.of_votes:
        ids = example_rows(material)["id"].to_numpy()
    ids = ids[:: max(1, len(ids) // _IMAGES)][:_IMAGES]
    images = np.stack([material.raw(each) for each in ids])
    grey = Framing(channels=1)
    view = predictor.card.view
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the report of a run is the same whenever it is made
        random = view.random(torch.from_numpy(images))
    yield Panel(
        name="views",
        title="What the network is shown",
        caption=(
            "Test images as they are packed, in grey, and mirrored left to right; below, one "
            "of the random views that training draws anew for every image in every epoch"
            if view.augments
            else "Test images as they are packed, in grey, and mirrored left to right. This "
            "recipe trains on the images as they are, without random views"
        )
        + ".",
        png=sheet_png(
            sheet(
                [
                    Group("as packed", [displayable(each) for each in images], _IMAGE),
                    Group("grey", [frame(each, grey)[..., 0] for each in images], _IMAGE),
                    Group("mirrored", [displayable(each[:, ::-1]) for each in images], _IMAGE),
                    *[
                        Group("a view of training", _shown(predictor, random), _IMAGE)
                        for _ in range(view.augments)
                    ],
                ]
            )
        ),
    )


def _shown(predictor: Predictor, inputs: torch.Tensor) -> list[np.ndarray]:
    return [displayable(each) for each in as_bytes(predictor, inputs)]


def _filters(predictor: Predictor) -> Iterator[Panel]:
    try:
        filters = first_filters(predictor)
    except RequestError:
        return  # a transformer, for example: nothing to show
    yield Panel(
        name="filters",
        title="Filters of the first layer",
        caption=(
            f"What the first layer, {filters.layer}, looks for. Middle grey is a weight of 0; each "
            "filter is scaled by itself. Filters that still look like noise have learnt little."
        ),
        png=chart_png(filters.figure(_MOST_FILTERS)),
    )


def _activations(predictor: Predictor, material: Material) -> Iterator[Panel]:
    """The first layers' answers to one image that went well, and to one that did not."""
    for word, identifier, title in (
        _of_votes(material) if material.of_votes else _of_classes(material)
    ):
        image = material.raw(identifier)
        layers = activation_maps(predictor, image)
        if not layers:
            return  # a network without convolutions
        groups = [
            Group(title, [displayable(image)], _IMAGE),
            *(each.group(_MOST_CHANNELS) for each in layers),
        ]
        yield Panel(
            name=f"activations-{word}",
            title=f"Activation maps of a {word} classified image",
            caption=(
                f"What the first {several(len(layers), 'convolution')} answer to {identifier}: "
                "bright where a channel finds what it looks for, each channel scaled by itself, "
                "crossed out where it answers nothing."
            ),
            png=chart_png(sheet(groups)),
        )


def _of_classes(material: Material) -> Iterator[tuple[str, str, str]]:
    """The surest right and the surest wrong answer: a word for it, the image's id, a title."""
    answers = material.answers().sort_values("probability", ascending=False, kind="stable")
    right = answers["true"] == answers["predicted"]
    for word, rows in (("rightly", answers[right]), ("wrongly", answers[~right])):
        for row in rows.head(1).itertuples():
            truth = f"; in truth {row.true}" if word == "wrongly" else ""
            yield word, row.id, f"{row.predicted}, {percent(row.probability, 0)} sure{truth}"


def _of_votes(material: Material) -> Iterator[tuple[str, str, str]]:
    """The galaxy whose fractions are nearest to the volunteers', and the one farthest off."""
    predicted, true = material.predictions.values, material.predictions.true
    error = np.sqrt(((predicted - true) ** 2).mean(axis=1))
    for word, row in (("rightly", error.argmin()), ("wrongly", error.argmax())):
        identifier = material.predictions.ids[row]
        yield word, identifier, f"{identifier}: RMSE {error[row]:.3f} from the volunteers"
