"""Networks made ready for prediction give the answers of those that were trained."""

import copy

import pytest
import torch
from torch import nn

from hubblefork.networks.features import feature_layer
from hubblefork.networks.inference import prepare_for_inference
from hubblefork.networks.registry import create_network

# Name, side of an image, options, and batch normalisations that stay.
NETWORKS = [
    ("mlp", 24, {}, 0),
    ("lenet5", 24, {}, 0),
    ("simple-cnn", 24, {}, 0),
    ("alexnet", 67, {}, 5),  # after the activation, as published
    ("linnaeus", 36, {}, 0),
    ("dieleman", 83, {}, 0),
    ("galaxy-zoo-vgg16", 32, {}, 0),
    ("compact-resnet", 33, {"width": 8}, 0),
    ("equivariant-resnet", 32, {"width": 2}, 0),
    ("equivariant-resnet", 35, {"width": 3, "blocks": [2, 1]}, 0),
    ("timm:resnet18", 64, {}, 0),
    ("timm:test_resnet", 64, {}, 0),
    ("timm:test_efficientnet", 64, {}, 0),
    ("timm:tf_efficientnet_lite0", 64, {}, 5),  # after a convolution of TensorFlow's padding
    ("timm:test_nfnet", 64, {}, 0),
    ("timm:test_vit", 64, {}, 0),
    ("timm:test_convnext", 64, {}, 0),
    ("timm:densenet121", 64, {}, None),
    ("timm:repvgg_a0", 64, {}, None),
]


def trained_like(network):
    """With statistics that differ everywhere, as after a training."""
    for layer in network.modules():
        if hasattr(layer, "running_var"):
            nn.init.uniform_(layer.weight, 0.8, 1.2)
            nn.init.normal_(layer.bias, std=0.1)
            layer.running_mean.normal_(std=0.1)
            layer.running_var.uniform_(0.8, 1.5)
    return network.eval()


@pytest.mark.parametrize(("name", "side", "options", "left"), NETWORKS)
@torch.inference_mode()
def test_answers_stay_as_they_are(name, side, options, left):
    torch.manual_seed(0)
    network = trained_like(create_network(name, (3, side, side), 5, options))
    before = copy.deepcopy(network.state_dict())
    prepared = prepare_for_inference(network)
    images = torch.randn(3, 3, side, side)
    expected, answers = network(images), prepared(images)
    scale = expected.abs().max()
    torch.testing.assert_close(answers / scale, expected / scale, atol=1e-5, rtol=0)
    assert not torch.equal(answers[0], answers[1])
    if not any(hasattr(layer, "running_var") for layer in network.modules()):
        assert torch.equal(answers, expected)
    if left is not None:
        assert sum(isinstance(each, nn.BatchNorm2d) for each in prepared.modules()) == left
    # The network is as it was, and its layers have the same names.
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    names = [name for name, _ in network.named_modules()]
    assert set(names) == {name for name, _ in prepared.named_modules()}
    assert type(feature_layer(prepared)) is type(feature_layer(network))


def test_what_does_not_change_is_shared():
    network = create_network("lenet5", (3, 24, 24), 2)
    prepared = prepare_for_inference(network)
    for own, other in zip(network.parameters(), prepared.parameters(), strict=True):
        assert own is other
    assert network.training
    assert not prepared.training


class Twice(nn.Module):
    """A convolution that is used in two places."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, maps):
        return self.norm(self.conv(maps)) + self.conv(maps)


class Depends(nn.Module):
    """A network whose path depends on its input."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, maps):
        return self.norm(self.conv(maps)) if maps.mean() > 0 else maps


class Scaled(nn.Conv2d):
    """A convolution that does something to its weights."""

    def forward(self, maps):
        return self._conv_forward(maps, 2 * self.weight, self.bias)


@pytest.mark.parametrize(
    "network",
    [
        Twice(),
        Depends(),
        nn.Sequential(Scaled(3, 4, 1), nn.BatchNorm2d(4)),
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)),
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 1)), nn.BatchNorm2d(4)),
        nn.BatchNorm2d(3),
    ],
)
@torch.inference_mode()
def test_what_is_no_plain_pair_is_left_alone(network):
    network = trained_like(network) if not isinstance(network, nn.Sequential) else network.eval()
    prepared = prepare_for_inference(network)
    maps = torch.rand(2, 3, 4, 4)
    assert torch.equal(prepared(maps), network(maps))
    assert any(isinstance(each, nn.BatchNorm2d) for each in prepared.modules())
