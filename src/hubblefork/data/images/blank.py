"""Images with almost no contrast: empty, or shown with a range that is not theirs."""

import numpy as np

from hubblefork.core.progress import say
from hubblefork.core.text import several

# An image whose brightness has a smaller standard deviation than this, of 255, looks blank: the
# noise of an empty sky has a larger one.
BLANK = 2.0

# A few blank images are usual; where most are, something is wrong with how they are read.
_MANY = 0.5


def is_blank(pixels: np.ndarray) -> bool:
    """Whether an image (H, W, C) of bytes looks blank.

    >>> is_blank(np.full((8, 8, 3), 90, np.uint8)), is_blank(np.arange(64).reshape(8, 8, 1))
    (True, False)
    """
    # As a product, which is five times as fast as numpy's mean over a short axis.
    channels = pixels.shape[2]
    brightness = pixels @ np.full(channels, 1 / channels, np.float32)
    return bool(brightness.std() < BLANK)


def blank_images(number: int) -> str:
    """How many images are blank, as a sentence without its full stop.

    >>> blank_images(1)
    '1\\xa0image is blank, or almost'
    """
    return f"{several(number, 'image')} {'is' if number == 1 else 'are'} blank, or almost"


def warn_of_blank(number: int, total: int) -> None:
    """Say so where most of all images are blank."""
    if number > _MANY * total:
        say(
            f"{blank_images(number)}, of {total:,}: is the range of their values, the crop or the "
            "stretch right? hubblefork inspect shows them"
        )
