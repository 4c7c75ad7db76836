"""Pack a source, for a notebook."""

from collections.abc import Mapping
from typing import Any

from hubblefork.data.dataset import PackedDataset
from hubblefork.data.packing import pack as pack_opened
from hubblefork.data.sources import open_source


def pack(
    source: Any,
    *,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
    crop: int | None = None,
    size: int | None = None,
    grey: bool = False,
    classes: str | Mapping[str, Any] | None = None,
) -> PackedDataset:
    """Read a source once; its images become a memory-mapped array with a table.

    Parameters
    ----------
    source
        A name, a directory with one folder per class, a catalogue, or arrays and tables in memory:
        see `hubblefork.open_source`.
    columns, mosaics
        Of a catalogue: see `hubblefork.open_source`.
    crop
        Side of the centred square to keep of each image, in its own pixels; all of it by default.
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
    opened = open_source(source, classes, columns=columns, mosaics=mosaics)
    return pack_opened(opened, opened.framing(crop, size, grey))
