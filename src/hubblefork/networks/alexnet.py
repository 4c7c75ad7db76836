"""AlexNet of published system 4: `hubblefork train SOURCE --recipe alexnet`."""

from typing import Any

from torch import nn

from hubblefork.networks.dropout import Dropout
from hubblefork.networks.keras_defaults import FlattenLikeKeras, KerasNetwork, batch_norm
from hubblefork.networks.requirements import require_size

# The first convolution (11x11, every 4 pixels) leaves 15 pixels of 67, and the three poolings
# 7, 3 and 1 of those.
_SMALLEST = 67


class AlexNet(KerasNetwork):
    """AlexNet (Krizhevsky et al. 2012) with batch normalisation and a single wide dense layer.

    4,843,594 parameters for 69x69 colour images and 10 classes; Keras counts the running means
    and variances too, 4,846,346. Takes (N, C, H, W), returns logits (N, outputs). Raises
    RequestError for images below 67x67 pixels.
    """

    def __init__(self, input_shape: tuple[int, int, int], outputs: int):
        channels, height, width = input_shape
        require_size("alexnet", input_shape, _SMALLEST)
        rows, columns = (_pooled(_pooled(_pooled((s - 11) // 4 + 1))) for s in (height, width))
        super().__init__(
            *_convolution(channels, 96, kernel_size=11, stride=4),
            nn.MaxPool2d(3, stride=2),
            *_convolution(96, 256, kernel_size=5, padding="same"),
            nn.MaxPool2d(3, stride=2),
            *_convolution(256, 384, kernel_size=3, padding="same"),
            *_convolution(384, 384, kernel_size=3, padding="same"),
            *_convolution(384, 256, kernel_size=3, padding="same"),
            nn.MaxPool2d(3, stride=2),
            FlattenLikeKeras(),
            nn.Linear(256 * rows * columns, 4096),
            nn.ReLU(),
            Dropout(0.5),
            nn.Linear(4096, outputs),
        )


def _convolution(before: int, after: int, **settings: Any) -> list[nn.Module]:
    """As published: normalised after the activation, not before it."""
    return [nn.Conv2d(before, after, **settings), nn.ReLU(), batch_norm(after)]


def _pooled(side: int) -> int:
    return (side - 3) // 2 + 1
