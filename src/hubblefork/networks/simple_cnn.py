"""The small network of published system 2: `hubblefork train SOURCE --recipe simple-cnn`."""

from torch import nn

from hubblefork.networks.dropout import Dropout
from hubblefork.networks.keras_defaults import FlattenLikeKeras, KerasNetwork
from hubblefork.networks.requirements import require_size

# Two 3x3 convolutions without padding, then pooling: 6 pixels leave one.
_SMALLEST = 6


class SimpleCNN(KerasNetwork):
    """Two convolutions, one pooling and one dense layer, with dropout.

    8,409,418 parameters for 69x69 colour images and 10 classes, nearly all of them between the
    maps and the dense layer: their number grows with the area of the image. Takes (N, C, H, W),
    returns logits (N, outputs). Raises RequestError for images below 6x6 pixels.
    """

    def __init__(self, input_shape: tuple[int, int, int], outputs: int):
        channels, height, width = input_shape
        require_size("simple-cnn", input_shape, _SMALLEST)
        rows, columns = ((side - 4) // 2 for side in (height, width))
        super().__init__(
            nn.Conv2d(channels, 32, kernel_size=3),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=3),
            # The published order is ReLU, pooling. Values and gradients are the same, and ReLU is
            # applied to a quarter of the pixels.
            nn.MaxPool2d(2),
            nn.ReLU(),
            Dropout(0.25),
            FlattenLikeKeras(),
            nn.Linear(64 * rows * columns, 128),
            nn.ReLU(),
            Dropout(0.5),
            nn.Linear(128, outputs),
        )
