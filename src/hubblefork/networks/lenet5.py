"""LeNet-5 of published system 1: `hubblefork train SOURCE --recipe lenet5`."""

from torch import nn

from hubblefork.networks.keras_defaults import FlattenLikeKeras, KerasNetwork
from hubblefork.networks.requirements import require_size

# Two 5x5 convolutions without padding, each halved by pooling: 16 pixels leave one.
_SMALLEST = 16


class LeNet5(KerasNetwork):
    """LeNet-5 (LeCun et al. 1998) with tanh and average pooling, for colour images.

    390,326 parameters for 69x69 colour images and 10 classes. Takes (N, C, H, W), gives logits
    (N, outputs). Raises RequestError for images below 16x16 pixels.
    """

    def __init__(self, input_shape: tuple[int, int, int], outputs: int):
        channels, height, width = input_shape
        require_size("lenet5", input_shape, _SMALLEST)
        rows, columns = (((side - 4) // 2 - 4) // 2 for side in (height, width))
        super().__init__(
            nn.Conv2d(channels, 6, kernel_size=5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            FlattenLikeKeras(),
            nn.Linear(16 * rows * columns, 120),
            nn.Tanh(),
            nn.Linear(120, 84),
            nn.Tanh(),
            nn.Linear(84, outputs),
        )
