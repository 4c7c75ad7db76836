"""A packed dataset with other labels: which image gets which, and what is told."""

import shutil

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import open_packed, pack
from hubblefork.data.relabelled import relabelled
from hubblefork.data.sources import open_source
from hubblefork.tasks.classes import Classes

TASK = Classes(("bar", "disc"))


@pytest.fixture(scope="module")
def packed(shapes) -> PackedDataset:
    return pack(open_source(shapes))


def labels(packed: PackedDataset, rows, names) -> pd.DataFrame:
    table = packed.table.iloc[rows][["id", "digest"]].reset_index(drop=True)
    return table.assign(label=[TASK.names.index(each) for each in names])


def test_images_with_a_label_have_it_and_all_others_their_own(packed):
    own = packed.labels
    rows = [0, 1, 50]
    given = [TASK.names[1 - own[0]], TASK.names[own[1]], TASK.names[1 - own[50]]]
    found, told = relabelled(packed, TASK, labels(packed, rows, given))
    expected = own.copy()
    expected[[0, 50]] = 1 - own[[0, 50]]
    assert found.labels.tolist() == expected.tolist()
    assert (told.used, told.changed, told.missing) == (3, 2, 0)
    assert not told.by_id
    assert np.array_equal(found.images, packed.images)
    assert (found.path / "images.npy").samefile(packed.path / "images.npy")
    assert found.key != packed.key
    assert open_packed(found.key).labels.tolist() == expected.tolist()
    assert sum(found.info["counts"].values()) == len(found)
    assert packed.labels.tolist() == own.tolist()


def test_classes_are_matched_by_name(packed):
    table = labels(packed, [0, 1], ["bar", "bar"])
    found, _ = relabelled(packed, Classes(("bar",)), table)
    assert found.labels[:2].tolist() == [packed.task.names.index("bar")] * 2
    with pytest.raises(RequestError, match="ring"):
        relabelled(packed, Classes(("ring",)), table)


def test_identical_images_get_the_same_label_and_an_own_one_comes_first(shapes, tmp_path):
    shutil.copytree(shapes, tmp_path / "sky")
    for copy in ("a", "b"):
        shutil.copy(shapes / "disc" / "disc 3.png", tmp_path / "sky" / "disc" / f"{copy}.png")
    packed = pack(open_source(tmp_path / "sky"))
    places = {each: packed.table.index[packed.table["id"].str.contains(each)][0]
              for each in ("disc 3.png|disc 3$", "/a|^a", "/b|^b")}  # fmt: skip
    first, a, b = places.values()
    table = labels(packed, [first], ["bar"])
    found, told = relabelled(packed, TASK, table)
    assert found.labels[[first, a, b]].tolist() == [0, 0, 0]
    assert (told.used, told.missing) == (3, 0)
    table = labels(packed, [first, b], ["bar", "disc"])
    found, _ = relabelled(packed, TASK, table)
    assert found.labels[[first, b]].tolist() == [0, 1]


def test_where_no_digest_fits_ids_do_and_that_is_told(shapes, packed):
    smaller = pack(open_source(shapes), Framing(size=16, channels=3))
    table = labels(packed, [0, 1], ["bar", "disc"])
    found, told = relabelled(smaller, TASK, table)
    assert told.by_id
    assert "found by id" in str(told)
    assert found.labels[:2].tolist() == [0, 1]


def test_an_image_that_is_not_there_is_counted_and_ids_are_not_used_for_it(packed):
    table = labels(packed, [0, 1], ["bar", "disc"])
    table.loc[1, "digest"] = "0" * 32
    _, told = relabelled(packed, TASK, table)
    assert (told.used, told.missing, told.by_id) == (1, 1, False)
    table["id"], table["digest"] = ["x", "y"], ["2" * 32, "0" * 32]
    with pytest.raises(RequestError, match="none of the 2 labels"):
        relabelled(packed, TASK, table)


def test_of_images_without_labels_those_with_one_are_all(shapes, tmp_path):
    folder = tmp_path / "sky"
    folder.mkdir()
    for path in sorted(shapes.glob("*/*.png"))[::4]:
        shutil.copy(path, folder / path.name)
    packed = pack(open_source(folder, labelled=False))
    rows = [2, 5, 7, 11]
    found, told = relabelled(packed, TASK, labels(packed, rows, ["bar", "disc", "bar", "disc"]))
    assert (told.used, told.changed, told.alone) == (4, 0, True)
    assert found.table["id"].tolist() == packed.table["id"].iloc[rows].tolist()
    assert np.array_equal(found.images, packed.images[rows])
    assert found.labels.tolist() == [0, 1, 0, 1]
    assert found.task == TASK
