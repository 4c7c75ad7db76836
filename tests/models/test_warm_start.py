"""A training starts from the weights of an earlier one, on other classes too."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.models.file_format import MODEL_FILE
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import save_model
from hubblefork.models.view import View
from hubblefork.models.warm_start import is_trained_model, load_trained_weights
from hubblefork.networks.registry import create_network
from hubblefork.recipes.recipe import load_recipe
from hubblefork.tasks.classes import Classes

SHAPE = (3, 32, 32)


def started(name, outputs, weights):
    network = create_network(name, SHAPE, outputs)
    load_trained_weights(network, name, str(weights))
    return network


@pytest.fixture(params=["lenet5", "timm:test_resnet"])
def earlier(request, tmp_path):
    """The network of a run, and the run's folder with nothing but its model file."""
    torch.manual_seed(0)
    card = ModelCard(
        network=request.param, options={}, head="softmax", input_shape=SHAPE,
        task=Classes(("a", "b")), framing=Framing(size=32), colours=("in colour",),
        view=View(32, (0.0,), (1.0,)), recipe="test", source="test", versions={},
    )  # fmt: skip
    network = card.create_network()
    save_model(tmp_path / MODEL_FILE, network, card, {"distances": np.ones(3)})
    return request.param, network, tmp_path


def test_a_network_of_as_many_classes_begins_as_the_earlier_one_ended(earlier):
    name, network, folder = earlier
    for weights in (folder, folder / MODEL_FILE):
        assert is_trained_model(str(weights))
        begun = started(name, 2, weights)
        for key, value in network.state_dict().items():
            assert torch.equal(begun.state_dict()[key], value), key


def test_of_other_classes_only_the_last_layer_begins_anew(earlier):
    name, network, folder = earlier
    begun = started(name, 7, folder).state_dict()
    differ = [key for key, value in network.state_dict().items() if begun[key].shape != value.shape]
    assert len(differ) == 2
    for key in network.state_dict().keys() - differ:
        assert torch.equal(begun[key], network.state_dict()[key]), key


def test_weights_of_another_network_are_refused_with_what_does_not_fit(earlier):
    _, _, folder = earlier
    with pytest.raises(RequestError, match=r"of 'mlp': \d missing .*a run of the same network"):
        started("mlp", 2, folder)


def test_weights_that_no_run_wrote_are_of_backbones_only(tmp_path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    assert not is_trained_model(str(tmp_path / "other.safetensors"))
    assert not is_trained_model(None)
    with pytest.raises(RequestError, match=r"a run of 'lenet5'.*timm:NAME"):
        create_network("lenet5", SHAPE, 2, weights=str(tmp_path / "other.safetensors"))


def test_weights_that_are_no_numbers_are_refused_when_written_and_when_read(earlier):
    name, network, folder = earlier
    tensors = load_file(folder / MODEL_FILE)
    del tensors["sha256"]  # or the file counts as damaged
    key = next(iter(network.state_dict()))
    tensors[key].view(-1)[0] = torch.nan
    save_file(tensors, folder / MODEL_FILE, {"hubblefork": "{}"})
    with pytest.raises(RequestError, match=rf"NaN or infinite numbers: {key}"):
        started(name, 2, folder)
    network.state_dict()[key].view(-1)[0] = torch.nan
    with pytest.raises(RequestError, match=rf"NaN or infinite numbers: {key}"):
        save_model(folder / "again.safetensors", network, None)
    assert not (folder / "again.safetensors").exists()


@pytest.mark.parametrize("channels", [1, 5])
def test_other_channels_share_the_filters_of_the_first_layer(channels):
    """An image that is the same in all channels gives what it gave in colour."""

    def answers(number: int) -> torch.Tensor:
        options = load_recipe("default").network.options
        network = create_network("equivariant-resnet", (number, 32, 32), 37, options)
        load_trained_weights(network, "equivariant-resnet", "galaxy-votes")
        with torch.inference_mode():
            return network.eval()(grey.repeat(1, number, 1, 1))

    grey = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(answers(channels), answers(3), rtol=1e-4, atol=1e-4)
