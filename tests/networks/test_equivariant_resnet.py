import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.networks.equivariant_resnet import (
    ORIENTATIONS,
    EquivariantResNet,
    GroupConvolution,
    Lifting,
    Normalisation,
    _orders_of_maps,
    _Permuted,
    _product,
)
from hubblefork.networks.inference import prepare_for_inference
from hubblefork.networks.symmetries import symmetries

each_orientation = pytest.mark.parametrize("orientation", range(ORIENTATIONS))


@pytest.mark.parametrize("before", range(ORIENTATIONS))
@pytest.mark.parametrize("after", range(ORIENTATIONS))
def test_two_symmetries_are_one_by_their_product(after, before):
    kernel = torch.arange(9).view(1, 1, 3, 3)
    twice = symmetries(symmetries(kernel)[before])[after]
    assert torch.equal(twice, symmetries(kernel)[_product(after, before)])


def trained_like(network):
    """Statistics and weights that differ everywhere, as after a training."""
    for layer in network.modules():
        if isinstance(layer, Normalisation):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias)
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    return network.eval()


@each_orientation
@torch.inference_mode()
def test_answers_do_not_depend_on_how_an_image_is_rotated_or_flipped(orientation):
    torch.manual_seed(0)
    network = trained_like(EquivariantResNet((3, 32, 32), 5, width=2, blocks=(1, 1)))
    images = torch.randn(2, 3, 32, 32)
    answers = network(images)
    torch.testing.assert_close(network(symmetries(images)[orientation]), answers)
    assert answers.std() > 0.1


@each_orientation
@pytest.mark.parametrize(
    "settings", [{"kernel_size": 3, "padding": 1}, {"kernel_size": 4, "padding": 1, "stride": 2}]
)
def test_a_rotated_image_rotates_the_maps_and_permutes_orientations(settings, orientation):
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        Lifting(3, 2, **(settings | {"stride": 1, "kernel_size": 3})),
        GroupConvolution(2, 3, **settings),
    )
    images = torch.randn(1, 3, 16, 16)
    maps = layers(images).unflatten(1, (-1, ORIENTATIONS))
    rotated = layers(symmetries(images)[orientation]).unflatten(1, (-1, ORIENTATIONS))
    order = [_product(orientation, g) for g in range(ORIENTATIONS)]
    torch.testing.assert_close(
        rotated[:, :, order], symmetries(maps)[orientation], atol=1e-5, rtol=1e-4
    )


def test_gradient_of_oriented_filters_is_right():
    rows = torch.randn(3, 72, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows: _Permuted.apply(rows, _orders_of_maps(3)), rows)


def test_takes_any_size_and_learns_each_weight():
    network = EquivariantResNet((1, 50, 41), 3, width=2, blocks=(1, 1, 1))
    network = network.to(memory_format=torch.channels_last)  # as training has it
    for layer in network.modules():
        if isinstance(layer, Normalisation):
            torch.nn.init.ones_(layer.weight)
    network(torch.randn(4, 1, 50, 41)).square().sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.parameters())


@pytest.mark.parametrize(
    "options", [{"width": 0}, {"blocks": ()}, {"blocks": (1, 0)}, {"dropout": 1.0}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(RequestError, match="equivariant-resnet needs"):
        EquivariantResNet((3, 64, 64), 5, **options)


def test_for_prediction_its_layers_are_plain_convolutions_and_nothing_is_drawn():
    network = trained_like(EquivariantResNet((3, 32, 32), 5, width=2, blocks=(1, 1)))
    state = torch.get_rng_state()
    prepared = prepare_for_inference(network)
    assert torch.equal(torch.get_rng_state(), state)
    kinds = {type(layer) for layer in prepared.modules()}
    assert not kinds & {Lifting, GroupConvolution, Normalisation, torch.nn.BatchNorm2d}
    assert prepared.state_dict()["stem.0.weight"].shape == (16, 3, 4, 4)


def test_too_small_an_image_is_refused():
    with pytest.raises(RequestError, match="16"):
        EquivariantResNet((3, 15, 64), 5)
