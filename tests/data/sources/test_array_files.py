import h5py
import numpy as np
import pytest

import hubblefork.data.sources.array_files
from hubblefork.core.errors import RequestError
from hubblefork.data.sources.array_files import open_arrays_of

VALUES = np.random.default_rng(0).integers(0, 60000, (7, 6, 5, 3)).astype("u2")


def only(path):
    (array,) = open_arrays_of(path, str(path))
    return array


@pytest.mark.parametrize("dtype", ["<u2", ">u2", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["npy", "npz", "compressed", "h5"])
def test_any_rows_in_any_order_of_bytes_and_axes(tmp_path, dtype, order, kind):
    values = np.array(VALUES, dtype, order=order)
    path = tmp_path / f"a.{'npz' if kind == 'compressed' else kind}"
    if kind == "npy":
        np.save(path, values)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("x", data=values, chunks=(2, 3, 3, 1), compression="gzip")
    else:
        (np.savez if kind == "npz" else np.savez_compressed)(path, x=values)
    array = only(path)
    assert array.shape == VALUES.shape
    for start, stop in ((0, 7), (3, 5), (1, 2), (6, 7)):  # back and forth
        rows = array.rows(start, stop)
        np.testing.assert_array_equal(rows, VALUES[start:stop])
        assert rows.dtype.isnative


def test_groups_are_looked_into_and_loops_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one/two/x"] = VALUES
        file["one/loop"] = file["one"]
        file["soft"] = h5py.SoftLink("/one/two/x")
        file["gone"] = h5py.ExternalLink("none.h5", "/x")
        file["number"] = 7
    (array,) = open_arrays_of(tmp_path / "a.h5", "a.h5")
    assert (array.key, array.last) == ("one/two/x", "x")


def test_text_of_every_kind_is_read(tmp_path):
    words = ["spirale à bras", "disque"]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["long"] = words
        file["fixed"] = np.array([word.encode() for word in words])
    np.savez(tmp_path / "a.npz", u=np.array(words), s=np.array([w.encode() for w in words]))
    for name in ("a.h5", "a.npz"):
        for array in open_arrays_of(tmp_path / name, name):
            assert array.is_text
            assert array.column().tolist() == words


def test_attributes_name_the_classes(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["y"] = [0, 1]
        file["y"].attrs["classes"] = ["disc", "bar"]
    assert only(tmp_path / "a.h5").class_names() == ["disc", "bar"]


def test_what_lies_in_other_files_is_not_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        layout = h5py.VirtualLayout((7, 6), "u2")
        layout[:] = h5py.VirtualSource(tmp_path / "b.h5", "x", (7, 6))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("outside", (7,), "u2", external=[("raw.bin", 0, 14)])
        file["reference"] = file["virtual"].ref
        file.create_dataset("ragged", (2,), h5py.vlen_dtype("i4"))
    for array in open_arrays_of(tmp_path / "a.h5", "a.h5"):
        with pytest.raises(RequestError, match=r"kept in other files|cannot be read"):
            array.rows(0, 1)


def test_a_small_file_that_claims_to_be_large_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (10**6, 64, 64, 3), "u1", chunks=(100, 64, 64, 3))
    with pytest.raises(RequestError, match="claim to hold 12,288,000,000"):
        open_arrays_of(tmp_path / "a.h5", "a.h5")


def test_chunks_that_do_not_fit_into_memory_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(hubblefork.data.sources.array_files, "MOST_BYTES", 1 << 20)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (4000, 20, 20), "u1", chunks=(4000, 20, 20), compression="gzip")
    with pytest.raises(RequestError, match="in chunks"):
        only(tmp_path / "a.h5").rows(0, 1)


def test_fortran_order_that_must_be_whole_in_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(hubblefork.data.sources.array_files, "MOST_BYTES", 1000)
    np.savez(tmp_path / "a.npz", x=np.asfortranarray(VALUES))
    with pytest.raises(RequestError, match="Fortran order"):
        only(tmp_path / "a.npz").rows(0, 1)
    np.save(tmp_path / "a.npy", np.asfortranarray(VALUES))
    np.testing.assert_array_equal(only(tmp_path / "a.npy").rows(2, 4), VALUES[2:4])


def test_a_file_of_countless_arrays_is_refused(tmp_path):
    arrays = {f"a{number}": np.zeros(2) for number in range(1001)}
    np.savez(tmp_path / "many.npz", **arrays)
    with h5py.File(tmp_path / "many.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values
    for name in ("many.npz", "many.h5"):
        with pytest.raises(RequestError, match="holds more than 1,000 arrays; expected one of all"):
            open_arrays_of(tmp_path / name, name)
