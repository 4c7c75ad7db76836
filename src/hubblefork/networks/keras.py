"""What Keras does by default, for networks that were published in Keras."""

from torch import nn


def initialise_like_keras(network: nn.Module) -> None:
    """Give every convolution and dense layer Glorot-uniform weights and zero biases, in place.

    Glorot and Bengio 2010; PyTorch's own default is He-uniform with random biases.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
