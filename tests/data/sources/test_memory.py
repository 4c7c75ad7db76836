"""What a notebook holds in memory: arrays, images, tables, sources, packed datasets."""

import astropy.table
import astropy.units as u
import numpy as np
import pandas as pd
import pytest
import torch
from astropy.utils.masked import Masked
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Unlabelled
from hubblefork.tasks.votes import Votes

N = 12
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 16, 16, 3), np.uint8)
NAMES = ["disc", "bar", "ring"] * 4
NUMBERS = [1, 0, 2] * 4


def refusal(given: object, labelled: bool = True) -> str:
    with pytest.raises(RequestError) as caught:
        open_source(given, labelled=labelled)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "images",
    [
        IMAGES,
        IMAGES.transpose(0, 3, 1, 2),
        torch.from_numpy(IMAGES.transpose(0, 3, 1, 2)),
        IMAGES.astype("u2") * 257,
        IMAGES / 255,
        list(IMAGES),
        [Image.fromarray(each) for each in IMAGES],
    ],
    ids=["uint8", "channels first", "torch", "uint16", "unit", "list", "PIL"],
)
def test_images_of_every_form_are_packed_as_they_are(images):
    source = open_source((images, NAMES))
    assert source.name == "arrays (12 images)"
    assert source.task == Classes(("bar", "disc", "ring"))
    assert source.table["label"].tolist() == NUMBERS
    assert source.table["id"].iloc[-1] == "image-11"
    dataset = pack(source)
    np.testing.assert_array_equal(dataset.images, IMAGES)
    assert dataset.source == "arrays (12 images)"


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "f4"])
def test_what_is_masked_is_not_known(kind):
    values = IMAGES.astype(kind)
    values[:, :4] = 17  # what stands below the mask is no number
    masked = np.ma.masked_array(values, mask=np.zeros_like(values, bool))
    masked[:, :4] = np.ma.masked
    for images in (masked, Masked(values, mask=np.ma.getmaskarray(masked)), list(masked)):
        packed = pack(open_source((images, NAMES))).images
        assert not packed[:, :4].any()
        assert packed[:, 4:].any()
    with pytest.raises(RequestError, match="some labels are masked; leave their images out"):
        open_source((values, np.ma.masked_equal(NUMBERS, 0)))


@pytest.mark.parametrize(
    "labels",
    [
        NAMES,
        tuple(NAMES),
        pd.Series(NAMES, index=range(5, 17)),
        pd.Series(NAMES, dtype="category"),
        np.array(NAMES, object),
    ],
)
def test_class_names_of_every_form(labels):
    assert open_source((IMAGES, labels)).table["label"].tolist() == NUMBERS


@pytest.mark.parametrize(
    "labels",
    [NUMBERS, np.array(NUMBERS, "f4"), np.eye(3)[NUMBERS], torch.tensor(NUMBERS),
     np.array(NUMBERS)[:, None]],
)  # fmt: skip
def test_class_numbers_of_every_form(labels):
    source = open_source((IMAGES, labels))
    assert source.task == Classes(("0", "1", "2"))
    assert source.table["label"].tolist() == NUMBERS


def test_vote_fractions_by_place_or_by_name():
    votes = open_source("simulated:votes:12").table[list(Votes().names)]
    assert open_source((IMAGES, votes.to_numpy())).task == Votes()
    shuffled = open_source((IMAGES, votes[votes.columns[::-1]])).table
    np.testing.assert_array_equal(shuffled[list(Votes().names)], votes)


def test_the_cache_follows_the_content():
    first = pack(open_source((IMAGES, NAMES)))
    assert pack(open_source((IMAGES.copy(), NAMES))).path == first.path
    assert pack(open_source((IMAGES[::-1], NAMES))).path != first.path
    assert pack(open_source((IMAGES, NAMES[::-1]))).path != first.path


def test_images_in_memory_are_not_copied():
    source = open_source((IMAGES, NAMES))
    assert np.shares_memory(next(source.read_group(0)), IMAGES)


def test_counts_are_stretched():
    source = open_source((IMAGES[..., 0] * 300.0 - 100, NAMES))
    assert (source.channels, source.bands) == (1, 1)
    assert "scaled by the recipe's stretch" in source.notes[0]
    assert pack(source, source.framing(size=8)).images.std() > 0


def test_images_alone_where_no_labels_are_needed():
    assert open_source(IMAGES, labelled=False).task == Unlabelled()
    one = [IMAGES[0], Image.fromarray(IMAGES[0]), Image.fromarray(IMAGES[0, ..., 0])]
    assert [len(open_source(each, labelled=False).table) for each in one] == [1, 1, 1]
    assert "no labels; give (images, labels)" in refusal(IMAGES)
    source = open_source((IMAGES, [0.5] * N), labelled=False)
    assert source.task == Unlabelled()
    assert "not whole numbers" in source.notes[0]


def test_images_of_several_sizes():
    images = [IMAGES[0], IMAGES[1, :10, :12], Image.fromarray(IMAGES[2, :9, :9, 0])]
    source = open_source((images, ["a", "b", "a"]))
    dataset = pack(source, source.framing(size=8), workers=1)
    assert dataset.images.shape == (3, 8, 8, 3)
    assert dataset.table["width"].tolist() == [16, 12, 9]
    assert "differ in shape or type" in refusal([IMAGES[0], IMAGES[0] / 2], labelled=False)


@pytest.mark.parametrize("kind", ["pandas", "astropy"])
def test_a_table_of_paths(tmp_path, monkeypatch, make_images, kind):
    make_images(tmp_path / "images", 6)
    monkeypatch.chdir(tmp_path)
    paths = [f"images/{index:03d}.png" for index in range(6)]
    columns = {"image": paths, "label": ["b", "a"] * 3, "ra": np.arange(6) / 15, "z": np.arange(6)}
    if kind == "pandas":
        table = pd.DataFrame(columns, index=list("uvwxyz")).assign(odd=[[1, 2]] * 6)
        table["ra"] *= 15
        note = (
            "Columns that are neither numbers, text nor dates are ignored: odd (list<item: int64>)."
        )
    else:
        table = astropy.table.Table(columns | {"odd": np.zeros((6, 2))})
        table["ra"].unit = u.hourangle
        table["label"] = table["label"].astype("S")
        note = (
            "Columns that are neither numbers, text nor dates are ignored: odd "
            "(fixed_size_list<item: double>[2])."
        )
    source = open_source(table)
    assert source.name == "table (6 rows)"
    assert source.task == Classes(("a", "b"))
    assert source.table["id"].tolist() == paths
    assert source.table["ra"].tolist() == pytest.approx(range(6))
    assert source.table["z"].tolist() == list(range(6))
    assert source.notes[0] == note
    assert source.notes[1].startswith("No ids are known; images are identified by their paths")
    assert len(source.notes) == 2
    assert len(pack(source, Framing(size=8))) == 6
    assert "no column label" in refusal(pd.DataFrame({"image": paths}))
    assert open_source(pd.DataFrame({"image": paths}), labelled=False).task == Unlabelled()


def test_a_table_is_not_changed(tmp_path, make_images):
    (path,) = make_images(tmp_path, 1)
    table = pd.DataFrame({"id": [7], "image": [path], "label": [3]})
    before = table.copy()
    open_source(table, labelled=False)
    pd.testing.assert_frame_equal(table, before)


def test_sources_and_packed_datasets_are_taken_as_they_are(two_classes, tmp_path):
    source = open_source(two_classes)
    assert open_source(source) is source
    dataset = pack(source, Framing(size=16), tmp_path)
    again = open_source(dataset)
    assert pack(again, again.framing(size=16), tmp_path) is dataset
    assert pack(again, None, tmp_path) is dataset
    smaller = pack(again, again.framing(size=8, grey=True), tmp_path)
    assert smaller.images.shape == (22, 8, 8, 1)
    assert smaller.framing == Framing(size=8, channels=1)
    assert smaller.table["width"].tolist() == dataset.table["width"].tolist()
    with pytest.raises(RequestError, match="packed with crop None, and 12 is asked for"):
        pack(again, again.framing(crop=12), tmp_path)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "type NoneType cannot be used; expected a path or a name"),
        (7, "type int cannot be used"),
        ({"x": IMAGES}, "type dict cannot be used"),
        ([1, 2, 3], "type list cannot be used"),
        (["a.jpg", "b.jpg"], "type list cannot be used"),
        ([], "type list without anything in it cannot be used"),
        (open_source, "type function cannot be used"),
        (b"sky", "type bytes cannot be used"),
        ((IMAGES,), "a tuple of 1; expected"),
        ((IMAGES, NAMES, NAMES), "a tuple of 3; expected"),
        ((None, NAMES), "type NoneType cannot be used"),
        ((IMAGES, None), "no labels"),
        ((IMAGES, 3), "labels of type int; expected 12"),
        ((IMAGES, "disc"), "labels of type str; expected 12"),
        ((IMAGES, dict.fromkeys(NAMES)), "labels of type dict; expected 12"),
        ((IMAGES, NAMES[:5]), "5 labels for 12 images"),
        ((IMAGES, [[1], [1, 2]]), "0 labels for 12 images"),
        ((IMAGES, ["disc"] * N), "only one class, 'disc'"),
        ((IMAGES, [None, *NAMES[1:]]), "1 of 12 labels of labels (12) text are missing"),
        ((IMAGES, np.zeros((N, 4))), "neither one-hot"),
        ((IMAGES[:0], []), "images (0, 16, 16, 3) uint8 cannot be images"),
        ((IMAGES.astype("c8"), NAMES), "cannot be images; expected numbers of shape"),
        ((IMAGES.astype(object), NAMES), "cannot be images"),
        ((np.zeros((N, 300)), NAMES), "cannot be images"),
        ((np.zeros((N, 9, 9, 9), "u1"), NAMES), "transpose them to (N, H, W, C)"),
        ((np.zeros(()), NAMES), "cannot be images"),
        (pd.DataFrame(), "it has no columns"),
        (pd.DataFrame({"image": ["none.png"], "label": [1]}), "1 of 1 files are not there"),
        (pd.Series(["a.png"]), "no labels"),
    ],
)  # fmt: skip
def test_wrong_kinds_get_one_line(given, words):
    assert words in refusal(given)


def test_what_was_in_memory_cannot_be_opened_by_its_name():
    assert "give it again as source" in refusal("arrays (1,000 images)")
