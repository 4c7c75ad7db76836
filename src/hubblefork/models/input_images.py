"""The input images of a `Predictor`, cropped and scaled as in its model file."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import numpy as np
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.images.blank import is_blank
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.framing import Framing, colour_of, frame
from hubblefork.data.images.raster import frame_image, pixels_of
from hubblefork.data.images.transforms import apply_transforms, find_transforms

# An array (N, H, W, C) or (H, W, C) of uint8, an image of Pillow, or a sequence of images.
Images = np.ndarray | Image.Image | Sequence[np.ndarray | Image.Image]


class InputImages:
    """Images as batches of arrays, framed on access.

    Arrays that already have the packed size are used as they are: not cropped, scaled or
    transformed; a memory-mapped array of these is read batch by batch.

    Parameters
    ----------
    images
        (N, H, W, C) or (H, W, C) uint8, an image of Pillow, or a sequence of these. Grey images may
        have two axes.
    framing
        The conversion of an image to a packed one.
    colours
        The accepted results of `colour_of`.

    Raises RequestError for anything else.

    >>> images = InputImages([Image.new("RGB", (40, 30))], Framing(size=16), ["in colour"])
    >>> len(images), images.batch(np.array([0, 0])).shape
    (1, (2, 16, 16, 3))
    """

    def __init__(self, images: Images, framing: Framing, colours: Collection[str]):
        if isinstance(images, Image.Image) or _is_array(images, (2, 3)):
            self._images: np.ndarray | Sequence[np.ndarray | Image.Image] = [images]
        elif isinstance(images, list | tuple) or _is_array(images, (4,)):
            self._images = images.filled(0) if isinstance(images, np.ma.MaskedArray) else images
        else:
            raise _not_images(images)
        self._framing = framing
        self._colours = colours
        self._transforms = find_transforms(framing.transforms)
        self._packed = (framing.size, framing.size, framing.channels)

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, rows: np.ndarray) -> np.ndarray:
        """The images at these indices: (n, side, side, channels) uint8."""
        if isinstance(self._images, np.ndarray) and self._images.shape[1:] == self._packed:
            return self._images[rows]
        return np.stack([self._framed(self._images[row], row) for row in rows])

    def number_of_blank(self) -> int:
        """How many of the images look blank, as they were given."""
        images = [self._images[place] for place in range(len(self))]
        arrays = [pixels_of(e) if isinstance(e, Image.Image) else np.asarray(e) for e in images]
        return sum(is_blank(np.atleast_3d(array)) for array in arrays)

    def _framed(self, image: object, row: int) -> np.ndarray:
        try:
            if isinstance(image, Image.Image):
                decoded = frame_image(image, self._framing_of(image.size))
                return self._transformed(decoded.pixels, decoded.bands)
            if isinstance(image, np.ma.MaskedArray):
                image = image.filled(0)  # masked pixels are black
            if not _is_array(image, (2, 3)):
                raise _not_images(image)
            if image.shape == self._packed:
                return image
            pixels = image[..., None] if image.ndim == 2 else image
            framed = frame(pixels, self._framing_of(pixels.shape[:2]))
            return self._transformed(framed, pixels.shape[2])
        except (UnreadableImage, ValueError) as reason:
            raise RequestError(f"image {row} cannot be predicted: {reason}") from reason

    def _framing_of(self, sides: tuple[int, ...]) -> Framing:
        return replace(self._framing, crop=None) if sides == self._packed[:2] else self._framing

    def _transformed(self, pixels: np.ndarray, bands: int) -> np.ndarray:
        found = colour_of(bands)
        if found not in self._colours:
            raise ValueError(f"it is {found}, where it should be {' or '.join(self._colours)}")
        return apply_transforms(pixels, self._transforms)


def _is_array(images: object, axes: tuple[int, ...]) -> TypeGuard[np.ndarray]:
    return isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.ndim in axes


def _not_images(given: object) -> RequestError:
    kind, instead = type(given).__name__, ""
    if isinstance(given, np.ndarray):
        kind = f"{given.dtype} of shape {given.shape}"
        if given.dtype != np.uint8:
            instead = "; scale them to 0 to 255 as for the training, and use .astype('uint8')"
    elif isinstance(given, str | Path):
        instead = "; hubblefork.predict reads files"
    return RequestError(
        "expected images as uint8 of shape (N, H, W, C) or (H, W, C), images of Pillow, or a list "
        f"of these, not {kind}{instead}"
    )
