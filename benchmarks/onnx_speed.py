"""Predict by onnxruntime and by torch in turn, on the same processor cores: images per second.

python benchmarks/onnx_speed.py [MODEL...] [--images 512] [--rounds 5]

Without a MODEL: networks of recipes with random weights, which take as long as trained ones. Each
round times both, one after the other; the ratio is the median of those of the rounds.
"""

import argparse
import time

import numpy as np
import torch
from markdown_table import as_markdown

from hubblefork.data.images.framing import Framing
from hubblefork.exporting.onnx_file import on_onnxruntime
from hubblefork.models.model_card import ModelCard
from hubblefork.models.predictor import Predictor
from hubblefork.models.view import View
from hubblefork.recipes.recipe import load_recipe
from hubblefork.tasks.classes import Classes

RECIPES = ("default", "alexnet", "lenet5", "simple-cnn", "transfer")


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(words)
    predictors = [Predictor.load(each, "cpu") for each in asked.models]
    rows = []
    for predictor in predictors or map(untrained, RECIPES):
        began = time.perf_counter()
        exported = on_onnxruntime(predictor)
        seconds = time.perf_counter() - began
        random = np.random.default_rng(0)
        shape = (asked.images, *predictor.framing.shape)
        images = random.integers(0, 256, shape, dtype=np.uint8)
        speeds = np.array([[speed(e, images) for e in (predictor, exported)]
                           for _ in range(asked.rounds + 1)])[1:]  # fmt: skip
        torchs, onnxs = np.median(speeds, axis=0)
        ratio = np.median(speeds[:, 1] / speeds[:, 0])
        size, name = predictor.card.view.size, predictor.card.network
        rows.append([name, f"{size}", f"{torchs:,.0f}", f"{onnxs:,.0f}", f"{ratio:.2f}",
                     f"{seconds:.1f} s"])  # fmt: skip
    columns = ["network", "pixels", "torch", "onnxruntime", "ratio", "export"]
    print(as_markdown(columns, rows), end="")
    print(f"images/s on {torch.get_num_threads()} threads, medians of {asked.rounds} rounds")


def untrained(recipe_name: str) -> Predictor:
    """A predictor of a recipe's network and view, with random weights."""
    recipe = load_recipe(recipe_name)
    view = recipe.view
    size = view.size or recipe.data.size or 69
    card = ModelCard(
        network=recipe.network.name, options=dict(recipe.network.options), head="softmax",
        input_shape=(3, size, size), task=Classes(tuple("abcde")),
        framing=Framing(size=recipe.data.size or size), colours=("in colour",),
        view=View(size, (0.5,) * 3, (0.3,) * 3, field_of_view=view.field_of_view,
                  symmetries=view.symmetries, angles=view.angles),
        recipe=recipe.name, source="", versions={},
    )  # fmt: skip
    return Predictor.of(card.create_network(), card, torch.device("cpu"))


def speed(predictor: Predictor, images: np.ndarray) -> float:
    """Images per second."""
    began = time.perf_counter()
    predictor.answer(images)
    return len(images) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
