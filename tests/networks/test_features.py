"""Features are what the last dense layer is given, in networks of every kind."""

import pytest
import torch
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.networks.features import Features, feature_layer
from hubblefork.networks.registry import create_network


@pytest.mark.parametrize(
    ("name", "size", "width"),
    [
        ("lenet5", 32, 84),
        ("mlp", 16, 128),
        ("simple-cnn", 16, 128),
        ("compact-resnet", 32, 256),
        ("timm:resnet18", 32, 512),
        ("timm:vit_tiny_patch16_224", 224, 192),
        ("timm:efficientnet_lite0", 32, 1280),
    ],
)
def test_the_answer_follows_from_the_features_and_the_last_layer(name, size, width):
    network = create_network(name, (3, size, size), 3).eval()
    with Features(network) as features, torch.inference_mode():
        raw = network(torch.rand(2, 3, size, size))
        again = feature_layer(network)(features.last)
    assert features.last.shape == (2, width)
    torch.testing.assert_close(again, raw)


def test_the_hook_is_gone_after_the_block_even_where_it_failed():
    network = create_network("lenet5", (3, 32, 32), 3)
    with pytest.raises(RuntimeError), Features(network):
        network(torch.rand(2, 5, 7, 7))
    assert not any(layer._forward_pre_hooks for layer in network.modules())


def test_features_are_float32_under_autocast():
    network = create_network("mlp", (3, 16, 16), 3)
    with torch.autocast("cpu", torch.bfloat16), Features(network) as features:
        network(torch.rand(2, 3, 16, 16))
    assert features.last.dtype == torch.float32


def test_a_network_without_a_dense_layer_is_refused():
    with pytest.raises(RequestError, match="no dense layer"):
        feature_layer(nn.Sequential(nn.Flatten(), nn.ReLU()))
