"""Defaults of Keras, for networks that were published in Keras."""

from torch import Tensor, nn


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation with Keras' constants: running mean = 0.99 old + 0.01 new.

    The running mean and variance are what Keras counts as non-trainable parameters.
    """
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class FlattenLikeKeras(nn.Module):
    """Maps (N, C, H, W) to rows (N, H * W * C), pixel by pixel with all channels of each.

    In channels-last memory, which training uses, nothing is copied: `nn.Flatten` would copy large
    maps forwards and backwards.
    """

    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 2, 3, 1).flatten(1)


class KerasNetwork(nn.Module):
    """Layers one after another, (N, C, H, W) to (N, outputs), initialised as Keras does.

    Every convolution and dense layer gets Glorot-uniform weights (Glorot and Bengio 2010) and zero
    biases; PyTorch's own default is He-uniform with random biases.
    """

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.get_parameter("bias"))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)
