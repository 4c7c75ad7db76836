import os
from pathlib import Path

import pytest

from hubblefork.data.framing import Framing
from hubblefork.data.sources.folder import open_folder
from hubblefork.errors import RequestError


def opened(path: Path):
    return open_folder(path, "sky")


def refusal(path: Path) -> str:
    with pytest.raises(RequestError) as caught:
        opened(path)
    return str(caught.value)


def test_each_folder_is_a_class(two_classes):
    source = opened(two_classes)
    assert source.task.names == ("edge_on", "spiral")
    assert source.table["label"].value_counts().to_dict() == {0: 12, 1: 10}
    assert source.table["id"].iloc[0] == "edge_on/000"
    assert source.table["origin"].iloc[0] == "edge_on/000.png"
    assert source.notes == []
    assert source.read([0, 21], Framing(size=8))[1].shape == (8, 8, 3)


def test_names_with_spaces_and_of_any_script_are_kept(tmp_path, make_pictures):
    make_pictures(tmp_path / "стрекоза зелёная", 1)
    make_pictures(tmp_path / "棒旋星系", 1)
    source = opened(tmp_path)
    assert source.task.names == ("стрекоза зелёная", "棒旋星系")
    assert source.table["id"].tolist() == ["стрекоза зелёная/000", "棒旋星系/000"]


@pytest.mark.skipif(os.name == "nt", reason="file names are not bytes on Windows")
def test_file_names_that_are_not_utf8_are_read_and_shown(two_classes):
    name = os.fsdecode(b"spirale \xe0 bras.png")
    (two_classes / "spiral" / "000.png").rename(two_classes / "spiral" / name)
    source = opened(two_classes)
    shown = source.table["id"].iloc[-1]
    assert shown == r"spiral/spirale \xe0 bras"
    assert source.read([21], Framing())[0].shape == (24, 24, 3)
    assert len(source.stamp()) == len(source.content()) == 64


def test_stray_files_are_ignored_and_named(two_classes):
    (two_classes / "credits.csv").write_text("file,credit\n")
    (two_classes / "spiral" / "notes.txt").touch()
    (two_classes / ".DS_Store").touch()
    (two_classes / ".git").mkdir()
    source = opened(two_classes)
    assert len(source.table) == 22
    assert source.notes == [
        "2 files or folders were ignored as no picture of a class: credits.csv, spiral/notes.txt."
    ]


def test_a_folder_without_pictures_is_no_class(two_classes):
    (two_classes / "drafts").mkdir()
    source = opened(two_classes)
    assert source.task.names == ("edge_on", "spiral")
    assert source.notes == ["Folders without pictures were ignored: drafts."]


def test_folders_within_a_class_are_read(two_classes, make_pictures):
    make_pictures(two_classes / "spiral" / "barred" / "tight", 3)
    assert "spiral/barred/tight/002" in set(opened(two_classes).table["id"])


def test_links_that_go_in_circles_end(two_classes):
    (two_classes / "spiral" / "up").symlink_to(two_classes)
    (two_classes / "spiral" / "self").symlink_to(two_classes / "spiral")
    assert len(opened(two_classes).table) == 22


def test_pictures_that_differ_in_suffix_only_get_ids_of_their_own(two_classes):
    spiral = two_classes / "spiral"
    (spiral / "000.jpg").write_bytes((spiral / "000.png").read_bytes())
    ids = opened(two_classes).table["id"]
    assert ids.is_unique
    assert {"spiral/000.jpg", "spiral/000.png", "spiral/001"} <= set(ids)


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_a_split_by_folders_is_honoured(tmp_path, make_pictures, val):
    for part, number in (("train", 4), (val, 2), ("test", 1)):
        make_pictures(tmp_path / part / "edge_on", number)
    make_pictures(tmp_path / "train" / "spiral", 3)
    (tmp_path / "train" / "labels.csv").touch()
    (tmp_path / "extras").mkdir()
    source = opened(tmp_path)
    assert source.task.names == ("edge_on", "spiral")
    assert source.table["split"].value_counts().to_dict() == {"train": 7, "val": 2, "test": 1}
    assert "train/spiral/002" in set(source.table["id"])
    assert "train/labels.csv" in source.notes[0]
    assert "extras/" in source.notes[0]


def test_a_class_may_be_called_train(tmp_path, make_pictures):
    make_pictures(tmp_path / "train", 2)
    make_pictures(tmp_path / "aeroplane", 2)
    source = opened(tmp_path)
    assert source.task.names == ("aeroplane", "train")
    assert "split" not in source.table


def test_a_class_that_is_not_in_train_is_refused(tmp_path, make_pictures):
    make_pictures(tmp_path / "train" / "spiral", 2)
    make_pictures(tmp_path / "train" / "edge_on", 2)
    make_pictures(tmp_path / "test" / "irregular", 2)
    assert refusal(tmp_path).startswith("sky: no picture of class 'irregular' in train/")


def test_a_split_without_train_is_refused(tmp_path, make_pictures):
    make_pictures(tmp_path / "val" / "spiral", 2)
    make_pictures(tmp_path / "test" / "spiral", 2)
    assert refusal(tmp_path).startswith("sky has test, val but no train folder")


def test_an_empty_folder_is_refused(tmp_path):
    assert refusal(tmp_path).startswith("sky holds no pictures; expected one folder of pictures")


def test_pictures_without_class_folders_are_refused(tmp_path, make_pictures):
    make_pictures(tmp_path, 3)
    assert refusal(tmp_path).startswith("sky has 3 pictures but no class folders; expected one")


def test_one_class_only_is_refused(tmp_path, make_pictures):
    make_pictures(tmp_path / "images", 3)
    assert refusal(tmp_path) == (
        "sky has only one class, 'images'; two or more class folders are needed"
    )
    (tmp_path / "catalog.csv").touch()
    assert refusal(tmp_path).endswith("; if catalog.csv is its catalogue, give that file")


def test_the_stamp_tells_a_change_and_the_content_tells_what_changed(two_classes):
    before = opened(two_classes)
    stamp, content = before.stamp(), before.content()
    picture = two_classes / "spiral" / "000.png"
    os.utime(picture, ns=(1, 1))
    after = opened(two_classes)
    assert after.stamp() != stamp
    assert after.content() == content
    picture.write_bytes(picture.read_bytes() + b" ")
    assert opened(two_classes).content() != content


def test_the_content_does_not_depend_on_the_place(two_classes):
    content = opened(two_classes).content()
    moved = two_classes.rename(two_classes.with_name("moved"))
    assert opened(moved).content() == content


def test_real_folders(real_data):
    source = opened(real_data / "odonata")
    assert source.task.names == ("damselfly", "dragonfly")
    assert len(source.table) == 629
    assert "credits.csv" in source.notes[0]
