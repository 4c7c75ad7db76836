"""Small images, folders and catalogues for the tests of this room."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def noise(seed: int, width: int = 24, height: int = 24) -> np.ndarray:
    """Pixels that no other seed gives, (height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def make_images() -> Callable[..., list[Path]]:
    """Write this many PNG images, each different, in a folder that is made."""
    seeds = iter(range(1_000_000))

    def make(folder: Path, number: int, width: int = 24, height: int = 24) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{index:03d}.png" for index in range(number)]
        for path in paths:
            Image.fromarray(noise(next(seeds), width, height)).save(path)
        return paths

    return make


@pytest.fixture
def two_classes(tmp_path: Path, make_images: Callable) -> Path:
    """A source with two class folders of 12 and 10 images."""
    make_images(tmp_path / "sky" / "edge_on", 12)
    make_images(tmp_path / "sky" / "spiral", 10)
    return tmp_path / "sky"
