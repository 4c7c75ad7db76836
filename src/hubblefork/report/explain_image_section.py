"""The section of one image on a page of explanations, and its figures."""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from hubblefork.explanation.single_image import ImageExplanation
from hubblefork.models.uncertainty import ATYPICAL
from hubblefork.report.components import Fold, Panel, Section, Sheet, Table, Tile
from hubblefork.report.explain_figures import (
    activation_groups,
    draw_activations,
    draw_deletion,
    overlay_group,
    save_figure,
)
from hubblefork.report.explain_sections import map_tile, reference_tile
from hubblefork.report.figures import Chart
from hubblefork.report.image_groups import ImageRows, draw_groups
from hubblefork.report.run_data import displayable
from hubblefork.sky.links import Positions, links_of

# Channels of each layer on a page.
_CHANNELS = 16


def image_section(found: ImageExplanation, positions: Positions, unfolded: bool) -> Section:
    """One image's part of a page.

    positions: of the images, as far as they are known. unfolded: whether it is open at first.
    """
    words, first = found.task.words, found.attributions[0]
    links = links_of(found.id, positions)
    alt, text = f"Image {found.id} after preprocessing", "after preprocessing"
    path = found.id if "/" in found.id else ""
    seen = Tile(displayable(first.seen), alt, text, id=path, links=links)
    maps = [map_tile(found.task, found.values, found.id, each) for each in found.attributions]
    title = found.id.rsplit("/", 1)[-1]  # of a path, its last part
    return Section(title, [
        " ".join(sentences(found)),
        f"By {first.method}. {words.maps}",
        Sheet([seen, *maps], "predictions", "Where the evidence is"),
        *_neighbours(found),
        Fold("The prediction in numbers, the deletion curve and activation maps", [
            Table.of(title, words.table(found.values)), *_charts(found),
        ]),
    ], open=unfolded)  # fmt: skip


def draw_image_maps(found: ImageExplanation) -> Figure:
    """The image beside its map, for each of the answers that have one."""
    words, names = found.task.words, found.task.names
    return draw_groups(
        [
            overlay_group(each, words.told(found.values, names.index(each.target)))
            for each in found.attributions
        ]
    )


def save_image_figures(found: ImageExplanation, folder: str | Path, stem: str) -> list[Path]:
    """Write `STEM-maps.png`, `STEM-deletion.png` and, of networks that have convolutions,
    `STEM-activations.png`."""
    figures = {
        "maps": draw_image_maps(found),
        "deletion": draw_deletion(found.curve, found.task.words.quantity),
    }
    if found.layers:
        figures["activations"] = draw_activations(found.layers)
    paths = [Path(folder) / f"{stem}-{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        save_figure(figure, path)
    return paths


def sentences(found: ImageExplanation) -> Iterator[str]:
    """What was found: the answer, how typical the image is, and what its map tells."""
    yield found.task.words.sentence(found.values)
    if found.learnt:
        yield "The model was trained on this image, so it answers better than for new ones."
    if found.typicality is not None:
        yield (
            f"Typicality {found.typicality:.2g}: this fraction of validation images is at least as "
            "far from the training images"
            + (", so do not rely on the answer." if found.typicality <= ATYPICAL else ".")
        )
    if found.attributions[0].empty:
        yield "The map is empty: by this method, there is no evidence for the answer in the image."
    elif found.faithful:
        yield (
            "The map points at what matters: blurring its brightest places first lowers the "
            f"{found.task.words.quantity} sooner than blurring in random order, by more than "
            "random orders differ."
        )
    else:
        yield (
            "Do not interpret the map: there is no clear difference between blurring its brightest "
            "places first and blurring in random order."
        )


def _neighbours(found: ImageExplanation) -> Iterator[str | Sheet]:
    if found.neighbours is None or found.reference is None or not found.neighbours.rows.size:
        return
    rows = found.neighbours.rows[0]
    tiles = [
        reference_tile(
            found.reference,
            row,
            {"image": found.reference.ids[row], "similarity": f"{similarity:.3f}"},
        )
        for row, similarity in zip(rows, found.neighbours.similarity[0], strict=True)
    ]
    labels = found.task.truth(found.reference.labels[rows])
    agree = int((labels == found.task.leading(found.values[None])).sum())
    yield found.task.words.alike(agree, len(tiles))
    yield Sheet(tiles, "predictions", "Nearest neighbours")


def _charts(found: ImageExplanation) -> Iterator[Panel]:
    words = found.task.words
    name = words.names[found.task.names.index(found.attributions[0].target)]
    yield Panel(
        "deletion",
        f"Deletion curve of {found.id}",
        f"The {words.quantity} of ‘{name}’ while the image is blurred square by square, those with "
        "the strongest evidence first. The earlier it falls below the dashed line of random order, "
        "the more faithful the map.",
        Chart(lambda: draw_deletion(found.curve, words.quantity)),
    )
    if found.layers:
        yield Panel(
            "activations",
            f"Activation maps of {found.id}",
            "Bright where a channel finds its pattern, each channel scaled by itself, crossed out "
            f"where it is constant. The {_CHANNELS} channels of each layer that vary most are "
            "shown.",
            ImageRows(activation_groups(found.layers, _CHANNELS)),
        )
