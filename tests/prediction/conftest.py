"""A small model for images of 16x16."""

from pathlib import Path

import pytest
import torch

from hubblefork.data.images.framing import Framing
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import save_model
from hubblefork.models.view import View
from hubblefork.tasks.classes import Classes


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A model with random weights for images of 16x16."""
    torch.manual_seed(0)
    card = ModelCard(
        network="lenet5", options={}, head="softmax", input_shape=(3, 16, 16),
        task=Classes(("a", "b")), framing=Framing(size=16), colours=("in colour",),
        view=View(size=16, mean=(0.0,) * 3, std=(1.0,) * 3), recipe="lenet5", source="test",
        versions={},
    )  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, card.create_network(), card)
    return path
