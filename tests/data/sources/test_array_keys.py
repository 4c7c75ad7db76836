import h5py
import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from hubblefork.data.sources.arrays import siblings

IMAGES = np.zeros((6, 8, 8), "u1")
LABELS = np.array([0, 1] * 3)


@pytest.mark.parametrize(
    "arrays",
    [
        {"anything": IMAGES, "kind": LABELS},
        {"IMAGES": IMAGES, "masks": IMAGES, "kind": LABELS},
        {"x": IMAGES, "Y": LABELS, "target_id": LABELS[::-1], "weight": LABELS / 3},
        {"x_train": IMAGES, "y_train": np.eye(2)[LABELS]},
        {"x": IMAGES, "y": LABELS, "ra": LABELS, "class_names": np.array(["a", "b"])},
    ],
)
def test_what_is_obvious_is_found(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for key, values in arrays.items():
            text = values.dtype.kind == "U"
            file[f"deep/{key}"] = values.astype("S") if text else values
    for name in ("a.npz", "a.h5"):
        assert open_source(tmp_path / name).table["label"].tolist() == LABELS.tolist()


def test_what_is_not_obvious_is_asked_for(tmp_path):
    arrays = {"x": IMAGES, "shape": LABELS, "colour": LABELS[::-1]}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(RequestError) as caught:
        open_source(tmp_path / "a.npz")
    assert "shape (6) int64, colour (6) int64" in str(caught.value)
    assert str(caught.value).endswith("a.npz:labels=KEY")
    named = open_source(f"{tmp_path / 'a.npz'}:labels=colour")
    assert named.table["label"].tolist() == LABELS[::-1].tolist()


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("X.npy", "y.npy"),
        ("X_train.npy", "y_train.npy"),
        ("train_images.npy", "train_labels.npy"),
        ("sky.npy", "sky_labels.npy"),
        ("sky.npy", "labels.npy"),
    ],
)
def test_labels_beside_an_npy_file(tmp_path, name, labels):
    for each in (name, labels, "other.npy", "x_test.npy"):
        (tmp_path / each).touch()
    assert [each.name for each in siblings(tmp_path / name, [])] == [labels]
