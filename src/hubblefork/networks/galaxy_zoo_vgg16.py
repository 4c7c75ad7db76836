"""VGG-16 of published system 3: `hubblefork train SOURCE --recipe galaxy-zoo-vgg16`."""

from torch import nn

from hubblefork.networks.dropout import Dropout
from hubblefork.networks.keras_defaults import FlattenLikeKeras, KerasNetwork
from hubblefork.networks.requirements import require_size

# Convolutions of each block, and the number of their filters.
_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
# Each block halves the image: 32 pixels leave one.
_SMALLEST = 2 ** len(_BLOCKS)


class GalaxyZooVGG16(KerasNetwork):
    """VGG-16 (Simonyan and Zisserman 2015) for the 37 vote fractions of Galaxy Zoo.

    50,526,053 parameters for 106x106 colour images and 37 outputs. Takes (N, C, H, W), returns
    logits (N, outputs): the published sigmoid is the recipe's `network.head`. Raises RequestError
    for images below 32x32 pixels.
    """

    def __init__(self, input_shape: tuple[int, int, int], outputs: int):
        channels, height, width = input_shape
        require_size("galaxy-zoo-vgg16", input_shape, _SMALLEST)
        rows, columns = height // _SMALLEST, width // _SMALLEST
        convolutions: list[nn.Module] = []
        for count, filters in _BLOCKS:
            for _ in range(count):
                layer = nn.Conv2d(channels, filters, kernel_size=3, padding="same")
                convolutions += [layer, nn.ReLU()]
                channels = filters
            convolutions.append(nn.MaxPool2d(2))
        super().__init__(
            *convolutions,
            FlattenLikeKeras(),
            nn.Linear(channels * rows * columns, 4096),
            nn.ReLU(),
            Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            Dropout(0.5),
            nn.Linear(4096, outputs),
        )
