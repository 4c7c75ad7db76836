"""What was found in a source, in plain sentences: for the page and for the terminal."""

from collections.abc import Iterator

import numpy as np

from hubblefork.core.text import listed, percent, several
from hubblefork.data.images.blank import blank_images
from hubblefork.data.inspection import Alike, Inspection
from hubblefork.report.inspect_tasks import labels_of

# A fraction of an image that is worth a word when it is saturated, or cut away; and a fraction of
# images.
_MUCH, _MANY = 0.05, 0.01


def sentences(inspection: Inspection) -> list[str]:
    """What the source holds, and what a model has to beat."""
    found, table = sizes(inspection), inspection.dataset.table
    size = f"all of them {found[0][0]}"
    if len(found) > 1:
        low, high = table[["width", "height"]].min(axis=1), table[["width", "height"]].max(axis=1)
        size = f"with sides from {low.min():,} to {high.max():,} pixels"
    what = (
        f"‘{inspection.dataset.source}’ holds {several(len(table), 'image')} "
        f"{inspection.dataset.task.summary}, {size}."
    )
    return [what, *labels_of(inspection).sentences(inspection)]


def cautions(inspection: Inspection) -> list[str]:
    """What to mend, or to keep in mind, before training; one sentence each."""
    return [
        *([f"Training would refuse it: {inspection.refused}."] if inspection.refused else []),
        *labels_of(inspection).cautions(inspection),
        *_of_alike(inspection),
        *_of_images(inspection),
        *_of_sizes(inspection),
        *_of_groups(inspection),
    ]


def sizes(inspection: Inspection) -> list[tuple[str, int]]:
    """The sizes and channels of the originals and how many have each, the most common first."""
    columns = ["width", "height", "bands"]
    found = inspection.dataset.table.groupby(columns).size().sort_values(ascending=False)
    kinds = {1: "grey", 3: "colour"}
    return [
        (f"{width} × {height} pixels, {kinds.get(bands, f'{bands} channels')}", int(number))
        for (width, height, bands), number in found.items()
    ]


def groups_note(groups: list[Alike]) -> str:
    """How many images groups hold, and in how many the labels differ or the sets of the split.

    >>> groups_note([Alike(np.array([3, 8]), differ=True, divided=False)])
    '2\\xa0images in 1\\xa0group; the labels of 1 differ'
    """
    images = several(sum(len(group.rows) for group in groups), "image")
    note = f"{images} in {several(len(groups), 'group')}"
    differing = sum(group.differ for group in groups)
    divided = sum(group.divided for group in groups)
    note += f"; the labels of {differing:,} differ" if differing else ""
    return note + (f"; {divided:,} are in more than one set of the split" if divided else "")


def _of_alike(inspection: Inspection) -> Iterator[str]:
    kept = "; every split keeps them together"
    for groups, what, remedy in (
        (inspection.identical, "Identical images", kept),
        (
            inspection.near,
            "Near duplicates",
            "; a split keeps them together: look at them on the page, and remove copies",
        ),
        (inspection.companions, "Companion files of one object", kept),
        (inspection.same_place or [], "Images of the same position on the sky", kept),
    ):
        if groups:
            yield f"{what}: {groups_note(groups)}{remedy}."


def _of_images(inspection: Inspection) -> Iterator[str]:
    left_out = len(inspection.dataset.info["left_out"])
    if left_out:
        verb = "was" if left_out == 1 else "were"
        yield f"{several(left_out, 'image')} could not be read and {verb} left out."
    if len(inspection.blank):
        yield f"{blank_images(len(inspection.blank))}."
    white = int((inspection.light["saturated"] > _MUCH).sum())
    if white > _MANY * len(inspection.light):
        yield (
            f"{several(white, 'image')} have more than {percent(_MUCH, 0)} of their pixels "
            "saturated: a white background, or objects whose profile is lost."
        )


def _of_sizes(inspection: Inspection) -> Iterator[str]:
    table, framing = inspection.dataset.table, inspection.dataset.framing
    short, long = table[["width", "height"]].min(axis=1), table[["width", "height"]].max(axis=1)
    cut = float((1 - short / long).mean())
    if framing.crop is None and cut > _MUCH:
        yield (
            "Images are not square: only the central square is kept, which cuts away "
            f"{percent(cut, 0)} of them on average."
        )
    kept = np.broadcast_to(framing.crop or short, len(table))
    enlarged = int((kept < framing.size).sum()) if framing.size else 0
    if enlarged:
        yield (
            f"{several(enlarged, 'image')} enlarged: smaller than the {framing.size} pixels a side "
            "of the packed images; --size sets fewer."
        )
    bands = table["bands"].value_counts()
    if len(bands) > 1:
        found = listed([f"{number:,} with {channels}" for channels, number in bands.items()])
        yield (
            f"Images differ in their number of channels: {found}; a network may learn this instead "
            "of the classes."
        )


def _of_groups(inspection: Inspection) -> Iterator[str]:
    if inspection.grouped:
        return
    found = [column for column in inspection.columns if column.groups and column.pure]
    if found:
        named = listed([f"‘{each.name}’ ({several(each.values, 'value')})" for each in found])
        yield (
            f"Images that share a value of {named} are of one class, and may have more in common: "
            f"--set group={found[0].name} keeps them in one set of the split."
        )
