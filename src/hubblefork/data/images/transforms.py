"""Preprocessing of one's own: functions by name that images go through before they are packed.

A recipe names them, as `data.transforms = ["denoise"]`; they are part of the framing, so that a
model file applies them to the images that it predicts.
"""

import hashlib
import inspect
from collections.abc import Callable, Sequence

import numpy as np

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.registry import F, Registry

# From (H, W, C) uint8 to the same.
Transform = Callable[[np.ndarray], np.ndarray]

_registry = Registry("transform")


def register_transform(name: str) -> Callable[[F], F]:
    """Decorate a function that every image goes through where a recipe names it.

    It is called with an image as packed, (H, W, C) uint8, and returns one of the same shape and
    type. A package announces one as an entry point of the group `hubblefork.transforms`.

    Raises RequestError for a name that is taken or cannot be one.

    >>> @register_transform("negative")
    ... def negative(image):
    ...     return 255 - image
    >>> apply_transforms(np.zeros((2, 2, 1), np.uint8), {"negative": negative}).max()
    np.uint8(255)
    """
    return _registry.register(name)


def find_transforms(names: Sequence[str]) -> dict[str, Transform]:
    """Return the functions of these names; RequestError where one is not registered."""
    found = {}
    for name in names:
        transform = _registry.find(name)
        if transform is None:
            known = _registry.names()
            hint = nearest(name, known) if known else "none is registered"
            raise RequestError(
                f"no transform is registered as {name!r}; {hint}; import the module that has "
                f'@hubblefork.register_transform("{name}") first'
            )
        found[name] = transform
    return found


def apply_transforms(image: np.ndarray, transforms: dict[str, Transform]) -> np.ndarray:
    """Send an image (H, W, C) uint8 through these functions, in order.

    Raises RequestError where one fails, or returns another shape or type.
    """
    for name, transform in transforms.items():
        try:
            result = transform(image.copy())
        # It is the user's own code, which may fail in any way.
        except Exception as error:
            raise RequestError(
                f"the transform {name!r} failed ({type(error).__name__}: {error})"
            ) from error
        found = (getattr(result, "shape", None), getattr(result, "dtype", None))
        if found != (image.shape, np.uint8):
            raise RequestError(
                f"the transform {name!r} returned {found[1] or type(result).__name__} of shape "
                f"{found[0]}; expected uint8 of shape {image.shape}"
            )
        image = result
    return image


def transforms_digest(names: Sequence[str]) -> str:
    """A hash of the functions' source text, so that an edited one packs images again."""
    digest = hashlib.sha256()
    for name, transform in find_transforms(names).items():
        try:
            text = inspect.getsource(transform)
        except (OSError, TypeError):  # typed in a plain Python prompt, or an object
            code = getattr(transform, "__code__", None)
            text = (
                code.co_code.hex() + repr(code.co_consts) if code else type(transform).__qualname__
            )
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()
