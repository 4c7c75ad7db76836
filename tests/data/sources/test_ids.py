"""The id of an image is that of its row, from every source and to every output."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from hubblefork.data.sources.ids import id_columns

# As SDSS and Gaia have them: neighbouring ones are one number as floats.
LARGE = [1237649770260463600 + number for number in range(6)]


@pytest.fixture
def folder(tmp_path, make_images) -> Path:
    make_images(tmp_path / "images", 6)
    return tmp_path


def rows(**columns) -> pd.DataFrame:
    paths = [f"../images/{number:03d}.png" for number in range(6)]
    return pd.DataFrame({"image": paths, "label": list("abcabc"), **columns})


def written(folder: Path, kind: str, name: str, values) -> str:
    """A source of six images, with ids in a column or array of this name."""
    path = folder / name / f"sky.{kind}"  # HDF5 files stay open
    path.parent.mkdir()
    if kind == "csv":
        rows(**{name: values}).to_csv(path, index=False)
    elif kind == "parquet":
        rows(**{name: values}).to_parquet(path)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file["images"] = np.zeros((6, 8, 8, 3), "u1")
            file["labels"] = np.arange(6) % 2
            column = np.asarray(values)[:, None]
            file[f"meta/{name}"] = column.astype("S") if column.dtype.kind == "U" else column
    elif kind == "npz":
        arrays = {"images": np.zeros((6, 8, 8, 3), "u1"), "labels": np.arange(6) % 2}
        np.savez(path, **arrays, **{name: np.asarray(values)})
    return str(path)


def datasets_file(files, folder: Path, **columns) -> str:
    """Six images with their columns in one Parquet file, as the hub has them."""
    return str(files.write_parquet(files.galaxies(0, 6, **columns), folder / "set.parquet"))


@pytest.mark.parametrize("kind", ["csv", "parquet", "h5", "npz"])
@pytest.mark.parametrize("name", ["object_id", "OBJID", "dr8objid", "source_id", "inds"])
def test_ids_of_surveys_are_known_in_every_source(folder, kind, name):
    source = open_source(written(folder, kind, name, LARGE))
    assert source.table["id"].tolist() == list(map(str, LARGE))
    assert f"Ids are those of the column {name if kind[0] in 'cp' else name.lower()}." in [
        note for note in source.notes if "Ids" in note
    ]


def test_ids_of_surveys_are_known_in_data_sets_and_tables(folder, files, monkeypatch):
    monkeypatch.chdir(folder / "images")
    path = datasets_file(files, folder, iauname=[f"J{number}" for number in range(6)])
    assert open_source(path).table["id"].tolist() == [f"J{number}" for number in range(6)]
    assert open_source(rows(specobjid=LARGE)).table["id"].tolist() == list(map(str, LARGE))
    indexed = rows(objid=LARGE, kind=pd.Categorical(list("xyxyxy"))).set_index("objid")
    indexed.to_parquet("indexed.parquet")
    indexed.to_csv("indexed.csv")
    for given in (indexed, "indexed.parquet", "indexed.csv"):
        source = open_source(given)
        assert source.table["id"].tolist() == list(map(str, LARGE))
        assert source.table["kind"].tolist() == list("xyxyxy")
    rows(id=LARGE).set_axis(list("uvwxyz")).to_parquet("unnamed.parquet")
    assert open_source("unnamed.parquet").table["__index_level_0__"].tolist() == list("uvwxyz")


def test_one_order_of_preference():
    columns = ["inds", "objID", "label", "ID_str", "galaxy_id", "ra", "Object ID"]
    assert id_columns(columns) == ["ID_str", "Object ID", "objID", "galaxy_id", "inds"]
    assert id_columns(["ID", "id"]) == ["id", "ID"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "h5", "npz"])
def test_an_option_names_the_ids(folder, kind):
    path = written(folder, kind, "tile", ["x1", "x2", "x3", "x4", "x5", "x6"])
    key = "meta/tile" if kind == "h5" else "tile"
    assert open_source(f"{path}:id={key}").table["id"].tolist()[:2] == ["x1", "x2"]
    with pytest.raises(RequestError, match=r"has no (column|array) 'tail'"):
        open_source(f"{path}:id=tail")


def test_an_option_names_the_ids_of_data_sets_and_npy_files(folder, files):
    path = datasets_file(files, folder, tile=[f"x{n}" for n in range(6)], flux=[[1.0]] * 6)
    assert open_source(f"{path}:id=tile").table["id"][5] == "x5"
    with pytest.raises(RequestError, match=r"the column flux is nested \(list<element: double>\)"):
        open_source(f"{path}:id=flux")
    for name, values in {"X": np.zeros((6, 8, 8), "u1"), "y": np.arange(6) % 2, "n": LARGE}.items():
        np.save(folder / f"{name}.npy", values)
    source = open_source(f"{folder / 'X.npy'}:id=n.npy")
    assert source.table["id"].tolist() == list(map(str, LARGE))
    assert source.task.names == ("0", "1")


def test_an_option_names_the_ids_of_folders(tmp_path, make_images):
    for name in ("disc", "bar"):
        make_images(tmp_path / name, 2)
    table = pd.DataFrame({"file": ["disc/000.png", "disc/001.png", "bar/000.png", "bar/001.png"]})
    table.assign(objid=LARGE[:4]).to_csv(tmp_path / "more.csv", index=False)
    plain = open_source(str(tmp_path))
    assert plain.table["id"].tolist() == ["bar/000", "bar/001", "disc/000", "disc/001"]
    assert plain.notes[0].endswith("Images are identified by their paths; :id=objid takes its ids.")
    named = open_source(f"{tmp_path}:id=objid").table["id"]
    assert named.tolist() == [str(LARGE[place]) for place in (2, 3, 0, 1)]
    with pytest.raises(RequestError, match="no table beside the folders has a column 'z' of ids"):
        open_source(f"{tmp_path}:id=z")


@pytest.mark.parametrize("kind", ["csv", "parquet", "h5", "npz"])
def test_where_there_are_no_ids_one_line_says_what_stands_in_their_place(folder, kind):
    source = open_source(written(folder, kind, "flux", np.arange(6) / 7))
    (note,) = [note for note in source.notes if "id" in note]
    assert note.startswith("No ids are known; images are identified ")
    assert source.table["id"][1] == ("../images/001.png" if kind in ("csv", "parquet") else "sky-1")


@pytest.mark.parametrize("kind", ["parquet", "h5", "npz"])
def test_float_ids_without_their_last_digits_are_told(folder, kind):
    table = open_source(written(folder, kind, "objid", np.array(LARGE, float) + [0, 512, 1024] * 2))
    (note,) = [note for note in table.notes if "2^53" in note]
    assert note.startswith("6 of 6 ids in objid are floating-point numbers above 2^53")
    exact = open_source(written(folder, kind, "source_id", np.arange(6.0)))
    assert exact.table["id"].tolist() == list("012345")
    assert not [note for note in exact.notes if "2^53" in note]


def test_numbers_that_a_spreadsheet_has_rounded_are_told(folder):
    rounded = [f"{number}.23765E+18" for number in range(1, 7)]
    source = open_source(written(folder, "csv", "objid", rounded))
    assert [note for note in source.notes if "6 of 6 ids in objid are floating-point" in note]


def test_whole_numbers_with_gaps_keep_their_digits(folder, files):
    gaps = pa.array([None, *LARGE[1:]], pa.int64())
    source = open_source(datasets_file(files, folder, tile=gaps, few=pa.array([None, 1] * 3)))
    assert source.table["tile"][1] == str(LARGE[1])
    assert source.table["few"][1] == 1
    path = written(folder, "csv", "tile", ["", *map(str, LARGE[1:])])
    assert open_source(path).table["tile"][1] == str(LARGE[1])


@pytest.mark.parametrize("kind", ["csv", "parquet", "h5", "npz"])
def test_images_of_one_object_are_told_apart_and_are_one_group(folder, kind):
    source = open_source(written(folder, kind, "objid", [7, 8, 7, 9, 7, 10]))
    assert source.table["id"].tolist() == ["7", "8", "7-2", "9", "7-3", "10"]
    assert source.table["group"].tolist() == ["7", "8", "7", "9", "7", "10"]
    assert [note for note in source.notes if note.startswith("2 of 6 images have the objid of an")]


@pytest.mark.parametrize("kind", ["csv", "parquet", "h5", "npz"])
def test_ids_of_images_are_one_a_row(folder, kind):
    for name, option in (("id", ""), ("tile", ":id=meta/tile" if kind == "h5" else ":id=tile")):
        with pytest.raises(RequestError, match="1 ids stand in more than one row: a; each"):
            open_source(written(folder, kind, name, list("abcdea")) + option)


def test_ids_with_gaps_are_passed_over(folder):
    source = open_source(written(folder, "csv", "objid", [1, 2, None, 4, 5, 6]))
    assert source.table["id"][0] == "../images/000.png"
    assert source.notes[0] == "1 of 6 rows have no objid."


def test_an_id_of_an_image_is_no_band(folder):
    table = rows().rename(columns={"image": "image_g"}).assign(image_r=lambda t: t["image_g"])
    table.insert(0, "image_id", LARGE)
    table.to_csv(folder / "images" / "sky.csv", index=False)
    source = open_source(folder / "images" / "sky.csv")
    assert source.table["id"].tolist() == list(map(str, LARGE))
    assert len(source.paths[0]) == 2


def test_arrays_that_cannot_be_ids_are_told(folder):
    arrays = {"images": np.zeros((6, 8, 8, 3), "u1"), "labels": np.arange(6) % 2}
    np.savez(folder / "sky.npz", **arrays, objid=np.array(LARGE[:5]), id=np.array([{}] * 6))
    notes = open_source(folder / "sky.npz").notes
    assert "objid (5) int64 cannot be the ids of 6 images." in notes
    assert "id (6) pickled objects, which are never read cannot be the ids of 6 images." in notes
