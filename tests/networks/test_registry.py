"""Names become networks of the published sizes, and mistakes become clear lines."""

import pytest
import torch

from hubblefork.errors import RequestError
from hubblefork.networks.registry import NETWORKS, count_parameters, create_network


@pytest.mark.parametrize(("name", "parameters"), [("mlp", 1_829_642), ("lenet5", 390_326)])
def test_published_networks_have_the_published_number_of_parameters(name, parameters):
    assert count_parameters(create_network(name, (3, 69, 69), 10)) == parameters


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(3, 69, 69), (1, 32, 48), (5, 17, 16)])
def test_every_network_takes_any_channels_and_size_it_allows(name, shape):
    network = create_network(name, shape, 4).eval()
    logits = network(torch.rand(2, *shape))
    assert logits.shape == (2, 4)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", ["mlp", "lenet5"])
def test_published_networks_start_as_keras_would(name):
    torch.manual_seed(0)
    network = create_network(name, (3, 69, 69), 10)
    for layer in network.layers:
        if hasattr(layer, "weight"):
            fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(layer.weight)
            bound = (6 / (fan_in + fan_out)) ** 0.5
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert not layer.bias.any()


def test_a_residual_block_begins_as_its_short_cut():
    network = create_network("compact-resnet", (3, 32, 32), 3).eval()
    block = network.stages[0][0]
    maps = torch.rand(1, 32, 16, 16)
    assert torch.equal(block(maps), maps)


@pytest.mark.parametrize("name", ["lenet5", "compact-resnet"])
def test_too_small_a_picture_is_refused_with_the_least_size(name):
    with pytest.raises(RequestError, match="at least 16x16"):
        create_network(name, (3, 15, 32), 2)


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(RequestError, match="did you mean 'lenet5'"):
        create_network("lenet", (3, 69, 69), 2)
    with pytest.raises(RequestError, match="did you mean 'resnet18'"):
        create_network("timm:resnet1", (3, 69, 69), 2)


def test_an_unknown_option_is_refused():
    with pytest.raises(RequestError, match="no option 'widht'; did you mean 'width'"):
        create_network("compact-resnet", (3, 64, 64), 2, {"widht": 3})
    with pytest.raises(RequestError, match="it has no options"):
        create_network("mlp", (3, 64, 64), 2, {"width": 3})
    with pytest.raises(RequestError, match="does not take"):
        create_network("compact-resnet", (3, 64, 64), 2, {"width": "wide"})
    with pytest.raises(RequestError, match="width >= 1"):
        create_network("compact-resnet", (3, 64, 64), 2, {"width": 0})


def test_backbones_of_timm_are_networks_too():
    network = create_network("timm:resnet18", (1, 64, 64), 7).eval()
    assert network(torch.rand(2, 1, 64, 64)).shape == (2, 7)
