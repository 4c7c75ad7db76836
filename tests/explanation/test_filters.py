from types import SimpleNamespace

import numpy as np
import pytest
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.explanation.filters import first_filters
from hubblefork.networks.registry import create_network

SHAPE = (3, 24, 24)


def predictor(network: nn.Module):
    card = SimpleNamespace(input_shape=SHAPE, network="a network")
    return SimpleNamespace(network=network, card=card)


@pytest.mark.parametrize("name", ["lenet5", "equivariant-resnet", "timm:resnet18"])
def test_the_filters_of_a_first_convolution_have_its_weights(name):
    network = create_network(name, SHAPE, 2)
    found = first_filters(predictor(network))
    weight = network.get_submodule(found.layer).weight
    np.testing.assert_array_equal(found.weights, weight.detach().permute(0, 2, 3, 1))


def test_a_layer_on_all_pixels_has_filters_of_their_size():
    network = create_network("mlp", SHAPE, 2)
    found = first_filters(predictor(network))
    assert found.weights.shape == (128, 24, 24, 3)
    first = network.get_submodule(found.layer).weight[0].detach()
    np.testing.assert_array_equal(found.weights[0], first.reshape(SHAPE).permute(1, 2, 0))


def test_a_layer_on_something_else_has_none():
    with pytest.raises(RequestError, match="not connected to pixels"):
        first_filters(predictor(nn.Sequential(nn.AvgPool2d(2), nn.Linear(432, 2))))
