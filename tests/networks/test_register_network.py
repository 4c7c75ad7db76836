"""Networks of other people: by a decorator, or announced by an installed package."""

import sys
from importlib import invalidate_caches

import pytest
import torch
from torch import nn

from hubblefork import register_network
from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import load_model, save_model
from hubblefork.models.view import View
from hubblefork.networks import registry
from hubblefork.networks.registry import create_network, describe_networks, registered_name
from hubblefork.tasks.classes import Classes

SHAPE = (3, 8, 8)

PACKAGE = '''
from math import prod
from torch import nn


class Small(nn.Sequential):
    """A small network of a package."""

    def __init__(self, input_shape, outputs, width=4):
        pixels = prod(input_shape)
        super().__init__(nn.Flatten(), nn.Linear(pixels, width), nn.Linear(width, outputs))


number = 3
'''


@pytest.fixture(autouse=True)
def _registered_here(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry._registry, "_registered", {})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder of packages, with one that announces a network and two that cannot be had."""
    (tmp_path / "galaxynets.py").write_text(PACKAGE)
    info = tmp_path / "galaxynets-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: galaxynets\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[hubblefork.networks]\nsmall = galaxynets:Small\nnumber = galaxynets:number\n"
        "broken = galaxynets_that_is_not_there:Small\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    invalidate_caches()
    yield tmp_path
    sys.modules.pop("galaxynets", None)


def forget(name):
    del registry._registry._registered[name]


def card_of(name):
    return ModelCard(
        network=name, options={"width": 3}, head="softmax", input_shape=SHAPE,
        task=Classes(("a", "b")), framing=Framing(size=8), colours=("in colour",),
        view=View(8, (0.0,) * 3, (1.0,) * 3), recipe="test", source="test", versions={},
    )  # fmt: skip


def test_a_package_is_imported_when_its_network_is_asked_for(package, tmp_path):
    create_network("mlp", SHAPE, 2)
    assert "galaxynets" not in sys.modules
    network = create_network("small", SHAPE, 2, {"width": 3})
    assert network[1].out_features == 3
    with pytest.raises(RequestError, match="network 'small' has no option 'widht'; did you mean"):
        create_network("small", SHAPE, 2, {"widht": 3})
    assert registered_name(network) == "small"
    forget("small")  # as where the package was imported, and not by its name
    assert registered_name(network) == "small"
    described = describe_networks()
    assert described["small"] == "A small network of a package."
    assert "cannot be imported" in described["broken"]


def test_a_package_that_cannot_be_used_is_told_in_one_line(package):
    with pytest.raises(RequestError, match=r"that_is_not_there:Small\) cannot be imported"):
        create_network("broken", SHAPE, 2)
    with pytest.raises(RequestError, match="3 cannot be registered as the network 'number'"):
        create_network("number", SHAPE, 2)
    info = package / "others-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hubblefork.networks]\nsmall = others:Small\n")
    with pytest.raises(RequestError, match="several packages have a network 'small': "):
        create_network("small", SHAPE, 2)


def test_a_model_file_is_read_where_its_network_is_registered_and_nowhere_else(
    package, monkeypatch
):
    card = card_of("small")
    path = package / "model.safetensors"
    save_model(path, card.create_network(), card)
    forget("small")  # as in another process
    sys.modules.pop("galaxynets")
    loaded, _, _ = load_model(path)
    assert type(loaded).__module__ == "galaxynets"
    forget("small")
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(package)])
    with pytest.raises(RequestError, match="no network is called 'small'") as error:
        load_model(path)
    told = str(error.value)
    assert told.startswith(f"{path}: ")
    assert "\n" not in told
    assert "has to be registered first, by @hubblefork.register_network('small')" in told


def test_a_decorated_function_makes_networks_of_model_files(tmp_path):
    @register_network("one-layer")
    def one_layer(input_shape, outputs, **options):
        """Of one layer."""
        channels, height, width = input_shape
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, outputs))

    card = card_of("one-layer")
    network = card.create_network()
    save_model(tmp_path / "model.safetensors", network, card)
    loaded, _, _ = load_model(tmp_path / "model.safetensors")
    images = torch.rand(2, *SHAPE)
    assert torch.equal(loaded(images), network(images))
    assert describe_networks()["one-layer"] == "Of one layer."
    forget("one-layer")
    with pytest.raises(RequestError, match="no network is called 'one-layer'"):
        load_model(tmp_path / "model.safetensors")


@pytest.mark.parametrize("name", ["", "timm:mine", "my net", "a/b", 3])
def test_a_name_that_cannot_be_one_is_refused(name):
    with pytest.raises(RequestError, match="cannot be the name of a network"):
        register_network(name)(nn.Identity)


def test_a_name_is_given_once_but_may_be_defined_again():
    with pytest.raises(RequestError, match="'lenet5' exists already"):
        register_network("lenet5")(lambda input_shape, outputs: None)

    def define(width):
        @register_network("mine")
        class Mine(nn.Linear):
            def __init__(self, input_shape, outputs):
                super().__init__(width, outputs)

    define(2)
    define(3)
    assert create_network("mine", SHAPE, 2).in_features == 3
    with pytest.raises(RequestError, match="'mine' exists already"):
        register_network("mine")(lambda input_shape, outputs: None)


def test_what_is_no_factory_is_refused():
    with pytest.raises(RequestError, match="cannot be called with input_shape and outputs alone"):
        register_network("other")(lambda shape, outputs: None)
    with pytest.raises(RequestError, match="cannot be called with input_shape and outputs alone"):
        register_network("other")(lambda input_shape, outputs, width: None)
    register_network("nothing")(lambda input_shape, outputs: None)
    with pytest.raises(RequestError, match="made a NoneType, not a torch module"):
        create_network("nothing", SHAPE, 2)
