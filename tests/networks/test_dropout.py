import pytest
import torch

from hubblefork.networks.dropout import Dropout


@pytest.mark.parametrize("format", [torch.contiguous_format, torch.channels_last])
def test_drops_its_fraction_and_keeps_the_mean(format):
    torch.manual_seed(0)
    maps = torch.ones(8, 16, 33, 31).contiguous(memory_format=format)
    out = Dropout(0.25)(maps)
    assert (out == 0).float().mean() == pytest.approx(0.25, abs=0.01)
    assert out.unique().tolist() == pytest.approx([0, 4 / 3])
    assert out.stride() == maps.stride()


def test_drops_neighbours_channels_and_images_independently():
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(64, 32, 16, 16)) > 0).float() - 0.5
    for axis in range(4):
        product = kept * kept.roll(1, axis)
        assert product.mean().abs() < 0.003  # 4 standard errors of 524,288 products of 1/4


def test_gradient_goes_through_what_was_kept():
    torch.manual_seed(0)
    maps = torch.ones(4, 40, requires_grad=True)
    out = Dropout(0.5)(maps)
    out.sum().backward()
    assert torch.equal(maps.grad, out.detach())


def test_follows_the_seed():
    maps = torch.ones(5, 7)
    drop = Dropout(0.5)
    outs = []
    for _ in range(2):
        torch.manual_seed(3)
        outs.append(drop(maps))
    assert torch.equal(*outs)


def test_does_nothing_in_evaluation_or_without_a_rate():
    maps = torch.randn(3, 4)
    assert Dropout(0.5).eval()(maps) is maps
    assert Dropout(0.0)(maps) is maps
