"""A packed dataset as a source: its images are used as they are, or scaled to another size."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.blocks import DecodedImages, Job
from hubblefork.data.images.decoded import DecodedImage
from hubblefork.data.images.framing import Framing, frame
from hubblefork.data.sources.base import Source, table_digest
from hubblefork.sky.stretch import Stretch

# Columns that packing writes itself; those of the originals' sizes are kept by the images.
_PACKED = ("digest", "width", "height", "bands")


class PackedSource(Source):
    """The images of a packed dataset, which are cropped and stretched already."""

    def __init__(self, dataset: PackedDataset) -> None:
        self.dataset = dataset
        self.name = dataset.source
        self.task = dataset.task
        self.table = dataset.table.drop(columns=list(_PACKED))
        self.channels, self.hdu = dataset.framing.channels, dataset.framing.hdu
        self.notes: list[str] = []

    def content(self) -> str:
        parts = f"{self.dataset.key} {table_digest(self.table, self.task)}"
        return hashlib.sha256(parts.encode()).hexdigest()

    def job(self, rows: Sequence[int]) -> Job:
        sizes = self.dataset.table.iloc[list(rows)][["width", "height", "bands"]].to_numpy()
        return partial(_frame_packed, self.dataset.images[list(rows)], sizes, self._check)

    def framing(
        self,
        crop: int | None = None,
        size: int | None = None,
        grey: bool = False,
        stretch: Stretch | None = None,
        transforms: Sequence[str] = (),
    ) -> Framing:
        """Return the framing that the dataset was packed with, with what is asked for instead."""
        packed = self.dataset.framing
        return Framing(
            crop or packed.crop,
            size or packed.size,
            1 if grey else packed.channels,
            packed.stretch if stretch in (None, Stretch()) else stretch,
            tuple(transforms) or packed.transforms,
            packed.hdu,
        )

    def packed(self, framing: Framing) -> PackedDataset | None:
        self._check(framing)
        side = self.dataset.images.shape[1]
        same = framing.channels == self.channels and framing.size in (None, side)
        return self.dataset if same else None

    def _check(self, framing: Framing) -> None:
        """RequestError where images can no longer be framed like this."""
        packed = self.dataset.framing
        for key in ("crop", "stretch", "transforms"):
            if getattr(framing, key) != getattr(packed, key):
                raise RequestError(
                    f"{self.name} is packed with {key} {getattr(packed, key)}, and "
                    f"{getattr(framing, key)} is asked for; give the source it was packed from"
                )
        if packed.transforms and framing.size not in (None, self.dataset.images.shape[1]):
            raise RequestError(
                f"{self.name} was transformed at {self.dataset.images.shape[1]} pixels, and "
                f"{framing.size} are asked for; give the source it was packed from"
            )


def _frame_packed(
    images: np.ndarray, sizes: np.ndarray, check: Callable[[Framing], None], framing: Framing
) -> DecodedImages:
    """Scale packed images (n, H, W, C) as asked; sizes (n, 3): width, height and bands of each."""
    check(framing)
    framing = replace(framing, crop=None)
    return [
        DecodedImage(frame(image, framing), (int(width), int(height)), int(bands))
        for image, (width, height, bands) in zip(images, sizes, strict=True)
    ]
