"""Explain single images: a page, figures of each and tables of all."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.file_cache import file_sha256
from hubblefork.core.progress import progress, say
from hubblefork.data.images.blocks import read_block
from hubblefork.explanation.measured_method import MethodChoice
from hubblefork.explanation.saving import save_table
from hubblefork.explanation.single_image import ImageExplanation, explain_image
from hubblefork.models.predictor import Predictor
from hubblefork.prediction.inputs import open_inputs
from hubblefork.report.components import Page
from hubblefork.report.explain_image_section import image_section, save_image_figures
from hubblefork.report.explain_words import about_images
from hubblefork.report.page import now, write_page
from hubblefork.runs.run import Run, short_name
from hubblefork.sky.links import Positions, positions_of
from hubblefork.workflow.reference_images import reference_images

# Images that are explained one by one: each takes seconds, and a section of the page.
_MOST_IMAGES = 24

# The folder in a run that `explain RUN` writes.
EXPLANATION = "explanation"

# Of these, so many are open at first.
_UNFOLDED = 3


def explain_images(
    predictor: Predictor,
    run: Run | None,
    places: Sequence[str | Path],
    folder: Path,
    method: str | None,
    layer: str | None,
) -> pd.DataFrame:
    """Explain images one by one, and write into `folder`.

    Returns the table `explanations.csv`. Raises RequestError where none can be read.
    """
    found, problems, number, positions = _read(predictor, places)
    for identifier, reason in problems:
        say(f"not read: {identifier}: {reason}")
    if not found:
        identifier, reason = problems[0]
        raise RequestError(f"no image could be read; {identifier}: {reason}")
    if number > len(found) + len(problems):
        say(f"explaining the first {_MOST_IMAGES} of {number:,} images")
    reference = reference_images(predictor, run) if run else None
    choice = MethodChoice(method, "")
    if run is not None and not (method or layer):
        choice = measured_method(run)
    explained: list[ImageExplanation] = []
    with progress("explaining", len(found)) as done:
        for identifier, image in found:
            explained.append(
                explain_image(predictor, image, identifier, choice.method, layer, reference)
            )
            done(1)
    rows = []
    for place, each in enumerate(explained, start=1):
        files = save_image_figures(each, folder / "images", f"{place:03d}")
        rows.append(each.row() | {"overlay": f"images/{files[0].name}"})
    table = pd.DataFrame(rows)
    save_table(table, folder / "explanations.csv")
    if reference:
        tables = [
            each.neighbours.table([each.id], reference.ids, reference.descriptions)
            for each in explained
            if each.neighbours is not None
        ]
        save_table(pd.concat(tables, ignore_index=True), folder / "neighbours.csv")
    page = Page(
        title=f"{predictor.card.recipe} on {short_name(predictor.card.source)}",
        kind="Explanation of single images",
        made=now(),
        sections=[
            image_section(each, positions, unfolded=place < _UNFOLDED)
            for place, each in enumerate(explained)
        ],
        **about_images(table, choice.why, number, problems, bool(reference)),
    )
    write_page(page, folder / "explanation.html", "explain")
    return table


def measured_method(run: Run) -> MethodChoice:
    """The method that measured best when `explain RUN` explained this run's test set, if it did."""
    return MethodChoice.stored(run.path / EXPLANATION, file_sha256(run.model))


def _read(
    predictor: Predictor, places: Sequence[str | Path]
) -> tuple[list[tuple[str, np.ndarray]], list[tuple[str, str]], int, Positions]:
    """The first images with their ids, unreadable ones with the reason, the number of all, and
    where on the sky they are, as far as that is known."""
    shape = predictor.framing.shape
    found: list[tuple[str, np.ndarray]] = []
    problems: list[tuple[str, str]] = []
    number = 0
    positions: dict[str, tuple[float, float]] = {}
    for source in open_inputs(places, predictor.framing.hdu):
        for note in source.notes:
            say(note)
        ids = source.table["id"].tolist()
        positions |= positions_of(source.table)
        number += len(ids)
        rows = range(min(len(ids), _MOST_IMAGES - len(found) - len(problems)))
        if not len(rows):
            continue
        framing = source.framing_like(predictor.framing)
        block = read_block(source.job(rows), framing, shape, predictor.card.colours)
        images = np.frombuffer(block.pixels, np.uint8).reshape(-1, *shape)
        found += [(ids[place], each) for place, each in zip(block.read, images, strict=True)]
        problems += [(ids[place], reason) for place, reason in block.left_out]
    return found, problems, number, positions
