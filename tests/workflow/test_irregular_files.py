"""Pipes in the place of models, weights, recipes, trees and pages are refused, not waited for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hubblefork import Predictor, RequestError, predict
from hubblefork.models.warm_start import is_trained_model
from hubblefork.networks.weights import Repository, read_tensors
from hubblefork.recipes.recipe import load_recipe
from hubblefork.report.page import check_page
from hubblefork.sky.decision_tree import load_tree

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")

READERS: dict[str, Callable[[Path], object]] = {
    "model.safetensors": Predictor.load,
    "run/model.safetensors": lambda path: Predictor.load(path.parent),
    "weights.pth": read_tensors,
    "hub/config.json": lambda path: Repository.read(str(path.parent)),
    "recipe.toml": load_recipe,
    "tree.toml": lambda path: load_tree(str(path)),
    "page.html": lambda path: check_page(path, "inspect"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_refused(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(RequestError) as caught:
        READERS[name](path)
    assert "\n" not in str(caught.value)
    assert not is_trained_model(str(path))


def test_a_pipe_among_images_is_a_problem_of_its_row(tmp_path, example_run, shapes):
    (tmp_path / "a.png").write_bytes(next((shapes / "bar").iterdir()).read_bytes())
    os.mkfifo(tmp_path / "b.png")
    table = predict(example_run, tmp_path)
    assert table["problem"].fillna("").tolist() == ["", "a named pipe, not a file"]
