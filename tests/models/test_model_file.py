"""A model file alone is enough to predict, and other files are refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import load_model, save_model
from hubblefork.models.view import View
from hubblefork.networks.registry import create_network
from hubblefork.tasks.classes import Classes

CARD = ModelCard(
    network="compact-resnet",
    options={"width": 8, "blocks": [1, 1]},
    head="softmax",
    input_shape=(3, 32, 32),
    task=Classes(("ellipse", "spirale à bras", "渦")),
    framing=Framing(crop=64, size=32),
    colours=("in colour",),
    view=View(size=32, mean=(0.1, 0.2, 0.3), std=(1.0, 1.0, 1.0), rotate=180, symmetries=True),
    recipe="default",
    source="galaxies",
    versions={"hubblefork": "0.1.0"},
)


def test_weights_and_card_come_back_as_they_were(tmp_path):
    network = CARD.create_network().to(memory_format=torch.channels_last).eval()
    known = {"calibration.temperature": np.array(0.7), "set_scores.places": np.arange(3)}
    save_model(tmp_path / "model.safetensors", network, CARD, known)
    loaded, card, arrays = load_model(tmp_path / "model.safetensors")
    assert card == CARD
    assert arrays.keys() == known.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, known[name])
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(loaded(images), network(images))
    assert not loaded.training


def test_the_same_model_gives_the_same_bytes(tmp_path):
    network = create_network("lenet5", (3, 32, 32), 3)
    for name in ("a", "b"):
        save_model(tmp_path / name, network, CARD)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_of_another_format_is_refused(tmp_path):
    metadata = {"hubblefork": '{"format": 4}'}
    save_file({"weight": torch.zeros(1)}, tmp_path / "old.safetensors", metadata)
    with pytest.raises(RequestError, match="has format 4; this hubblefork reads 5"):
        load_model(tmp_path / "old.safetensors")


def test_other_files_are_refused_by_one_line(tmp_path):
    with pytest.raises(RequestError, match="no model file"):
        load_model(tmp_path / "gone.safetensors")
    (tmp_path / "junk.safetensors").write_bytes(b"\x80\x04junk that is no model")
    with pytest.raises(RequestError, match="not a model file of hubblefork"):
        load_model(tmp_path / "junk.safetensors")
    save_file({"weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(RequestError, match="hubblefork did not write it"):
        load_model(tmp_path / "other.safetensors")


@pytest.mark.parametrize("place", [0.3, 0.6, 0.999])
def test_one_changed_bit_of_the_arrays_is_noticed(tmp_path, place):
    path = tmp_path / "model.safetensors"
    save_model(path, create_network("lenet5", (3, 32, 32), 3), replace(CARD, network="lenet5"))
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(RequestError, match="damaged"):
        load_model(path)
