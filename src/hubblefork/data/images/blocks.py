"""Read images block by block in several threads or processes, and yield the blocks in order.

Worker processes import this module and what reads the images, and nothing heavy beside it, so
that they start quickly.
"""

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeVar

from hubblefork.data.images.blank import is_blank
from hubblefork.data.images.decoded import DecodedImage, UnreadableImage
from hubblefork.data.images.framing import Framing, colour_of
from hubblefork.data.images.transforms import Transform, apply_transforms, find_transforms

# The blocks in progress, a few for each worker, take some tens of megabytes.
_BLOCK_BYTES = 8 << 20

DecodedImages = list[DecodedImage | UnreadableImage]
Job = Callable[[Framing], DecodedImages]
J = TypeVar("J")
T = TypeVar("T")


@dataclass(frozen=True)
class Block:
    """One block of images as read.

    pixels: the bytes of all that could be read, one after another.
    read: the indices of these in the block.
    digests: a hash of the pixels of each, where they were asked for.
    sizes: width, height and bands of the original of each.
    positions: right ascension and declination of each in degrees, and the width of a pixel in
        arcsec, or None.
    left_out: the index and the reason of each of the others.
    blank: how many of those that could be read look blank.
    misfit: the index and the shape of the first that has an unexpected shape.
    """

    pixels: bytes
    read: list[int]
    digests: list[str]
    sizes: list[tuple[int, int, int]]
    positions: list[tuple[float, float, float] | None]
    left_out: list[tuple[int, str]]
    blank: int
    misfit: tuple[int, tuple[int, ...]] | None


def images_a_block(image_bytes: int, most: int) -> int:
    """Return how many images of this size are read together: `most`, fewer where they are large."""
    return max(1, min(most, _BLOCK_BYTES // image_bytes))


def block_rows(total: int, image_bytes: int, most: int) -> list[range]:
    """Divide rows into blocks of at most this many images, fewer where images are large.

    >>> block_rows(5, 100, most=3), block_rows(2, 10 << 20, most=3)
    ([range(0, 3), range(3, 5)], [range(0, 1), range(1, 2)])
    """
    length = images_a_block(image_bytes, most)
    return [range(start, min(start + length, total)) for start in range(0, total, length)]


def read_block(
    job: Job,
    framing: Framing,
    shape: tuple[int, ...],
    colours: Collection[str] | None = None,
    transforms: dict[str, Transform] | None = None,
    digests: bool = True,
) -> Block:
    """Do one job; every image is expected to have this shape.

    colours: where given, images for which `colour_of` returns something else are left out: a model
        trained on colour images cannot use grey ones.
    transforms: the functions that `framing` names, where they may not be registered: in a process.
    """
    if transforms is None:
        transforms = find_transforms(framing.transforms)
    block = Block(b"", [], [], [], [], [], 0, None)
    parts = []
    blank = 0
    for place, image in enumerate(job(framing)):
        if isinstance(image, UnreadableImage):
            block.left_out.append((place, image.reason))
        elif image.pixels.shape != shape:
            return replace(block, misfit=(place, image.pixels.shape))
        elif colours is not None and colour_of(image.bands) not in colours:
            found, expected = colour_of(image.bands), " or ".join(colours)
            block.left_out.append((place, f"it is {found}, where it should be {expected}"))
        else:
            pixels = apply_transforms(image.pixels, transforms)
            blank += is_blank(pixels)
            content = pixels.tobytes()
            parts.append(content)
            block.read.append(place)
            if digests:
                block.digests.append(digest_of(content))
            block.sizes.append((*image.size, image.bands))
            block.positions.append(image.position)
    return replace(block, pixels=b"".join(parts), blank=blank)


def digest_of(pixels: bytes) -> str:
    """A name for the pixels of an image, no secret: equal pixels have an equal digest, others by
    chance, once in 2^64 images."""
    return hashlib.blake2b(pixels, digest_size=16).hexdigest()


def read_blocks(
    jobs: Iterable[Job],
    framing: Framing,
    shape: tuple[int, ...],
    workers: int,
    prefer: Literal["threads", "processes"],
    colours: Collection[str] | None = None,
    digests: bool = True,
) -> Generator[Block, None, None]:
    """Do the jobs with this many workers and yield the blocks in order."""
    transforms = find_transforms(framing.transforms)
    read = partial(
        read_block,
        framing=framing, shape=shape, colours=colours, transforms=transforms, digests=digests,
    )  # fmt: skip
    yield from in_order(read, jobs, workers, prefer)


def in_order(
    do: Callable[[J], T], jobs: Iterable[J], workers: int, prefer: Literal["threads", "processes"]
) -> Generator[T, None, None]:
    """Do something with each job in this many threads or processes, and yield the results in order.

    At most two jobs a worker are in progress, so that results do not fill the memory where a disk
    is slower than the decoders. (joblib's own generator does not wait for its reader.)
    """
    waiting: deque = deque()
    with _pool(workers, prefer) as pool:
        for job in jobs:
            waiting.append(pool.submit(do, job))
            if len(waiting) == 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _pool(workers: int, prefer: Literal["threads", "processes"]) -> Iterator[Executor]:
    if workers == 1 or prefer == "threads":
        with ThreadPoolExecutor(workers) as pool:
            try:
                yield pool
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        return
    # joblib's processes need no `if __name__ == "__main__"` in the caller's script. They stay for
    # the next packing and leave after some seconds without work.
    from joblib.externals.loky import get_reusable_executor

    # One thread a process: more would fight for the same cores.
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    pool = get_reusable_executor(
        workers, timeout=10, env=limits, initializer=leave_with, initargs=(os.getpid(),)
    )
    try:
        yield pool
    except BaseException:  # an interrupt, or a generator that is closed: nobody waits for the rest
        pool.shutdown(kill_workers=True)
        raise


def leave_with(parent: int) -> None:
    """End this worker process soon after its parent has ended.

    A parent that is killed cannot tell its workers, which would wait for it for ever.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if os.name == "posix":  # elsewhere the parent's number does not change when it ends
        threading.Thread(target=watch, daemon=True).start()
