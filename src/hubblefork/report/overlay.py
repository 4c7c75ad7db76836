"""Attribution maps drawn over the images that they belong to."""

import numpy as np
from matplotlib import colormaps
from PIL import Image
from scipy.ndimage import binary_erosion

# Opacity of a map where it is strongest: the image below must still be visible.
_OPACITY = 0.65

# Side of an overlay in pixels: small images are enlarged, so that the map is smooth.
_SIDE = 256


def overlay(image: np.ndarray, map_: np.ndarray | None = None) -> np.ndarray:
    """An image (H, W) or (H, W, 3) uint8 under its map, as (256, 256, 3) uint8.

    The map (H, W) goes from 0, transparent, to 1, bright; a white line surrounds places above 0.5.
    Without one, the image is enlarged in the same way.

    >>> overlay(np.zeros((32, 32), np.uint8), np.zeros((32, 32))).max()
    np.uint8(0)
    """
    size = (_SIDE, _SIDE)
    below = Image.fromarray(image).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    if map_ is None:
        return np.asarray(below)
    large = Image.fromarray(map_.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    values = np.clip(np.asarray(large), 0, 1)
    weight = _OPACITY * values[..., None]
    mixed = (1 - weight) * np.asarray(below) + weight * 255 * colormaps["inferno"](values)[..., :3]
    inside = values > 0.5
    mixed[inside & ~binary_erosion(inside, iterations=2)] = 255
    return mixed.round().astype(np.uint8)
