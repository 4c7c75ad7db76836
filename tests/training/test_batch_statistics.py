"""Batch statistics that are measured: the means over all batches, whatever layer normalises."""

import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn

from hubblefork.networks.equivariant_resnet import ORIENTATIONS, Normalisation
from hubblefork.training.batch_statistics import has_batch_statistics, measure_batch_statistics

LAYERS = {
    "torch": lambda: nn.BatchNorm2d(ORIENTATIONS),
    "timm": lambda: BatchNormAct2d(ORIENTATIONS),
    "ours": lambda: Normalisation(1),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_they_are_the_means_over_the_batches_and_nothing_else_changes(layer):
    network = nn.Sequential(LAYERS[layer](), nn.Conv2d(ORIENTATIONS, 2, 1)).eval()
    weights = {name: each.clone() for name, each in network.named_parameters()}
    batches = [(1 + number) * torch.randn(8, ORIENTATIONS, 4, 4) + number for number in range(5)]
    assert has_batch_statistics(network)
    for _ in range(2):  # the earlier ones are forgotten
        measure_batch_statistics(network, batches)
        mean = torch.stack([batch.mean(dim=(0, 2, 3)) for batch in batches]).mean(dim=0)
        variance = torch.stack([batch.var(dim=(0, 2, 3)) for batch in batches]).mean(dim=0)
        torch.testing.assert_close(network[0].running_mean, mean)
        torch.testing.assert_close(network[0].running_var, variance)
    assert not network.training
    assert all(torch.equal(weights[name], each) for name, each in network.named_parameters())


def test_a_network_without_such_layers_has_none():
    assert not has_batch_statistics(nn.Sequential(nn.Conv2d(1, 1, 1), nn.GroupNorm(1, 1)))
