"""The dragonfly network of published system 5: `hubblefork train SOURCE --recipe linnaeus`."""

from torch import nn

from hubblefork.networks.dropout import Dropout
from hubblefork.networks.keras_defaults import FlattenLikeKeras, KerasNetwork
from hubblefork.networks.requirements import require_size

# Three blocks of two 3x3 convolutions without padding and a pooling: 36 pixels leave one.
_SMALLEST = 36


class Linnaeus(KerasNetwork):
    """Three blocks of two convolutions, and two dense layers, with dropout after each.

    13,148,386 parameters for grey images of 256x256 pixels and 2 classes. The first activation
    is tanh, all others are ReLU, as published. Takes (N, C, H, W), returns logits (N, outputs).
    Raises RequestError for images below 36x36 pixels.
    """

    def __init__(self, input_shape: tuple[int, int, int], outputs: int):
        channels, height, width = input_shape
        require_size("linnaeus", input_shape, _SMALLEST)
        rows, columns = (_halved(_halved(_halved(side))) for side in (height, width))
        super().__init__(
            *_block(channels, 32, nn.Tanh()),
            *_block(32, 64, nn.ReLU()),
            *_block(64, 128, nn.ReLU()),
            FlattenLikeKeras(),
            *_dense(128 * rows * columns, 128),
            *_dense(128, 128),
            nn.Linear(128, outputs),
        )


def _block(before: int, after: int, first_activation: nn.Module) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, kernel_size=3),
        first_activation,
        nn.Conv2d(after, after, kernel_size=3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Dropout(0.4),
    ]


def _dense(before: int, after: int) -> list[nn.Module]:
    return [nn.Linear(before, after), nn.ReLU(), Dropout(0.4)]


def _halved(side: int) -> int:
    """The side of a map after a block."""
    return (side - 4) // 2
