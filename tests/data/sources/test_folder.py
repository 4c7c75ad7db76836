import os
from pathlib import Path

import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.sources.folder import open_folder
from hubblefork.tasks.task import Unlabelled


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
    assert source.read([0, 21], Framing(size=8))[1].pixels.shape == (8, 8, 3)


def test_names_with_spaces_and_of_any_script_are_kept(tmp_path, make_images):
    make_images(tmp_path / "стрекоза зелёная", 1)
    make_images(tmp_path / "棒旋星系", 1)
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
    assert source.read([21], Framing())[0].pixels.shape == (24, 24, 3)
    assert len(source.stamp()) == len(source.content()) == 64


def test_stray_files_are_ignored_and_named(two_classes):
    (two_classes / "credits.csv").write_text("file,credit\n")
    (two_classes / "spiral" / "notes.txt").touch()
    (two_classes / ".DS_Store").touch()
    (two_classes / ".git").mkdir()
    source = opened(two_classes)
    assert len(source.table) == 22
    assert source.notes == [
        "2 files or folders were ignored, not being images of a class: credits.csv, "
        "spiral/notes.txt."
    ]


def test_a_folder_without_images_is_no_class(two_classes):
    (two_classes / "drafts").mkdir()
    source = opened(two_classes)
    assert source.task.names == ("edge_on", "spiral")
    assert source.notes == ["Folders without images were ignored: drafts."]


def test_folders_within_a_class_are_read(two_classes, make_images):
    make_images(two_classes / "spiral" / "barred" / "tight", 3)
    assert "spiral/barred/tight/002" in set(opened(two_classes).table["id"])


def test_images_that_differ_in_suffix_only_get_ids_of_their_own(two_classes):
    spiral = two_classes / "spiral"
    (spiral / "000.jpg").write_bytes((spiral / "000.png").read_bytes())
    ids = opened(two_classes).table["id"]
    assert ids.is_unique
    assert {"spiral/000.jpg", "spiral/000.png", "spiral/001"} <= set(ids)


def test_an_id_is_never_the_name_of_another_file(two_classes):
    spiral = two_classes / "spiral"
    names = ["m31.fits", "m31.fits.gz", "m31.png", "m33.fits.gz"]
    for name in names:
        (spiral / name).write_bytes((spiral / "000.png").read_bytes())
    ids = opened(two_classes).table["id"]
    assert ids.is_unique
    assert {*(f"spiral/{name}" for name in names[:3]), "spiral/m33"} <= set(ids)


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_a_split_by_folders_is_honoured(tmp_path, make_images, val):
    for part, number in (("train", 4), (val, 2), ("test", 1)):
        make_images(tmp_path / part / "edge_on", number)
    make_images(tmp_path / "train" / "spiral", 3)
    (tmp_path / "train" / "labels.csv").touch()
    (tmp_path / "extras").mkdir()
    source = opened(tmp_path)
    assert source.task.names == ("edge_on", "spiral")
    assert source.table["split"].value_counts().to_dict() == {"train": 7, "val": 2, "test": 1}
    assert "train/spiral/002" in set(source.table["id"])
    assert source.notes == [
        "No image of class 'spiral' in val/.",
        "No image of class 'spiral' in test/.",
        "2 files or folders were ignored, not being images of a class: extras/, train/labels.csv.",
    ]


def test_a_class_may_be_called_train(tmp_path, make_images):
    make_images(tmp_path / "train", 2)
    make_images(tmp_path / "aeroplane", 2)
    source = opened(tmp_path)
    assert source.task.names == ("aeroplane", "train")
    assert "split" not in source.table


def test_a_class_that_is_not_in_train_is_refused(tmp_path, make_images):
    make_images(tmp_path / "train" / "spiral", 2)
    make_images(tmp_path / "train" / "edge_on", 2)
    make_images(tmp_path / "test" / "irregular", 2)
    assert refusal(tmp_path).startswith("sky: no image of class 'irregular' in train/")


def test_a_split_without_train_is_refused(tmp_path, make_images):
    make_images(tmp_path / "val" / "spiral", 2)
    make_images(tmp_path / "test" / "spiral", 2)
    assert refusal(tmp_path).startswith("sky has test, val but no train folder")


def test_without_labels_any_folder_of_images_is_a_source(tmp_path, make_images):
    make_images(tmp_path, 3)
    make_images(tmp_path / "more", 2)
    (tmp_path / "notes.txt").touch()
    source = open_folder(tmp_path, "sky", labelled=False)
    assert source.task == Unlabelled()
    assert list(source.table) == ["id", "origin"]
    assert source.table["id"].tolist() == ["000", "001", "002", "more/000", "more/001"]
    assert source.notes[0].startswith("Read without labels: sky has only one class, 'more'")
    assert "notes.txt" in source.notes[1]


def test_without_labels_class_folders_are_classes_still(two_classes):
    assert open_folder(two_classes, "sky", labelled=False).task.names == ("edge_on", "spiral")


def test_without_labels_an_empty_folder_is_refused_too(tmp_path):
    with pytest.raises(RequestError, match="holds no images"):
        open_folder(tmp_path, "sky", labelled=False)


def test_a_table_beside_the_folders_is_joined(two_classes):
    names = [f"edge_on/{number:03d}" for number in range(12)]
    names += [f"spiral/{number:03d}" for number in range(9)]
    rows = [f"{name}.png,kind {int(name[-3:])},{int(name[-3:])}.5,0" for name in names]
    (two_classes / "more.csv").write_text(
        "\n".join(["file,species,ra,split", *rows, "gone.png,x,1,0"])
    )
    source = opened(two_classes)
    assert list(source.table) == ["id", "label", "origin", "species", "ra"]
    assert source.table["species"].iloc[13] == "kind 1"
    assert source.table["ra"].iloc[13] == 1.5
    assert source.table["species"].iloc[21:].isna().all()
    assert source.notes == [
        "more.csv: columns species, ra joined to 21 of 22 images; 1 of its rows name no "
        "image, or the same as another."
    ]


def test_an_empty_folder_is_refused(tmp_path):
    assert refusal(tmp_path).startswith("sky holds no images; expected one folder of images")


def test_images_without_class_folders_are_refused(tmp_path, make_images):
    make_images(tmp_path, 3)
    assert refusal(tmp_path).startswith("sky has 3 images but no class folders; expected one")


def test_one_class_only_is_refused(tmp_path, make_images):
    make_images(tmp_path / "images", 3)
    assert refusal(tmp_path) == (
        "sky has only one class, 'images'; two or more class folders are needed"
    )
    (tmp_path / "catalog.csv").touch()
    assert refusal(tmp_path).endswith("; if catalog.csv is its catalogue, give that file")


def test_the_stamp_tells_a_change_and_the_content_tells_what_changed(two_classes):
    before = opened(two_classes)
    stamp, content = before.stamp(), before.content()
    image = two_classes / "spiral" / "000.png"
    os.utime(image, ns=(1, 1))
    after = opened(two_classes)
    assert after.stamp() != stamp
    assert after.content() == content
    image.write_bytes(image.read_bytes() + b" ")
    assert opened(two_classes).content() != content


def test_the_content_does_not_depend_on_the_place(two_classes):
    content = opened(two_classes).content()
    moved = two_classes.rename(two_classes.with_name("moved"))
    assert opened(moved).content() == content


def test_real_folders(real_data):
    source = opened(real_data / "odonata")
    assert source.task.names == ("damselfly", "dragonfly")
    assert len(source.table) == 629
    assert source.notes == [
        "credits.csv: columns class, species, family, credit, source_url joined to 629 of 629 "
        "images."
    ]
    assert source.table["species"].nunique() == 185
