"""Pipes, devices, sockets and broken links are never opened: a pipe would never answer."""

import json
import os
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.prediction.inputs import open_inputs

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")

KINDS = {
    "pipe": "a named pipe, not a file",
    "socket": "a socket, not a file",
    "device": "a device, not a file",
    "dangling": "a link to a missing file",
    "circle": "a link that leads back to itself",
    "folder": "a directory, not a file",
    "empty": "the file is empty",
}


def make_irregular(kind: str, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        # A name of any length, relative to its folder: those of sockets are short.
        before = os.getcwd()
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
        os.chdir(before)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "dangling":
        path.symlink_to(path.parent / "nothing")
    elif kind == "circle":
        path.symlink_to(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch()
    return path


@pytest.mark.parametrize("suffix", [".png", ".fits"])
@pytest.mark.parametrize("kind", [each for each in KINDS if each != "folder"])
def test_in_a_folder_of_images_they_are_left_out_with_a_reason(two_classes, tmp_path, kind, suffix):
    make_irregular(kind, two_classes / "spiral" / f"odd{suffix}")
    dataset = pack(open_source(two_classes), cache=tmp_path / "cache")
    assert len(dataset) == 22
    assert [each["reason"] for each in dataset.info["left_out"]] == [KINDS[kind]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_catalogue_names_them(two_classes, tmp_path, kind):
    odd = make_irregular(kind, tmp_path / "odd.png")
    files = [*sorted((two_classes / "spiral").iterdir()), odd]
    table = pd.DataFrame({"image": [str(each) for each in files]})
    path = tmp_path / "cat.csv"
    table.assign(id=range(11), label=["a", "b"] * 5 + ["a"]).to_csv(path, index=False)
    if kind == "empty":
        reason = pack(open_source(path), cache=tmp_path / "cache").info["left_out"][0]["reason"]
        assert reason == KINDS[kind]
    else:
        with pytest.raises(RequestError, match=r"1 of 11 files .*odd\.png \(" + KINDS[kind]):
            open_source(path)
    source = open_source(path, labelled=False)
    assert source.read([10], source.framing(size=8))[0].reason == KINDS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_one_band_of_many_is_named(two_classes, tmp_path, kind):
    odd = make_irregular(kind, tmp_path / "odd.png")
    table = pd.DataFrame(
        {"id": ["a", "b"], "image_g": [str(two_classes / "spiral" / "000.png")] * 2}
    )
    source = open_source(table.assign(image_r=[table["image_g"][0], str(odd)]), labelled=False)
    assert source.read([1], source.framing(size=8))[0].reason == f"odd.png: {KINDS[kind]}"
    assert len(source.content()) == 64


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".h5", ".npy", ".npz", ""])
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "dangling", "circle"])
def test_as_a_source_they_are_refused(tmp_path, kind, suffix):
    odd = make_irregular(kind, tmp_path / f"odd{suffix}")
    with pytest.raises(RequestError) as caught:
        open_source(odd)
    assert f"odd{suffix}: {KINDS[kind]}" in str(caught.value)
    with pytest.raises(RequestError) as caught:
        open_inputs([odd])
    assert f"odd{suffix}: {KINDS[kind]}" in str(caught.value)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/stdin", "/dev/null"])
def test_devices_are_refused(name):
    with pytest.raises(RequestError, match=r"not a file; save what it gives|is not there"):
        open_source(name)


@pytest.mark.parametrize("name", ["labels.csv", "some.parquet", "y.npy", "state.json"])
def test_beside_the_data_they_are_not_waited_for(two_classes, name):
    make_irregular("pipe", two_classes / name)
    if name == "some.parquet":
        with pytest.raises(RequestError, match=r"some\.parquet: a named pipe, not a file"):
            open_source(two_classes)
    else:
        assert len(open_source(two_classes).table) == 22


def test_labels_beside_an_array_and_of_a_kaggle_folder(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((4, 8, 8, 3), np.uint8))
    make_irregular("pipe", tmp_path / "y.npy")
    with pytest.raises(RequestError, match=r"y\.npy: a named pipe, not a file"):
        open_source(tmp_path / "X.npy")
    make_irregular("pipe", tmp_path / "kag" / "training_solutions_rev1.csv")
    (tmp_path / "kag" / "images_training_rev1").mkdir()
    with pytest.raises(RequestError, match=r"training_solutions_rev1\.csv .*a named pipe"):
        open_source(f"kaggle:{tmp_path / 'kag'}")


def test_a_rule_of_classes_is_not_waited_for(tmp_path):
    rule = make_irregular("pipe", tmp_path / "rule.toml")
    with pytest.raises(RequestError, match=r"rule\.toml: a named pipe, not a file"):
        open_source("simulated:votes:20", classes=str(rule))


def test_images_of_a_data_set_are_named_with_the_reason(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    make_irregular("pipe", tmp_path / "2.png")
    images = [{"bytes": None, "path": "1.png"}, {"bytes": None, "path": "2.png"}]
    pd.DataFrame({"image": images, "label": [0, 1]}).to_parquet(tmp_path / "sky.parquet")
    with pytest.raises(RequestError, match=r"1 of 2 files .*2\.png \(a named pipe, not a file\)"):
        open_source(tmp_path / "sky.parquet")


@pytest.mark.parametrize("name", ["x" * 300, "no\0name"])
@pytest.mark.parametrize("form", ["{}", "{}.csv", "{}.h5", "kaggle:{}", "{}.npy:labels={}.npy"])
def test_names_that_no_file_can_have_are_refused(form, name):
    with pytest.raises(RequestError):
        open_source(form.format(name, name))


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "no\0name.png"])
def test_a_catalogue_may_hold_names_that_no_file_can_have(two_classes, tmp_path, name):
    files = [*map(str, sorted((two_classes / "spiral").iterdir())), name]
    source = open_source(pd.DataFrame({"image": files}), labelled=False)
    left_out = pack(source, cache=tmp_path / "cache").info["left_out"]
    assert [each["reason"].partition(" (")[0] for each in left_out] in (
        ["cannot be read"], ["cannot be a file"],
    )  # fmt: skip


def test_a_saved_data_set_may_name_files_that_no_system_can_have(tmp_path):
    state = {"_data_files": [{"filename": "x" * 300 + ".arrow"}], "_split": None}
    (tmp_path / "state.json").write_text(json.dumps(state))
    with pytest.raises(RequestError, match="names, is not there"):
        open_source(tmp_path)
