"""Optimisers: whose weights learn, how fast, and by whose rule."""

import pytest
import timm
import torch
from torch import nn

from hubblefork.networks.registry import create_network
from hubblefork.recipes.settings import OptimiserTable
from hubblefork.training.optimisers import layer_numbers, make_optimiser, train_last_layer_only

NETWORKS = {
    "equivariant-resnet": lambda: create_network("equivariant-resnet", (3, 32, 32), 2),
    "alexnet": lambda: create_network("alexnet", (3, 67, 67), 2),
    "timm:test_resnet": lambda: timm.create_model("test_resnet", num_classes=2),
    "timm:test_vit": lambda: timm.create_model("test_vit", num_classes=2),
}


def test_rmsprop_steps_as_keras_does():
    weight = nn.Linear(1, 1, bias=False)
    rate = 1e-3
    optimiser = make_optimiser(weight, OptimiserTable(name="rmsprop", learning_rate=rate))
    before = weight.weight.item()
    for gradient, moved in ((2.0, 2 / 0.4**0.5), (-1.0, -1 / 0.46**0.5)):
        weight.weight.grad = torch.tensor([[gradient]])
        optimiser.step()
        assert before - weight.weight.item() == pytest.approx(rate * moved, rel=1e-3)
        before = weight.weight.item()


def test_muon_steps_are_orthogonal_in_hidden_layers_and_those_of_adamw_elsewhere():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 2))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimiser = make_optimiser(network, OptimiserTable(name="muon", learning_rate=0.01))
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimiser.step()
    pairs = zip(network.parameters(), before, strict=True)
    hidden, *rest = (after.detach() - first for after, first in pairs)
    scales = torch.linalg.svdvals(hidden)
    assert scales.max() / scales.min() < 2, "those of the gradient itself differ fourfold"
    assert hidden.square().mean().sqrt() == pytest.approx(0.2 * 0.01, rel=0.2), "as AdamW's do"
    for moved in rest:  # the first step of AdamW is the sign of the gradient
        torch.testing.assert_close(moved.abs(), moved.abs().mean().expand_as(moved))


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
@pytest.mark.parametrize("decay", [1.0, 0.5])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_learns_once_and_only_matrices_and_filters_decay(name, decay, optimiser):
    network = NETWORKS[name]()
    settings = OptimiserTable(
        name=optimiser, weight_decay=0.1, learning_rate=0.01, layer_decay=decay
    )
    groups = make_optimiser(network, settings).param_groups
    found = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(found) == sorted(map(id, network.parameters()))
    plain = network.no_weight_decay() if hasattr(network, "no_weight_decay") else ()
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for group in groups:
        for parameter in group["params"]:
            decays = parameter.ndim > 1 and names[id(parameter)] not in plain
            assert group["weight_decay"] == (0.1 if decays else 0)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_layer_learns_more_slowly_than_the_next(name):
    network = NETWORKS[name]()
    settings = OptimiserTable(learning_rate=0.01, layer_decay=0.5)
    groups = make_optimiser(network, settings).param_groups
    rate = {id(p): group["lr"] for group in groups for p in group["params"]}
    rates = {name: rate[id(p)] for name, p in network.named_parameters()}
    first, *_, last = rates.values()
    assert groups[0]["lr"] == last == 0.01, "history.csv tells the rate of the first group"
    layers = layer_numbers(network)
    depth = max(layers.values())
    assert first == pytest.approx(0.01 * 0.5**depth)
    assert depth >= 4
    for name, number in layers.items():
        assert rates[name] == pytest.approx(0.01 * 0.5 ** (depth - number))


def test_the_last_layer_learns_alone_and_then_all_do():
    network = NETWORKS["timm:test_resnet"]().train()
    train_last_layer_only(network, True)
    learning = [name for name, p in network.named_parameters() if p.requires_grad]
    assert learning == ["fc.weight", "fc.bias"]
    assert not any(each.training for each in network.modules() if isinstance(each, nn.BatchNorm2d))
    train_last_layer_only(network, False)
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(module.training for module in network.modules())
