"""The network that won the Kaggle Galaxy Zoo challenge: `hubblefork train SOURCE --recipe
dieleman`.

Dieleman, Willett and Dambre 2015 (MNRAS 450, 1441) and the documentation of the winning entry.
The orientation of a galaxy on the sky is random: the same convolutions process 16 rotated and
flipped crops of the image, and the dense layers combine their features.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hubblefork.networks.dropout import Dropout
from hubblefork.networks.requirements import require_size
from hubblefork.networks.symmetries import symmetries

# The published images of 69 pixels are seen in corners of 45.
_CORNER = 45 / 69
_VIEWS = 16
# The convolutions reduce a corner of 37 pixels to one. It is that of a square of 57, which can be
# rotated by 45 degrees within 81 pixels. Within 82 the square is 56: see `_largest_square`.
_SMALLEST = 83


class Dieleman(nn.Module):
    """Four convolutions shared by 16 views of an image, and two dense maxout layers.

    The largest central square of an image that still fits when it is rotated by 45 degrees is
    cropped upright and rotated by 45 degrees. Of both, and of both flipped, the four overlapping
    corners are cropped, each rotated so that the centre of the image is at its lower right.

    As published for colour images of 99x99 pixels: squares of 69x69, corners of 45x45 and, with
    37 outputs, 42,303,237 parameters. The published biases depend on the position in a map (the
    "untied biases" of its library); here each filter has one. Takes (N, C, H, W), returns logits
    (N, outputs): the published division by question is the recipe's `network.head`.
    Raises RequestError for images below 83x83 pixels.
    """

    rotated: Tensor

    def __init__(self, input_shape: tuple[int, int, int], outputs: int):
        super().__init__()
        channels, height, width = input_shape
        require_size("dieleman", input_shape, _SMALLEST)
        self.square = _largest_square(min(height, width))
        self.corner = round(self.square * _CORNER)
        self.register_buffer("rotated", _rotated_grid(self.square, height, width), persistent=False)
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, 32, kernel_size=6),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, kernel_size=5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 128, kernel_size=3),
            nn.ReLU(),
            nn.Conv2d(128, 128, kernel_size=3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        last = (((self.corner - 5) // 2 - 4) // 2 - 4) // 2
        self.dense = nn.Sequential(
            Dropout(0.5),
            Maxout(_VIEWS * 128 * last**2, 2048),
            Dropout(0.5),
            Maxout(2048, 2048),
            Dropout(0.5),
            nn.Linear(2048, outputs),
        )
        self._initialise()

    def forward(self, images: Tensor) -> Tensor:
        views = self.views(images).flatten(0, 1)
        found = self.convolutions(views.contiguous(memory_format=torch.channels_last))
        return self.dense(found.view(images.shape[0], _VIEWS * found.shape[1]))

    def views(self, images: Tensor) -> Tensor:
        """(N, C, H, W) images -> (N, 16, C, corner, corner): the input of the convolutions."""
        top, left = ((side - self.square) // 2 for side in images.shape[-2:])
        straight = images[..., top : top + self.square, left : left + self.square]
        grid = self.rotated.to(images.dtype).expand(images.shape[0], -1, -1, -1)
        # Rotation by 45 degrees needs interpolation: bilinear, the default of torch.
        rotated = F.grid_sample(images, grid, align_corners=False)
        # The four corners of a square are the upper left ones of its four rotations.
        return torch.stack(
            [
                view[..., : self.corner, : self.corner]
                for square in (straight, rotated)
                for view in symmetries(square)
            ],
            dim=1,
        )

    def _initialise(self) -> None:
        """As published: small normal weights, and biases above 0 so that all units are active."""
        convolutions = [each for each in self.convolutions if isinstance(each, nn.Conv2d)]
        for convolution in convolutions:
            _normal(convolution, 0.01, bias=0.1)
        _normal(convolutions[-1], 0.1, bias=0.1)
        for layer in self.dense:
            if isinstance(layer, Maxout):
                _normal(layer.linear, 0.001, bias=0.01)
        _normal(self.dense[-1], 0.01, bias=0.1)


class Maxout(nn.Module):
    """The larger of two linear functions for each output (Goodfellow et al. 2013)."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.linear = nn.Linear(before, 2 * after)

    def forward(self, values: Tensor) -> Tensor:
        first, second = self.linear(values).chunk(2, dim=1)
        return torch.maximum(first, second)


def _normal(layer: nn.Module, std: float, bias: float) -> None:
    nn.init.normal_(layer.get_parameter("weight"), std=std)
    nn.init.constant_(layer.get_parameter("bias"), bias)


def _largest_square(side: int) -> int:
    """The side of the largest square that can be rotated within an image about its centre.

    Even in even images and odd in odd ones, so that both have the same centre: a flipped image
    then has exactly the same views.

    >>> _largest_square(99), _largest_square(98)
    (69, 68)
    """
    square = math.floor(side / math.sqrt(2))
    return square - (side - square) % 2


def _rotated_grid(square: int, height: int, width: int) -> Tensor:
    """(1, square, square, 2) coordinates, for grid_sample, of a square rotated by 45 degrees.

    The distance of neighbouring points is one pixel of the (height, width) image.
    """
    steps = torch.arange(square) - (square - 1) / 2
    down, across = torch.meshgrid(steps, steps, indexing="ij")
    grid = torch.stack([(across - down) * 2 / width, (across + down) * 2 / height], dim=-1)
    return grid[None] / math.sqrt(2)
