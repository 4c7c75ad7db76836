"""Pack a source by name, for a notebook."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubblefork.data.dataset import PackedDataset
from hubblefork.data.packing import pack as pack_opened
from hubblefork.data.sources import open_source


def pack(
    source: str | Path,
    *,
    crop: int | None = None,
    size: int | None = None,
    grey: bool = False,
    classes: str | Mapping[str, Any] | None = None,
) -> PackedDataset:
    """Read a source once, and give its images as a memory-mapped array with a table.

    Parameters
    ----------
    source
        `simulated`, a directory with one folder a class, or a catalogue.
    crop
        Side of the centred square kept of each image, in its own pixels; all of it by default.
    size
        Side of the packed images in pixels.
    grey
        One channel instead of all that the source has.
    classes
        How votes become classes: `galaxy10`, `five`, or thresholds, also as a TOML file's path.

    Raises RequestError where the source cannot be used.

    >>> sky = pack("simulated:40", size=32)
    >>> sky.images.shape, sky.images.dtype, sky.task.outputs
    ((40, 32, 32, 3), dtype('uint8'), 10)
    """
    opened = open_source(source, classes)
    return pack_opened(opened, opened.framing(crop, size, grey))
