"""The parts of a batch are the whole batch; in one process, batch normalisation is torch's own."""

from contextlib import nullcontext
from copy import deepcopy

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from timm.layers import BatchNormAct2d
from torch import nn

from hubblefork.training.data_parallel import BatchNormOfAll, gathered, part_of_batch


@given(number=st.integers(0, 300), processes=st.integers(1, 40))
def test_parts_are_a_whole_batch_of_nearly_equal_sizes(number, processes):
    parts = [range(number)[part_of_batch(number, rank, processes)] for rank in range(processes)]
    assert [row for each in parts for row in each] == list(range(number))
    lengths = [len(each) for each in parts]
    assert max(lengths) - min(lengths) <= 1


@pytest.fixture
def alone():
    """A process group of one."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm2d(3), (5, 3, 4, 4)),
        (nn.BatchNorm1d(3, affine=False), (5, 3)),
        (BatchNormAct2d(3), (5, 3, 4, 4)),
    ],
)
def test_batch_normalisation_on_processors_is_that_of_torch(alone, layer, shape):
    torch.manual_seed(0)
    results = []
    maps = torch.randn(shape) * 3 + 1
    for mode in (nullcontext(), BatchNormOfAll()):
        copy = deepcopy(layer)
        inputs = maps.clone().requires_grad_()
        with mode:
            out = copy(inputs)
            out.square().sum().backward()
            still = copy.eval()(maps)
        gradients = [parameter.grad for parameter in copy.parameters()]
        results.append([out, still, inputs.grad, *gradients, *copy.buffers()])
    for expected, given_ in zip(*results, strict=True):
        torch.testing.assert_close(given_, expected, atol=1e-5, rtol=1e-5)


def test_what_is_gathered_is_in_order_and_has_its_gradient(alone):
    own = torch.arange(6.0).reshape(3, 2).requires_grad_()
    whole = gathered(own, 3)
    assert torch.equal(whole, own)
    (whole * torch.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    assert own.grad.tolist() == [[1, 1], [2, 2], [3, 3]]
