"""A small residual network of ordinary convolutions, for images whose orientation matters."""

from torch import Tensor, nn

from hubblefork.networks.dropout import Dropout
from hubblefork.networks.residual import ResidualBlock, check_residual, stages


class CompactResNet(nn.Module):
    """A residual network of basic blocks (He et al. 2016), sized for images of 48 to 128 pixels.

    Takes (N, C, H, W), returns logits (N, outputs). Any input size from 16x16 on works, since the
    last stage is averaged over the image. Raises RequestError below that.

    Parameters
    ----------
    input_shape
        (C, H, W) of one image.
    outputs
        The number of classes.
    width
        Channels of the first stage; each of the three later stages doubles them.
    blocks
        Residual blocks in each stage.
    dropout
        Fraction of features dropped before the last layer while training, in [0, 1).
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        outputs: int,
        width: int = 32,
        blocks: tuple[int, ...] = (1, 2, 2, 2),
        dropout: float = 0.0,
    ):
        super().__init__()
        check_residual("compact-resnet", input_shape, width, blocks, dropout)
        widths = [width * 2**stage for stage in range(len(blocks))]
        self.stem = nn.Sequential(
            nn.Conv2d(input_shape[0], width, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.stages = stages(Residual, widths, blocks)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), Dropout(dropout))
        self.head = nn.Linear(widths[-1], outputs)
        self._initialise()

    def _initialise(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(layer, Residual):
                # Each block is the identity at first (Goyal et al. 2017), so that training is
                # stable with a high learning rate.
                nn.init.zeros_(layer.body[-1].get_parameter("weight"))
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.pool(self.stages(self.stem(images))))


class Residual(ResidualBlock):
    """Two 3x3 convolutions with a shortcut; with `halve`, the first convolution halves the maps."""

    def __init__(self, before: int, after: int, halve: bool):
        stride = 2 if halve else 1
        body = nn.Sequential(
            nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        short_cut: nn.Module = nn.Identity()
        if halve:
            # With averaging before the 1x1 convolution no pixel is ignored, as by a strided one
            # (He et al. 2019, ResNet-D).
            short_cut = nn.Sequential(
                nn.AvgPool2d(2, ceil_mode=True),
                nn.Conv2d(before, after, kernel_size=1, bias=False),
                nn.BatchNorm2d(after),
            )
        super().__init__(body, short_cut)
