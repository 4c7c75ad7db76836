from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.explanation.activations import ActivationMaps, activation_maps
from hubblefork.models.deployed import DeployedModel
from hubblefork.models.view import View

IMAGE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
VIEW = View(size=16, mean=(0.0,) * 3, std=(1.0,) * 3)


def predictor(network: nn.Module):
    """What the maps need of a predictor."""
    module = DeployedModel(network, nn.Softmax(dim=1), VIEW)
    return SimpleNamespace(network=network, module=module, device=torch.device("cpu"))


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3),
        nn.Tanh(),
        nn.Conv2d(5, 6, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.LazyLinear(2),
    )


def test_maps_of_convolutions_are_taken_after_the_activation(network):
    network(torch.zeros(1, 3, 16, 16))
    first, second, third = activation_maps(predictor(network), IMAGE)
    assert [first.layer, second.layer, third.layer] == ["0", "4", "6"]
    inputs = VIEW.fixed(torch.from_numpy(IMAGE[None]))
    with torch.inference_mode():
        np.testing.assert_allclose(first.maps, network[:3](inputs)[0])
        np.testing.assert_allclose(second.maps, network[:6](inputs)[0], rtol=1e-6)
        np.testing.assert_allclose(third.maps, network[:8](inputs)[0], rtol=1e-6)


def test_a_relu_behind_the_pooling_belongs_to_the_convolution():
    torch.manual_seed(0)
    first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2))
    second = nn.Sequential(first[0], nn.MaxPool2d(2), nn.ReLU())
    for_first, for_second = (activation_maps(predictor(each), IMAGE) for each in (first, second))
    np.testing.assert_array_equal(for_first[0].maps, for_second[0].maps)


def test_no_hook_stays(network):
    network(torch.zeros(1, 3, 16, 16))
    activation_maps(predictor(network), IMAGE)
    activation_maps(predictor(network), IMAGE, ["3"])
    with pytest.raises(RequestError):
        activation_maps(predictor(network), IMAGE, ["9"])
    assert not any(module._forward_hooks for module in network.modules())


def test_a_layer_can_be_named(network):
    network(torch.zeros(1, 3, 16, 16))
    (pooled,) = activation_maps(predictor(network), IMAGE, ["3"])
    assert pooled.layer == "3"
    assert pooled.maps.shape == (4, 7, 7)


def test_an_unknown_layer_and_one_without_maps_are_refused(network):
    network(torch.zeros(1, 3, 16, 16))
    with pytest.raises(RequestError, match="no layer 'stem'; known: '0', '1'"):
        activation_maps(predictor(network), IMAGE, ["stem"])
    with pytest.raises(RequestError, match=r"layer '9' gives no maps, but numbers of shape \(2,\)"):
        activation_maps(predictor(network), IMAGE, ["9"])


def test_maps_are_saved(tmp_path):
    maps = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    ActivationMaps("stem", maps).save(tmp_path / "stem.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "stem.npy"), maps)
