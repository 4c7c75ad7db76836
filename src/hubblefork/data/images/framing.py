"""How an image is cropped, scaled and transformed before it is packed."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from hubblefork.core.arguments import as_whole
from hubblefork.core.errors import RequestError
from hubblefork.data.images.transforms import find_transforms
from hubblefork.sky.stretch import Stretch

# Of packed images and of a network's input: one image of this side is 50 MB as the input of a
# network, and the maps that the network makes of it are a gigabyte.
LARGEST_SIDE = 2048


@dataclass(frozen=True)
class Framing:
    """The square that is kept of every image, and the form it is packed in.

    crop: side of the square kept around the centre, in pixels of the original image. None keeps
        the largest centred square. An image smaller than the crop is left out with a reason:
        padding or enlarging it would change the scale that the crop is there to keep.
    size: side of the packed image in pixels. None leaves the kept square as it is.
    channels: of a packed image: 1 (grey), 3 (red, green, blue), or the bands of a source that
        has another number of them.
    stretch: how counts, as FITS files and arrays of floats hold them, become bytes.
    hdu: what the image is called that is read of FITS files with several, as `choose_image` of
        `hubblefork.sky.fits_images` takes it. None leaves the choice to each file.
    transforms: names of registered functions that the framed image then goes through, in order;
        see `hubblefork.register_transform`.

    Raises RequestError where a side or the channels are not a positive whole number, and where no
    transform of a name is registered.

    >>> Framing(crop=212, size=106).channels
    3
    >>> Framing(size=0)
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: size is 0; expected a whole number of pixels ...
    """

    crop: int | None = None
    size: int | None = None
    channels: int = 3
    stretch: Stretch = field(default_factory=Stretch)
    transforms: tuple[str, ...] = ()
    hdu: str | None = None

    def __post_init__(self) -> None:
        for name in ("crop", "size"):
            side = getattr(self, name)
            if side is not None:
                # 10,000 squared is the largest image that is decoded at all (images.MOST_PIXELS).
                object.__setattr__(self, name, as_whole(side, name, 1, 10_000, " of pixels"))
        as_whole(self.channels, "channels", 1)
        find_transforms(self.transforms)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a packed image.

        Raises RequestError where images are packed in the size that they have.
        """
        if self.size is None:
            raise RequestError("the images have no common size: expected a number of pixels")
        return self.size, self.size, self.channels

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Framing":
        """Read what `to_json` wrote.

        >>> Framing.from_json(Framing(size=64).to_json()) == Framing(size=64)
        True
        """
        stretch, transforms = Stretch(**value["stretch"]), tuple(value["transforms"])
        return cls(**{**value, "stretch": stretch, "transforms": transforms})

    def __str__(self) -> str:
        crop = f"centre {self.crop} pixels" if self.crop else "centre square"
        size = f", resized to {self.size}\u00a0×\u00a0{self.size}" if self.size else ""
        kind = {1: ", grey", 3: ""}.get(self.channels, f", {self.channels} bands")
        hdu = [f"HDU {self.hdu}"] if self.hdu else []
        return ", ".join([crop + size + kind, *hdu, *self.transforms])


def centre(width: int, height: int, crop: int | None) -> tuple[int, int, int]:
    """Return left edge, top edge and side of the centred square of side `crop`, or the largest.

    Raises ValueError, with a reason in plain words, where the image is smaller than the crop.

    >>> centre(40, 30, None), centre(40, 30, 10)
    ((5, 0, 30), (15, 10, 10))
    """
    side = crop or min(width, height)
    if side > min(width, height):
        raise ValueError(f"{width}x{height} pixels, smaller than the crop of {side}")
    return (width - side) // 2, (height - side) // 2, side


def square(array: np.ndarray, crop: int | None) -> np.ndarray:
    """Return the centred square of side `crop`, or the largest, of (H, W, ...) values.

    Raises ValueError as `centre` does.
    """
    height, width = array.shape[:2]
    left, top, side = centre(width, height, crop)
    return array[top : top + side, left : left + side]


def frame(pixels: np.ndarray, framing: Framing) -> np.ndarray:
    """Crop, scale and convert the bytes (H, W, C) of an image to (side, side, channels).

    Grey becomes colour by repetition, colour grey by luma (ITU-R 601), other bands grey by their
    mean. Raises ValueError, with a reason in plain words, where the channels do not fit or the
    image is smaller than the crop.

    >>> frame(np.zeros((30, 40, 3), np.uint8), Framing(size=16, channels=1)).shape
    (16, 16, 1)
    """
    pixels = _with_channels(square(pixels, framing.crop), framing.channels)
    return resized(pixels, framing.size or len(pixels))


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    found = pixels.shape[2]
    if found == channels:
        return np.ascontiguousarray(pixels)
    if found == 1 and channels == 3:
        return pixels.repeat(3, axis=2)
    if found == 3 and channels == 1:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))[..., None]
    if channels == 1:
        return np.round(pixels.mean(axis=2, keepdims=True)).astype(np.uint8)
    raise ValueError(f"{found} bands, where {channels} are expected")


def colour_of(bands: int) -> str:
    """What an image of so many bands is; transparency is not a colour.

    >>> colour_of(1), colour_of(3), colour_of(4), colour_of(5)
    ('grey', 'in colour', 'in colour', 'of 5 bands')
    """
    if bands <= 2:
        return "grey"
    return "in colour" if bands <= 4 else f"of {bands} bands"


def resized(
    pixels: np.ndarray, size: int, box: tuple[float, float, float, float] | None = None
) -> np.ndarray:
    """Scale bytes (H, W, C) to (size, size, C) bicubically, without aliasing.

    box: left, top, right and bottom of the region to scale, in (fractional) pixels; None for all.

    >>> resized(np.full((30, 30, 4), 7, np.uint8), 10).shape
    (10, 10, 4)
    """
    if box is None and pixels.shape[:2] == (size, size):
        return np.ascontiguousarray(pixels)
    if pixels.shape[2] == 3:
        return _scale(pixels, size, box)
    bands = [_scale(pixels[..., band], size, box) for band in range(pixels.shape[2])]
    return np.stack(bands, axis=2)


def _scale(
    pixels: np.ndarray, size: int, box: tuple[float, float, float, float] | None
) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    # Pillow's kernel is as wide as the reduction requires, so nothing is aliased. Before a strong
    # reduction, whole blocks are averaged down to 3 times the requested size: its documentation
    # calls this indistinguishable from the full kernel, and it is faster.
    return np.asarray(
        image.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
