"""The figures of a run's report that need its network: views, filters and activation maps."""

from collections.abc import Iterator
from dataclasses import replace

from hubblefork.core.text import several
from hubblefork.data.images.framing import Framing, frame
from hubblefork.explanation.activations import ActivationMaps
from hubblefork.explanation.network_examples import NetworkExamples
from hubblefork.report.components import Panel
from hubblefork.report.explain_figures import activation_groups, filter_group
from hubblefork.report.figures import sheet_png
from hubblefork.report.image_groups import ImageGroup, ImageRows
from hubblefork.report.run_data import RunData, displayable

# Inches: an image is larger than its maps, and six fit beside one another on a page.
_IMAGE = 1.45
# Channels of a layer and filters of a network that a report has room for.
_MOST_CHANNELS, _MOST_FILTERS = 32, 96


def draw_panels(examples: NetworkExamples, run: RunData) -> list[Panel]:
    """Draw all that was found of the network of a report."""
    return [
        _views(examples),
        *_filters(examples),
        *(_activations(name, run, *each) for name, each in examples.activations.items()),
    ]


def _views(examples: NetworkExamples) -> Panel:
    """Some images as packed, grey, flipped, and as training augments them."""
    images, grey = examples.images, Framing(channels=1)
    shown = {"As packed": [displayable(each) for each in images]}
    caption = "Test images as they are packed"
    if images.shape[3] > 1:
        shown["Grey"] = [frame(each, grey)[..., 0] for each in images]
        caption += ", in grey"
    shown["Flipped"] = [displayable(each[:, ::-1]) for each in images]
    caption += ", and flipped left to right"
    if examples.views is None:
        caption += ". This recipe trains without augmentation."
    else:
        shown["Augmented for training"] = [displayable(each) for each in examples.views]
        caption += (
            "; below, one of the random views that training draws for every image in every epoch."
        )
    groups = [ImageGroup(title, row, _IMAGE) for title, row in shown.items()]
    return Panel("views", "The input of the network", caption, ImageRows(groups, sheet_png))


def _filters(examples: NetworkExamples) -> Iterator[Panel]:
    if examples.filters is None:
        return
    yield Panel(
        name="filters",
        title="Filters of the first layer",
        caption=(
            f"The weights of the first layer, {examples.filters.layer}. Middle grey is a weight of "
            "0; each filter is scaled by itself. Filters that look like noise have learnt little."
        ),
        figure=ImageRows([filter_group(examples.filters, _MOST_FILTERS)]),
    )


def _activations(name: str, run: RunData, index: int, layers: list[ActivationMaps]) -> Panel:
    predictions, words = run.predictions, run.predictions.task.words
    identifier = predictions.ids[index]
    label = words.beside(words.labels(predictions.labels[[index]])[0])
    title = f"Predicted {words.summary(predictions.values[index])}; {label}"
    which = f"the {name} prediction"
    if predictions.task.exclusive:
        right = predictions.correct[index]
        which = "a correctly classified image" if right else "a misclassified image"
    image = ImageGroup(title, [run.image(identifier)], _IMAGE)
    maps = [
        replace(group, title=f"Convolution {number}, {group.title}")
        for number, group in enumerate(activation_groups(layers, _MOST_CHANNELS), start=1)
    ]
    return Panel(
        name=f"activations-{name}",
        title=f"Activation maps of {which}",
        caption=(
            f"What the first {several(len(layers), 'convolution')} give for image {identifier}: "
            "bright where a channel finds its pattern, each channel scaled by itself, crossed out "
            "where it is constant."
        ),
        figure=ImageRows([image, *maps]),
    )
