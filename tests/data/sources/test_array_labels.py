import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source

IMAGES = np.zeros((6, 8, 8), "u1")


def classes_of(folder, **arrays: np.ndarray) -> tuple[tuple[str, ...], list[int]]:
    np.savez(folder / "a.npz", images=IMAGES, **arrays)
    source = open_source(folder / "a.npz")
    return source.task.names, source.table["label"].tolist()


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        (np.array([5, 11, 5, 11, 2, 2]), ("2", "5", "11"), [1, 2, 1, 2, 0, 0]),
        (np.array([0.0, 1, 0, 1, 1, 1]), ("0", "1"), [0, 1, 0, 1, 1, 1]),
        (np.array([[0], [1], [0], [1], [1], [1]], "u1"), ("0", "1"), [0, 1, 0, 1, 1, 1]),
        (np.array([True, False] * 3), ("0", "1"), [1, 0] * 3),
        (np.array(["b", " a "] * 3), ("a", "b"), [1, 0] * 3),
        (np.array([b"10", b"9"] * 3), ("9", "10"), [1, 0] * 3),
        (np.eye(3)[[2, 1, 0, 0, 1, 2]], ("0", "1", "2"), [2, 1, 0, 0, 1, 2]),
        (np.eye(37)[[2, 1, 0, 0, 1, 2]].astype(bool), tuple(map(str, range(37))), [2, 1, 0] * 2),
    ],
)
def test_labels_of_every_form(tmp_path, labels, names, expected):
    found, numbers = classes_of(tmp_path, labels=labels)
    assert found == names
    assert numbers == (expected if labels.shape[1:] != (37,) else [2, 1, 0, 0, 1, 2])


@pytest.mark.parametrize("labels", [np.array([2, 0] * 3), np.array(["bar", "disc"] * 3)])
def test_names_of_classes_give_the_order(tmp_path, labels):
    names, numbers = classes_of(tmp_path, labels=labels, class_names=["disc", "ring", "bar"])
    assert names == ("disc", "ring", "bar")
    assert numbers == [2, 0] * 3


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"labels": np.array(["x", "y"] * 3)}, "none of its 2 classes: x, y; expected a, b"),
        ({"labels": np.array([3, 0] * 3)}, "none of its 2 classes: 3; expected 0, 1"),
        ({"labels": np.eye(3)[[0, 1, 2] * 2]}, "none of its 2 classes: 2; expected 0, 1"),
    ],
)
def test_labels_beyond_the_names_are_told(tmp_path, arrays, words):
    with pytest.raises(RequestError, match=words):
        classes_of(tmp_path, **arrays, class_names=["a", "b"])


def test_two_classes_of_one_name_are_told(tmp_path):
    with pytest.raises(RequestError, match="the same name"):
        classes_of(tmp_path, labels=np.array([0, 1] * 3), class_names=["a", "a"])
