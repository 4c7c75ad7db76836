"""What was found in a source, in plain sentences: for the page and for the terminal."""

from collections.abc import Iterator

import numpy as np

from hubblefork.core.errors import first_few
from hubblefork.core.text import listed, percent, several
from hubblefork.data.inspection import Alike, Inspection
from hubblefork.report.summary import FEW

# From here on, the commonest class has so many times the images of the rarest that accuracy
# mostly tells how the common ones fare.
_UNEVEN = 2

# A share of an image that is worth a word when it is white, or cut away; and a share of images.
_MUCH, _MANY = 0.05, 0.01


def sentences(inspection: Inspection) -> list[str]:
    """What the source holds; what guessing reaches; why accuracy misleads, or what does not."""
    return [_what(inspection), *_guessing(inspection)]


def cautions(inspection: Inspection) -> list[str]:
    """What a careful person mends, or keeps in mind, before training; one sentence each."""
    return [
        *_of_split(inspection),
        *_of_alike(inspection),
        *_of_images(inspection),
        *_of_sizes(inspection),
        *_of_groups(inspection),
    ]


def label(inspection: Inspection, row: int) -> str:
    """What the label of one image says; nothing without labels.

    For votes, the commonest first answer and its share.
    """
    if inspection.codes is None:
        return ""
    name = inspection.names[inspection.codes[row]]
    if inspection.votes is None:
        return name
    return f"{name}, {percent(float(inspection.votes.first[row].max()), 0)}"


def task(inspection: Inspection) -> str:
    """What a label means, after 'images'."""
    return inspection.dataset.task.summary


def sizes(inspection: Inspection) -> list[tuple[str, int]]:
    """The sizes and channels of the originals, the commonest first, and how many have each."""
    columns = ["width", "height", "bands"]
    found = inspection.dataset.table.groupby(columns).size().sort_values(ascending=False)
    kinds = {1: "grey", 3: "colour"}
    return [
        (f"{width} × {height}, {kinds.get(bands, f'{bands} channels')}", int(number))
        for (width, height, bands), number in found.items()
    ]


def groups_note(groups: list[Alike]) -> str:
    """How many images groups hold, and of how many the labels differ or the split is between.

    >>> import numpy as np
    >>> groups_note([Alike(np.array([3, 8]), differ=True, divided=False)])
    '2\\xa0images in 1\\xa0group; the labels of 1 differ'
    """
    images = several(sum(len(group.rows) for group in groups), "image")
    note = f"{images} in {several(len(groups), 'group')}"
    differing = sum(group.differ for group in groups)
    divided = sum(group.divided for group in groups)
    note += f"; the labels of {differing:,} differ" if differing else ""
    return note + (f"; {divided:,} would be divided by the split" if divided else "")


def _what(inspection: Inspection) -> str:
    found = sizes(inspection)
    table = inspection.dataset.table
    size = f"all of {found[0][0]}"
    if len(found) > 1:
        low, high = table[["width", "height"]].min(axis=1), table[["width", "height"]].max(axis=1)
        size = f"with sides from {low.min():,} to {high.max():,} pixels"
    return (
        f"‘{inspection.dataset.source}’ holds {several(len(table), 'image')} "
        f"{task(inspection)}, {size}."
    )


def _guessing(inspection: Inspection) -> Iterator[str]:
    if inspection.codes is None:
        yield "Without labels nothing can be learnt from them; a trained model can predict them."
        return
    if inspection.votes is not None:
        yield (
            "Giving every galaxy the mean votes of all, without looking at one, has an RMSE of "
            f"{inspection.votes.rmse_of_mean:.4f}: a model that has learnt something is below."
        )
        return
    counts, total = inspection.counts, inspection.counts.sum()
    most, least = counts.argmax(), np.where(counts > 0, counts, total).argmin()
    held = np.count_nonzero(counts)
    common, rare = inspection.names[most], inspection.names[least]
    yield (
        f"Always answering ‘{common}’, without looking at an image, would be right for "
        f"{percent(counts[most] / total)} of them."
    )
    if counts[most] < _UNEVEN * counts[least]:
        yield (
            "The classes are about even, so accuracy is a fair measure here: balanced accuracy, "
            f"which counts every class alike, gives that answer {percent(1 / held)}."
        )
        return
    yield (
        f"Accuracy misleads here: a classifier that never finds ‘{rare}’ "
        f"({several(int(counts[least]), 'image')}) can still be right for "
        f"{percent(1 - counts[least] / total, _digits(counts[least] / total))}. Balanced "
        f"accuracy, which counts every class alike, gives the guess {percent(1 / held)} and that "
        f"classifier at most {percent(1 - 1 / held)}."
    )


def _digits(share: float) -> int:
    """Decimals of a percentage that tell this small a share from nothing.

    >>> _digits(0.02), _digits(0.0004)
    (1, 2)
    """
    return 1 if share >= 0.001 else 2


def _of_split(inspection: Inspection) -> Iterator[str]:
    if inspection.refused:
        yield f"Training would be refused as it is: {inspection.refused}."
    if "test" not in inspection.parts or inspection.votes is not None:
        return
    tested = zip(inspection.names, inspection.parts["test"], strict=True)
    few = [f"‘{name}’ ({count})" for name, count in tested if count < FEW]
    if few:
        yield (
            f"Fewer than {FEW} test images, too few to measure how well a class is found: "
            f"{first_few(few, 5)}."
        )


def _of_alike(inspection: Inspection) -> Iterator[str]:
    for groups, what, remedy in (
        (inspection.identical, "Identical images", ""),
        (
            inspection.near,
            "Images that seem to show the same thing",
            "; look at them on the page, and remove copies or tie them by a column ‘group’",
        ),
        (inspection.same_place or [], "The same place on the sky", ""),
    ):
        if groups:
            # Equal bytes and places are kept together by every split; similarity is for eyes.
            kept = "" if remedy else "; every split keeps them together"
            yield f"{what}: {groups_note(groups)}{remedy or kept}."


def _of_images(inspection: Inspection) -> Iterator[str]:
    left_out = len(inspection.dataset.info["left_out"])
    if left_out:
        verb = "was" if left_out == 1 else "were"
        yield f"{several(left_out, 'image')} could not be read and {verb} left out."
    blank = len(inspection.blank)
    if blank:
        verb = "is" if blank == 1 else "are"
        yield f"{several(blank, 'image')} {verb} blank, or almost."
    white = int((inspection.light["saturated"] > _MUCH).sum())
    if white > _MANY * len(inspection.light):
        yield (
            f"{several(white, 'image')} have more than {percent(_MUCH, 0)} of their pixels "
            "saturated: a white background, or light whose shape is lost."
        )


def _of_sizes(inspection: Inspection) -> Iterator[str]:
    table, framing = inspection.dataset.table, inspection.dataset.framing
    short, long = table[["width", "height"]].min(axis=1), table[["width", "height"]].max(axis=1)
    cut = float((1 - short / long).mean())
    if framing.crop is None and cut > _MUCH:
        yield (
            "Images are not square: only the centre square is kept, which cuts away "
            f"{percent(cut, 0)} of them on average."
        )
    kept = np.broadcast_to(framing.crop or short, len(table))
    enlarged = int((kept < framing.size).sum()) if framing.size else 0
    if enlarged:
        yield (
            f"Fewer pixels a side than the {framing.size} of the packed images: "
            f"{several(enlarged, 'image')}; --size asks for fewer."
        )
    bands = table["bands"].value_counts()
    if len(bands) > 1:
        found = listed([f"{number:,} with {channels}" for channels, number in bands.items()])
        yield f"Images differ in their channels: {found}; how they were made may tell the class."


def _of_groups(inspection: Inspection) -> Iterator[str]:
    if inspection.grouped:
        return
    found = [column for column in inspection.columns if column.groups and column.pure]
    if found:
        named = listed([f"‘{each.name}’ ({several(each.values, 'value')})" for each in found])
        yield (
            f"Images that share a value of {named} are of one class, and may be alike beyond "
            f"that: --set group={found[0].name} keeps them in one part of the split."
        )
