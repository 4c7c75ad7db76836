"""Array files of every kind, from opening to packed images."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hubblefork.data.sources.array_pixels
from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.arrays import open_arrays
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Unlabelled
from hubblefork.tasks.votes import Votes

N = 12
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 10, 8, 3), np.uint8)
LABELS = np.arange(N) % 3


def write_h5(path: Path, **arrays: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            file[key] = values


WRITERS = {"a.npz": np.savez, "b.npz": np.savez_compressed, "c.h5": write_h5, "d.HDF5": write_h5}


def pixels_of(source) -> np.ndarray:
    """All images as they are, without a square."""
    return np.concatenate(
        [batch for group in range(len(source.starts) - 1) for batch in source.read_group(group)]
    )


def refusal(text: str | Path, labelled: bool = True) -> str:
    with pytest.raises(RequestError) as caught:
        open_arrays(str(text), labelled)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", WRITERS)
def test_images_and_labels_of_every_file(tmp_path, name):
    WRITERS[name](tmp_path / name, images=IMAGES, labels=LABELS)
    source = open_source(tmp_path / name)
    assert source.task == Classes(("0", "1", "2"))
    assert source.table["label"].tolist() == LABELS.tolist()
    assert source.table["id"].iloc[7] == f"{name[0]}-07"
    assert source.table["origin"].iloc[7] == f"{name} row 7"
    assert (source.channels, len(source.notes)) == (3, 1)
    np.testing.assert_array_equal(pixels_of(source), IMAGES)


def test_an_npy_file_finds_its_labels(tmp_path):
    np.save(tmp_path / "X_train.npy", IMAGES)
    np.save(tmp_path / "y_train.npy", LABELS)
    source = open_source(tmp_path / "X_train.npy")
    assert source.table["label"].tolist() == LABELS.tolist()
    assert source.notes[:-1] == ["Found beside it: y_train.npy."]
    (tmp_path / "truth").mkdir()
    np.save(tmp_path / "truth" / "t.npy", LABELS[::-1])
    named = open_source(f"{tmp_path / 'X_train.npy'}:labels=truth/t.npy")
    assert named.table["label"].tolist() == LABELS[::-1].tolist()
    assert named.stamp() != source.stamp()
    assert named.content() != source.content()


def test_further_images_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, val_images=IMAGES[:5])
    note, _ = open_source(tmp_path / "a.npz").notes
    assert note.startswith("The images are those of images; ignored: val_images (5, ")


def test_packed_images_are_those_of_the_file(tmp_path):
    np.savez(tmp_path / "a.npz", x=IMAGES[:, :8], y=LABELS)
    dataset = pack(open_source(tmp_path / "a.npz"), workers=2)
    np.testing.assert_array_equal(dataset.images, IMAGES[:, :8])
    assert dataset.table[["width", "height", "bands"]].iloc[0].tolist() == [8, 8, 3]


def test_a_slab_is_let_go_before_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(hubblefork.data.sources.array_pixels, "_SLAB_BYTES", 1 << 18)
    images = np.zeros((600, 64, 64, 3), np.uint8)  # 7.4 MB
    np.savez_compressed(tmp_path / "a.npz", images=images, labels=np.arange(600) % 2)
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", np.arange(600) % 2)
    write_h5(tmp_path / "a.h5", images=images, labels=np.arange(600) % 2)
    del images
    for name in ("a.npz", "images.npy", "a.h5"):
        tracemalloc.start()
        source = open_source(tmp_path / name)
        for start in range(0, 600, 20):
            source.read(range(start, start + 20), Framing(size=8))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 << 20, name


def test_content_follows_the_bytes_and_the_choice(tmp_path):
    def write(name: str, **arrays: np.ndarray):
        np.savez(tmp_path / name, **arrays)
        return open_source(f"{tmp_path / name}:images=images:labels=labels")

    one = write("a.npz", images=IMAGES, more=IMAGES, labels=LABELS)
    (tmp_path / "sub").mkdir()
    moved = write("sub/a.npz", images=IMAGES, more=IMAGES, labels=LABELS)
    other = open_source(f"{tmp_path / 'a.npz'}:images=more:labels=labels")
    before = one.content()
    assert before == moved.content()
    assert one.stamp() != moved.stamp()
    assert before != other.content()
    changed = write("a.npz", images=IMAGES[::-1], more=IMAGES, labels=LABELS)
    assert changed.content() != before


def test_one_value_an_image_becomes_a_column(tmp_path):
    write_h5(
        tmp_path / "a.h5",
        images=IMAGES,
        ans=LABELS,
        RA=np.linspace(0, 100, N),
        dec=np.zeros(N, "f4"),
        redshift=np.full(N, np.nan),
        ids=np.arange(N) + 10**15,
        group=np.array([b"one", b"two"] * (N // 2)),
        split=["train"] * 8 + ["valid"] * 2 + ["test"] * 2,
    )
    table = open_source(tmp_path / "a.h5").table
    assert table["id"].iloc[0] == "1000000000000000"
    assert table["ra"].iloc[-1] == 100
    assert table["group"].iloc[1] == "two"
    assert table["split"].value_counts().to_dict() == {"train": 8, "val": 2, "test": 2}
    assert {"dec", "redshift"} <= set(table)


def test_vote_fractions_are_votes(tmp_path):
    votes = simulated_votes()
    np.savez(tmp_path / "a.npz", images=IMAGES, anything=votes)
    source = open_source(tmp_path / "a.npz")
    assert source.task == Votes()
    np.testing.assert_allclose(source.table[list(Votes().names)], votes)
    votes[3, 0] = np.nan
    np.savez(tmp_path / "a.npz", images=IMAGES, votes=votes)
    assert "a-03 (Class1.1 is missing)" in refusal(tmp_path / "a.npz")
    votes[3, 0] = 0.9
    np.savez(tmp_path / "a.npz", images=IMAGES, votes=votes)
    assert "a-03 (Class1.1 to Class1.3 sum to" in refusal(tmp_path / "a.npz")


def simulated_votes() -> np.ndarray:
    source = open_source(f"simulated:votes:{N}")
    return source.table[list(Votes().names)].to_numpy(copy=True)


def test_images_without_labels_are_enough_to_predict(tmp_path):
    np.save(tmp_path / "sky.npy", IMAGES)
    source = open_source(tmp_path / "sky.npy", labelled=False)
    assert source.task == Unlabelled()
    (about_ids,) = source.notes
    assert about_ids.startswith("No ids are known; images are identified ")
    assert "which are the labels" in refusal(tmp_path / "sky.npy")
    np.savez(tmp_path / "a.npz", x=IMAGES, y=np.full(N, np.nan), split=["test"] * N)
    source = open_source(tmp_path / "a.npz", labelled=False)
    assert source.task == Unlabelled()
    assert "12 of 12 labels of y (12) float64 are missing" in source.notes[0]
    np.savez(tmp_path / "a.npz", x=IMAGES, y=LABELS)
    assert open_source(tmp_path / "a.npz", labelled=False).task.outputs == 3


def many(**changes: object) -> Callable[[Path], str]:
    """A file with these arrays in the place of good ones; None leaves one out."""

    def write(folder: Path) -> str:
        arrays = {"images": IMAGES, "labels": LABELS, **changes}
        np.savez(folder / "a.npz", **{k: v for k, v in arrays.items() if v is not None})
        return str(folder / "a.npz")

    return write


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (many(labels=LABELS[:5]), "5 labels, labels (5) int64, for 12 images"),
        (many(labels=np.array([{}] * N)), "labels is pickled objects, which are never read"),
        (many(labels=np.zeros(N)), "only one class, '0'"),
        (many(labels=LABELS / 2), "not whole numbers: 0.5"),
        (many(labels=np.zeros((N, 4))), "neither one-hot (a single 1, otherwise 0) nor one vote"),
        (many(labels=np.zeros((N, 2, 2))), "which are the labels"),
        (many(labels=np.array(["a", ""] * 6)), "6 of 12 labels of labels (12) text are missing"),
        (
            many(labels=LABELS - 1, class_names=["a", "b", "c"]),
            "none of its 3 classes: -1; expected 0, 1, 2",
        ),
        (many(labels=None), "which are the labels of its 12 images? Beside them it has nothing"),
        (many(images=np.zeros((N, 30))), "holds no images"),
        (many(images=np.zeros((0, 8, 8))), "holds no images"),
        (many(images=IMAGES.astype("c8")), "holds no images"),
        (many(images=np.zeros((N, 6, 6, 6), "u1")), "it is not clear which axis"),
        (many(images=None, x_train=IMAGES, x_test=IMAGES), "which are the images, and which"),
        (many(id=np.zeros(N, int)), "1 ids stand in more than one row: 0"),
        (
            many(id=np.array(["a", ""] * 6)),
            "6 of 12 rows have no id; row numbers 2, 4, 6 and 3 more",
        ),
        (many(ra=np.full(N, 400.0)), "12 rows have a ra that is not an angle"),
        (many(dec=np.array(["a"] * N)), "12 rows have a dec that is not an angle"),
        (many(split=np.array(["a"] * N)), "12 rows have an unknown split"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, write, words):
    assert words in refusal(write(tmp_path))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (":images=imges", "no array 'imges'; did you mean 'images'?"),
        (":images=labels", "labels (12) int64 cannot be images"),
        (":labels=images", "no array 'images'"),
        (":labels=", "the option 'labels' is empty"),
        (":label=labels", "no option 'label'"),
        (":order=ABC", "expected order=HWC or order=CHW"),
        (":classes=labels", "cannot be class names; expected text"),
    ],
)
def test_wrong_options_are_told(tmp_path, options, words):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, z=LABELS)
    assert words in refusal(f"{tmp_path / 'a.npz'}{options}")


def test_what_is_no_file_is_told(tmp_path):
    assert "none.npz: the file is not there" in refusal(tmp_path / "none.npz")
    np.save(tmp_path / "X.npy", IMAGES)
    assert "nope.npy: the file is not there" in refusal(f"{tmp_path / 'X.npy'}:labels=nope.npy")
    for name in ("a.npz", "a.npy", "a.h5"):
        for content in (b"", b"text, no arrays"):
            (tmp_path / name).write_bytes(content)
            assert "is damaged, incomplete or of another kind" in refusal(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as archive:
        archive.writestr("readme.txt", "no arrays")
    assert "holds no arrays (.npy members), but readme.txt" in refusal(tmp_path / "z.npz")


def test_a_file_that_ends_while_it_is_read_is_told(tmp_path):
    np.save(tmp_path / "X.npy", IMAGES.repeat(9, axis=1))
    np.save(tmp_path / "y.npy", LABELS)
    source = open_source(tmp_path / "X.npy")
    content = (tmp_path / "X.npy").read_bytes()
    with open(tmp_path / "X.npy", "r+b") as file:
        file.truncate(len(content) - 100)
    with pytest.raises(RequestError, match="ends early"):
        pack(source, workers=1)


def _content(kind: str) -> bytes:
    """A good file of this kind, as bytes."""
    stream = io.BytesIO()
    arrays = {"images": IMAGES.astype("f4"), "labels": np.array(list("abc"))[LABELS]}
    if kind == "npz":
        np.savez_compressed(stream, **arrays, ra=np.arange(N) * 1.0)
    elif kind == "npy":
        np.save(stream, IMAGES)
    else:
        with h5py.File(stream, "w") as file:
            options = {"chunks": (5, 4, 4, 1), "compression": "gzip"}
            file.create_dataset("g/images", data=IMAGES, **options)
            file["g/labels"] = LABELS
            file["g/labels"].attrs["class_names"] = ["a", "b", "c"]
            file["ra"] = np.arange(N) * 1.0
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["npz", "npy", "h5"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_told(tmp_path, kind, data):
    content = bytearray(_content(kind))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    else:
        # Heads are where damage does most.
        places = st.integers(0, len(content) - 1) | st.integers(0, min(3000, len(content) - 1))
        for place in data.draw(st.lists(places, min_size=1, max_size=8)):
            content[place] = data.draw(st.integers(0, 255))
    # Another file each time: HDF5 knows files that are open by their place on the disk.
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.{kind}"
    path.write_bytes(content)
    message = ""
    try:
        source = open_arrays(str(path), labelled=False)
        images = source.read(range(len(source.table)), source.framing(size=8))
        assert len(images) == len(source.table)
    except RequestError as error:
        message = str(error)
    assert "\n" not in message
