"""Names become networks of the published sizes, and mistakes become clear lines."""

import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.networks.registry import (
    count_parameters,
    create_network,
    describe_networks,
    network_names,
)

# Input shape, outputs and parameters as published (of `dieleman` "about 42 million").
PUBLISHED = {
    "mlp": ((3, 69, 69), 10, 1_829_642),
    "lenet5": ((3, 69, 69), 10, 390_326),
    "simple-cnn": ((3, 69, 69), 10, 8_409_418),
    "galaxy-zoo-vgg16": ((3, 106, 106), 37, 50_526_053),
    "alexnet": ((3, 69, 69), 10, 4_843_594),
    "linnaeus": ((1, 256, 256), 2, 13_148_386),
    "dieleman": ((3, 99, 99), 37, 42_303_237),
}

# The least side of an image that each network takes.
LEAST = {
    "mlp": 1,
    "lenet5": 16,
    "simple-cnn": 6,
    "galaxy-zoo-vgg16": 32,
    "alexnet": 67,
    "linnaeus": 36,
    "dieleman": 83,
    "compact-resnet": 16,
    "equivariant-resnet": 16,
}


def test_all_of_them_are_listed_with_what_they_are():
    described = describe_networks()
    assert LEAST.keys() <= set(network_names()) <= described.keys()
    assert described["lenet5"].startswith("LeNet-5 (LeCun et al. 1998)")
    assert "timm:NAME" in described


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_have_the_published_number_of_parameters(name):
    shape, outputs, parameters = PUBLISHED[name]
    with torch.device("meta"):
        assert count_parameters(create_network(name, shape, outputs)) == parameters


def test_keras_counts_the_running_means_of_alexnet_too():
    buffers = create_network("alexnet", (3, 69, 69), 10).named_buffers()
    running = sum(values.numel() for name, values in buffers if "running" in name)
    assert 4_843_594 + running == 4_846_346


@pytest.mark.parametrize("name", sorted(LEAST))
def test_every_network_takes_any_channels_and_size_it_allows(name):
    least = LEAST[name]
    logits = create_network(name, (3, least, least), 4).eval()(torch.rand(2, 3, least, least))
    assert logits.shape == (2, 4)
    assert torch.isfinite(logits).all()
    for shape in [(1, least + 10, least + 3), (5, least + 1, least + 2), (3, 2 * least, 3 * least)]:
        with torch.device("meta"):  # shapes alone
            assert create_network(name, shape, 7)(torch.rand(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize("name", ["mlp", "lenet5", "simple-cnn", "alexnet", "linnaeus"])
def test_networks_published_in_keras_start_as_keras_would(name):
    torch.manual_seed(0)
    network = create_network(name, (3, 69, 69), 10)
    for layer in network.layers:
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(layer.weight)
            bound = (6 / (fan_in + fan_out)) ** 0.5
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert not layer.bias.any()
        if isinstance(layer, torch.nn.BatchNorm2d):
            assert (layer.momentum, layer.eps) == (0.01, 1e-3)


def test_a_residual_block_begins_as_its_short_cut():
    network = create_network("compact-resnet", (3, 32, 32), 3).eval()
    block = network.stages[0][0]
    maps = torch.rand(1, 32, 16, 16)
    assert torch.equal(block(maps), maps)


@pytest.mark.parametrize("name", sorted(LEAST.keys() - {"mlp"}))
def test_too_small_an_image_is_refused_with_the_least_size(name):
    least = LEAST[name]
    with pytest.raises(RequestError, match=f"{name} needs images of at least {least}x{least}"):
        create_network(name, (3, least - 1, 100), 2)


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
