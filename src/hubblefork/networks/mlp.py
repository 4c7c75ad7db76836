"""The multi-layer baseline of published system 1: `hubblefork train SOURCE --recipe mlp`."""

from math import prod

from torch import nn

from hubblefork.networks.keras_defaults import KerasNetwork


class MLP(KerasNetwork):
    """One hidden layer of 128 units on all pixels: the baseline for convolutional networks.

    1,829,642 parameters for 69x69 colour images and 10 classes. Takes (N, C, H, W), returns
    logits (N, outputs): the published softmax is part of loss and head.
    """

    def __init__(self, input_shape: tuple[int, int, int], outputs: int):
        super().__init__(
            nn.Flatten(),
            nn.Linear(prod(input_shape), 128),
            nn.ReLU(),
            nn.Linear(128, outputs),
        )
