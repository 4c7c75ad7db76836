"""The 16 views of a galaxy: what they show, and that a rotated galaxy has the same ones."""

import pytest
import torch

from hubblefork.networks.dieleman import Dieleman


@pytest.fixture(scope="module")
def network() -> Dieleman:
    torch.manual_seed(0)
    return Dieleman((1, 99, 99), 37).eval()


def test_at_the_published_size_there_are_16_corners_of_45_pixels(network):
    assert (network.square, network.corner) == (69, 45)
    assert network.views(torch.rand(2, 1, 99, 99)).shape == (2, 16, 1, 45, 45)


def test_every_side_has_the_middle_of_the_image_at_its_lower_right(network):
    down, across = torch.meshgrid(torch.arange(99.0), torch.arange(99.0), indexing="ij")
    spot = torch.exp(-((down - 49) ** 2 + (across - 49) ** 2) / 18)
    for view in network.views(spot[None, None])[0, :, 0]:
        row, column = divmod(int(view.argmax()), 45)
        # The middle of a square of 69 is its 35th row and column.
        assert abs(row - 34) <= 1
        assert abs(column - 34) <= 1


def test_the_rotated_views_show_the_image_rotated_by_45_degrees(network):
    # A bar along the diagonal lies level, or stands, in a square that is rotated by 45 degrees.
    bar = torch.zeros(99, 99)
    for offset in (-1, 0, 1):
        bar += torch.diag(torch.ones(99 - abs(offset)), offset)
    rotated = network.views(bar[None, None])[0, 8:, 0]
    for view in rotated:
        along = max(view.mean(0).max(), view.mean(1).max())
        assert along > 0.8, "one row or column is the bar"


def test_an_image_rotated_by_quarters_or_flipped_has_the_same_views(network):
    image = torch.rand(1, 1, 99, 99)
    views = network.views(image)[0].flatten(1)
    for other in (image.rot90(1, (-2, -1)), image.flip(-1)):
        others = network.views(other)[0].flatten(1)
        apart = (views[:, None] - others).abs().amax(dim=2)
        assert (apart < 1e-4).sum(dim=1).tolist() == [1] * 16


def test_weights_begin_as_published(network):
    convolutions = [each for each in network.convolutions if hasattr(each, "weight")]
    for layer, std in zip(convolutions, (0.01, 0.01, 0.01, 0.1), strict=True):
        assert float(layer.weight.detach().std()) == pytest.approx(std, rel=0.1)
        assert layer.bias.unique().tolist() == [pytest.approx(0.1)]
    first, second, last = network.dense[1].linear, network.dense[3].linear, network.dense[5]
    for layer, std, bias in ((first, 0.001, 0.01), (second, 0.001, 0.01), (last, 0.01, 0.1)):
        assert float(layer.weight.detach().std()) == pytest.approx(std, rel=0.1)
        assert layer.bias.unique().tolist() == [pytest.approx(bias)]


def test_the_grid_of_the_rotation_is_not_kept_in_the_model_file(network):
    assert "rotated" not in network.state_dict()
