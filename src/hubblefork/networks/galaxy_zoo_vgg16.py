"""VGG-16 as published system 3 has it: `hubblefork train SOURCE --recipe galaxy-zoo-vgg16`."""

from torch import Tensor, nn

from hubblefork.networks.dropout import Dropout
from hubblefork.networks.keras_defaults import FlattenLikeKeras, initialise_like_keras
from hubblefork.networks.requirements import require_size

# Convolutions of each block, and the number of their filters.
_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
# Each block halves the image: 32 pixels leave one.
_SMALLEST = 2 ** len(_BLOCKS)


class GalaxyZooVGG16(nn.Module):
    """VGG-16 (Simonyan and Zisserman 2015) for the 37 vote fractions of Galaxy Zoo.

    50,526,053 parameters for 106x106 colour images and 37 outputs. Takes (N, C, H, W), gives
    raw numbers (N, outputs): the published sigmoid is the recipe's `network.head`. Raises
    RequestError for images below 32x32 pixels.
    """

    def __init__(self, input_shape: tuple[int, int, int], outputs: int):
        super().__init__()
        channels, height, width = input_shape
        require_size("galaxy-zoo-vgg16", input_shape, _SMALLEST)
        rows, columns = height // _SMALLEST, width // _SMALLEST
        self.layers = nn.Sequential()
        for count, filters in _BLOCKS:
            for _ in range(count):
                self.layers.append(nn.Conv2d(channels, filters, kernel_size=3, padding="same"))
                self.layers.append(nn.ReLU())
                channels = filters
            self.layers.append(nn.MaxPool2d(2))
        self.layers.extend(
            (
                FlattenLikeKeras(),
                nn.Linear(channels * rows * columns, 4096),
                nn.ReLU(),
                Dropout(0.5),
                nn.Linear(4096, 4096),
                nn.ReLU(),
                Dropout(0.5),
                nn.Linear(4096, outputs),
            )
        )
        initialise_like_keras(self)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)
