"""A class, a column and a file have one name, however a source spells it."""

import unicodedata

import h5py
import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from hubblefork.tasks.classes import Classes

NFC, NFD = (unicodedata.normalize(form, "Käfer") for form in ("NFC", "NFD"))
# Six labels of three classes, of which two are spelt in two ways.
LABELS = [NFD, "moth ", "wasp", NFC, "moth", "wasp"]


def in_folders(folder, files, make_images):
    for name in dict.fromkeys(LABELS):
        make_images(folder / "sky" / name, 1 + (name == "wasp"))
    return str(folder / "sky")


def in_table(folder, make_images, kind):
    make_images(folder / "images", 6)
    paths = [f"images/{number:03d}.png" for number in range(6)]
    table = pd.DataFrame({" id": range(6), "image ": paths, "label": LABELS})
    path = folder / f"sky.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    return str(path)


def in_csv(folder, files, make_images):
    return in_table(folder, make_images, "csv")


def in_parquet(folder, files, make_images):
    return in_table(folder, make_images, "parquet")


def in_hdf5(folder, files, make_images):
    with h5py.File(folder / "sky.h5", "w") as file:
        file["images"] = np.zeros((6, 8, 8, 3), "u1")
        file["labels"] = LABELS
    return str(folder / "sky.h5")


def in_hdf5_attributes(folder, files, make_images):
    with h5py.File(folder / "sky.h5", "w") as file:
        file["images"] = np.zeros((6, 8, 8, 3), "u1")
        file["labels"] = [0, 1, 2, 3, 4, 2]
        file.attrs["class_names"] = LABELS[:5]
    return str(folder / "sky.h5")


def in_npz(folder, files, make_images):
    np.savez(folder / "sky.npz", images=np.zeros((6, 8, 8, 3), "u1"), labels=LABELS)
    return str(folder / "sky.npz")


def in_memory(folder, files, make_images):
    return np.zeros((6, 8, 8, 3), "u1"), LABELS


def in_class_label(folder, files, make_images):
    table = files.galaxies(0, 6, label=[0, 1, 2, 3, 4, 2])
    label = {"names": LABELS[:5], "_type": "ClassLabel"}
    table = files.noted(table, label=label, image={"_type": "Image"})
    return str(files.write_parquet(table, folder / "set.parquet"))


def in_data_set(folder, files, make_images):
    return str(files.write_parquet(files.galaxies(0, 6, label=LABELS), folder / "set.parquet"))


@pytest.mark.parametrize(
    "made",
    [in_folders, in_csv, in_parquet, in_hdf5, in_hdf5_attributes, in_npz, in_memory,
     in_class_label, in_data_set],
)  # fmt: skip
def test_classes_are_one_in_every_source_and_told(tmp_path, files, make_images, made):
    source = open_source(made(tmp_path, files, make_images))
    assert sorted(source.task.names) == sorted([NFC, "moth", "wasp"])
    assert np.bincount(source.table["label"]).tolist() == [2, 2, 2]
    (note,) = [note for note in source.notes if note.startswith("Spellings")]
    assert note.endswith(f"are one class: {NFC!r} (2 spellings), 'moth' (2 spellings).")
    # A model of any of them is evaluated on any other.
    aligned = Classes((NFC, "moth", "wasp")).aligned(source.task, "sky")(source.table["label"])
    assert np.bincount(aligned).tolist() == [2, 2, 2]


def test_classes_that_differ_in_case_or_spaces_are_told():
    images = np.zeros((6, 8, 8, 3), "u1")
    source = open_source((images, ["dog", "Dog", "edge on", "edge_on", "edge  on", "cat"]))
    assert source.task.outputs == 6
    (note,) = source.notes
    assert note.startswith("These are different classes, although their names differ only in case")
    assert "'Dog' and 'dog', 'edge  on' and 'edge on' and 'edge_on'" in note
    assert open_source((images, ["1", "-1", "S0", "S0/a", "Sa", "SBa"])).notes == []


def test_an_older_model_knows_the_same_names():
    aligned = Classes((NFD, "moth ")).aligned(Classes(("moth", NFC)), "sky")
    assert aligned(np.array([0, 1])).tolist() == [1, 0]


def test_thresholds_of_one_class_stand_once():
    rule = {NFC: {"Class1.1": 0.5}, f"{NFD} ": {"Class1.2": 0.5}}
    with pytest.raises(RequestError, match=r"the class .* stands there twice"):
        open_source("simulated:votes:60", classes=rule)


@pytest.mark.parametrize(("there", "asked"), [(NFC, NFD), (NFD, NFC)])
def test_files_are_found_however_a_table_spells_them(tmp_path, files, make_images, there, asked):
    make_images(tmp_path / there, 4)
    paths = [f"{asked}/{number:03d}.png" for number in range(4)]
    table = pd.DataFrame({"id": list("abcd"), "image": paths, "label": list("xyxy")})
    table.to_csv(tmp_path / "sky.csv", index=False)
    source = open_source(tmp_path / "sky.csv")
    assert not [
        reason for reason in source.read(range(4), source.framing()) if hasattr(reason, "reason")
    ]
    column = [{"bytes": None, "path": path} for path in paths]
    pd.DataFrame({"image": column, "label": list("xyxy")}).to_parquet(tmp_path / "set.parquet")
    assert len(open_source(tmp_path / "set.parquet").paths) == 4


def test_a_table_beside_folders_spells_them_as_it_likes(tmp_path, make_images):
    for name in (NFD, "wasp"):
        make_images(tmp_path / name, 2)
    rows = [f"{NFC}/000.png,x", f"{NFC}/001,y", "wasp/000.png,z", "wasp/001.png,u"]
    (tmp_path / "more.csv").write_text("\n".join(["file,Größe", *rows]))
    source = open_source(tmp_path)
    assert source.table["Größe"].tolist() == ["x", "y", "z", "u"]
    assert source.table["id"].tolist() == [f"{NFC}/000", f"{NFC}/001", "wasp/000", "wasp/001"]


def test_two_files_that_differ_only_in_coding_have_two_ids(tmp_path, make_images):
    make_images(tmp_path / "wasp", 2)
    make_images(tmp_path / "moth", 1)
    image = (tmp_path / "moth" / "000.png").read_bytes()
    for name in (NFC, NFD):
        (tmp_path / "moth" / f"{name}.png").write_bytes(image)
    assert open_source(tmp_path).table["id"].is_unique


def test_columns_that_are_one_name_are_refused(tmp_path, make_images):
    make_images(tmp_path / "images", 2)
    (tmp_path / "sky.csv").write_text(f"id,image,label,{NFC},{NFD}\na,images/000.png,x,1,2\n")
    with pytest.raises(RequestError, match=f"two columns called '{NFC}'"):
        open_source(tmp_path / "sky.csv")


def test_an_option_and_a_rule_name_a_column_in_either_coding(tmp_path, files):
    table = files.galaxies(0, 6, **{NFC: list("ababab")}).drop_columns("label")
    path = files.write_parquet(table, tmp_path / "set.parquet")
    assert open_source(f"{path}:labels={NFD}").task.names == ("a", "b")
