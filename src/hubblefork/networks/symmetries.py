"""The symmetries of a square image: rotations by 90 degrees, and flips."""

import torch
from torch import Tensor


def symmetries(maps: Tensor) -> list[Tensor]:
    """The eight rotations and reflections of square maps (N, C, H, H).

    The first is the map itself, each of the next three is rotated by another 90 degrees
    anticlockwise; the last four are the same for the map flipped left to right.

    >>> len(symmetries(torch.zeros(1, 3, 4, 4)))
    8
    """
    return [
        torch.rot90(each, number, (-2, -1)) for each in (maps, maps.flip(-1)) for number in range(4)
    ]


def undo_symmetry(maps: Tensor, number: int) -> Tensor:
    """Maps (..., H, H) as they were before the symmetry of this number, from 0 to 7.

    >>> map = torch.arange(9).view(1, 1, 3, 3)
    >>> all((undo_symmetry(each, k) == map).all() for k, each in enumerate(symmetries(map)))
    True
    """
    straight = torch.rot90(maps, -(number % 4), (-2, -1))
    return straight.flip(-1) if number >= 4 else straight
