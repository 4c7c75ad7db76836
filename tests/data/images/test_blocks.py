import threading

import numpy as np
import pytest

from hubblefork.data.images.blocks import read_block, read_blocks
from hubblefork.data.images.decoded import DecodedImage, UnreadableImage
from hubblefork.data.images.framing import Framing

SHAPE = (2, 2, 3)


class Level:
    """A job: one image of this level, and one that cannot be read."""

    def __init__(self, level: int) -> None:
        self.level = level

    def __call__(self, framing: Framing) -> list:
        return [
            DecodedImage(np.full(SHAPE, self.level, np.uint8), (2, 2), 3),
            UnreadableImage(f"no {self.level}"),
        ]


def test_a_block_tells_what_was_read_and_what_was_not():
    block = read_block(Level(7), Framing(), SHAPE)
    assert block.pixels == bytes([7] * 12)
    assert block.read == [0]
    assert block.left_out == [(1, "no 7")]
    assert block.misfit is None


def test_equal_pixels_have_equal_digests():
    digests = [read_block(Level(level), Framing(), SHAPE).digests[0] for level in (1, 2, 1)]
    assert digests[0] == digests[2] != digests[1]


def test_nothing_is_hashed_where_nobody_asks():
    assert read_block(Level(7), Framing(), SHAPE, digests=False).digests == []


def test_an_image_of_another_shape_is_told():
    block = read_block(Level(7), Framing(), (3, 3, 3))
    assert block.misfit == (0, SHAPE)


@pytest.mark.parametrize("workers", [1, 3])
def test_blocks_come_in_order(workers):
    blocks = read_blocks(map(Level, range(20)), Framing(), SHAPE, workers, "threads")
    assert [block.pixels[0] for block in blocks] == list(range(20))


def test_a_slow_reader_holds_the_workers_up():
    started = []
    lock = threading.Lock()

    def jobs():
        for level in range(50):
            with lock:
                started.append(level)
            yield Level(level)

    blocks = read_blocks(jobs(), Framing(), SHAPE, 2, "threads")
    for taken, _ in enumerate(blocks):
        assert len(started) - taken <= 2 * 2
    assert len(started) == 50
