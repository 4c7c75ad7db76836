"""Preprocessing of one's own, by name."""

from dataclasses import replace

import numpy as np
import pytest

import hubblefork
import hubblefork.data.images.transforms
from hubblefork.core.errors import RequestError
from hubblefork.data.images.blocks import read_blocks
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.transforms import register_transform
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    registered = hubblefork.data.images.transforms._registry
    monkeypatch.setattr(registered, "_registered", {})


def packed(*names: str, cache=None):
    source = open_source((IMAGES, ["a", "b"] * 2))
    return pack(source, source.framing(transforms=names), cache)


def test_images_go_through_the_named_transforms_in_order(tmp_path):
    @hubblefork.register_transform("halve")
    def halve(image):
        return image // 2

    @hubblefork.register_transform("negative")
    def negative(image):
        return 255 - image

    dataset = packed("halve", "negative", cache=tmp_path)
    np.testing.assert_array_equal(dataset.images, 255 - IMAGES // 2)
    assert dataset.framing.transforms == ("halve", "negative")
    assert str(dataset.framing).endswith("halve, negative")
    assert len({packed(*names, cache=tmp_path).key for names in
                [(), ("halve",), ("halve", "negative"), ("negative", "halve")]}) == 4  # fmt: skip


def test_an_edited_transform_packs_again(tmp_path):
    def define(text: str):
        variables: dict = {}
        exec(f"def own(image):\n    return image {text}", {"__name__": "notebook"}, variables)
        register_transform("own")(variables["own"])

    define("// 2")
    first = packed("own", cache=tmp_path)
    define("// 4")
    second = packed("own", cache=tmp_path)
    assert first.key != second.key
    np.testing.assert_array_equal(second.images, IMAGES // 4)


def test_a_framing_that_names_what_is_not_registered_is_refused():
    saved = {**Framing().to_json(), "transforms": ["gone"]}
    with pytest.raises(RequestError, match="no transform is registered as 'gone'; none is"):
        Framing.from_json(saved)


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (lambda image: image[:8], r"returned uint8 of shape \(8, 16, 3\); expected uint8 of shape"),
        (lambda image: image / 2, r"returned float64 of shape"),
        (lambda image: None, r"returned NoneType of shape None"),
        (lambda image: 1 // 0, r"failed \(ZeroDivisionError"),
    ],
)
def test_what_a_transform_does_wrong_is_one_line(tmp_path, transform, words):
    register_transform("bad")(transform)
    with pytest.raises(RequestError, match=words):
        packed("bad", cache=tmp_path)


def test_a_transform_reaches_worker_processes():
    register_transform("zero")(lambda image: np.zeros_like(image))
    source = open_source((IMAGES, ["a", "b"] * 2))
    framing = replace(source.framing(), transforms=("zero",))
    blocks = read_blocks([source.job([0]), source.job([1])], framing, (16, 16, 3), 2, "processes")
    assert all(not any(block.pixels) for block in blocks)


def test_a_packed_dataset_with_transforms_is_not_transformed_again(tmp_path):
    register_transform("halve")(lambda image: image // 2)
    dataset = packed("halve", cache=tmp_path)
    again = open_source(dataset)
    assert pack(again, again.framing(size=16), tmp_path) is dataset
    with pytest.raises(RequestError, match="was transformed at 16 pixels, and 8 are asked for"):
        pack(again, again.framing(size=8), tmp_path)
