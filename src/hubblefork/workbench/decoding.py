"""Files from elsewhere are decoded in a process of their own, which may die.

This module and what it imports load no torch, so that the process starts quickly.
"""

import os
import threading
from collections.abc import Collection, Mapping
from concurrent.futures import BrokenExecutor
from functools import partial
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.data.images.blocks import leave_with, read_block
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.multiband import look_at_counts
from hubblefork.data.images.read import read_images
from hubblefork.data.images.transforms import Transform, find_transforms
from hubblefork.data.sources.base import keep_image
from hubblefork.sky.fits import is_fits

# Seconds for one file: the largest that are read take a few.
DECODING_SECONDS = 60.0


class Decoder:
    """Decodes one file after another, for callers in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Any = None

    def read(self, content: bytes, framing: Framing, colours: Collection[str]) -> np.ndarray:
        """The image of a file, (side, side, channels) uint8, framed as `predict` does it.

        Raises RequestError where it cannot be read, takes too long or ends the process.
        """
        transforms = find_transforms(framing.transforms)
        with self._lock:
            for _ in range(2):  # that the process died since the last file is noticed by this one
                try:
                    work = self._started().submit(_read, content, framing, colours, transforms)
                    image: np.ndarray = work.result(DECODING_SECONDS)
                except BrokenExecutor:
                    self._end()
                except TimeoutError:
                    self._end()
                    raise RequestError(
                        f"it took more than {DECODING_SECONDS:g} seconds to read"
                    ) from None
                else:
                    return image
        raise RequestError("reading it ended the process that reads files, twice")

    def _started(self) -> Any:
        if self._pool is None:
            # joblib's processes need no `if __name__ == "__main__"` in the caller's script.
            from joblib.externals.loky import ProcessPoolExecutor

            limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
            self._pool = ProcessPoolExecutor(
                1, env=limits, initializer=leave_with, initargs=(os.getpid(),)
            )
        return self._pool

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        pool.shutdown(wait=False, kill_workers=True)


def _read(
    content: bytes, framing: Framing, colours: Collection[str], transforms: Mapping[str, Transform]
) -> np.ndarray:
    hdu = look_at_counts([content], framing.hdu).hdu if is_fits(content) else None
    job = partial(read_images, [content])
    block = read_block(
        job, keep_image(framing, hdu, "the file"), framing.shape, colours, dict(transforms)
    )
    for _, reason in block.left_out:
        raise RequestError(reason)
    return np.frombuffer(block.pixels, np.uint8).reshape(framing.shape)
