"""Which folders are classes, and which are the subsets of a split."""

from pathlib import Path

import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from hubblefork.data.sources.folder_layout import find_layout


def make(root: Path, *folders: str) -> Path:
    """An image in each of these folders; only its name is looked at."""
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "1.png").touch()
    return root


def classes(root: Path, as_classes: bool = False) -> set[tuple[str, str, str | None]]:
    found = find_layout(root, "sky", as_classes).classes
    return {(folder.path, label, subset) for folder, label, subset in found if folder.images}


def split(**folders: str) -> set[tuple[str, str, str]]:
    return {(f"{path}/{each}", each, subset)
            for subset, path in folders.items() for each in ("cats", "dogs")}  # fmt: skip


@pytest.mark.parametrize(
    "folders",
    [
        {"train": "training_set", "test": "test_set"},
        {"train": "train_data", "val": "val_data"},
        {"train": "train", "val": "dev"},
        {"train": "birds_train", "val": "birds_val", "test": "birds_test"},
        {"train": "Training", "val": "Validation", "test": "Testing"},
        {"train": "TrainImages", "test": "TestImages"},
        {"train": "trainset", "val": "valset"},
        {"train": "train2017", "val": "val2017"},
        {"train": "train+dev", "test": "eval"},
        {"train": "trainval", "test": "test"},
        {"train": "archive/train", "test": "archive/test"},
        {"train": "seg_train/seg_train", "test": "seg_test/seg_test"},
        {"train": "archive/seg_train/seg_train", "test": "archive/seg_test"},
    ],
)
def test_folders_that_are_called_as_subsets_are_subsets(tmp_path, folders):
    for path in folders.values():
        make(tmp_path / path, "cats", "dogs")
    assert classes(tmp_path) == split(**folders)


def test_images_without_classes_beside_the_subsets_are_ignored_and_named(tmp_path):
    names = ["cats", "dogs"]
    make(tmp_path, *(f"seg_{part}/{each}" for part in ("train", "test") for each in names))
    for number in range(20):
        (tmp_path / "seg_train" / "cats" / f"{number}.png").touch()
    make(tmp_path, "seg_pred/seg_pred", "seg_train")
    assert classes(tmp_path) == split(train="seg_train", test="seg_test")
    assert {"seg_pred/", "seg_train/1.png"} <= set(find_layout(tmp_path, "sky").ignored)


def test_classes_with_subsets_in_them(tmp_path):
    make(tmp_path, "cats/train", "cats/test", "dogs/train", "dogs/test")
    assert classes(tmp_path) == {
        ("cats/train", "cats", "train"), ("cats/test", "cats", "test"),
        ("dogs/train", "dogs", "train"), ("dogs/test", "dogs", "test"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "folders",
    [
        ("fold1/cats", "fold1/dogs", "fold2/cats", "fold2/dogs"),
        ("entrenamiento/a", "entrenamiento/b", "prueba/a", "prueba/b", "prueba/c"),
        ("spiral/raw", "spiral/masks", "edge_on/raw", "edge_on/masks"),
    ],
)
def test_two_levels_that_could_both_be_classes_are_refused(tmp_path, folders):
    make(tmp_path, *folders)
    with pytest.raises(RequestError, match=r"hold the same folders, .* say sky:folders=classes"):
        find_layout(tmp_path, "sky")
    outer = {folder.partition("/")[0] for folder in folders}
    assert classes(tmp_path, as_classes=True) == {(each, each, None) for each in outer}


@pytest.mark.parametrize(
    "folders",
    [
        ("spiral/barred", "spiral/tight", "edge_on/dusty"),  # sub-classes of their own
        ("spiral/raw", "edge_on/raw"),  # raw cannot be a class: there would be no other
        ("spiral", "spiral/raw", "spiral/masks", "edge_on/raw", "edge_on/masks"),  # own images
        ("train station", "bus stop"),
        ("train", "aeroplane"),
        ("train station/old", "test site/new", "bridge"),
    ],
)
def test_folders_that_are_classes(tmp_path, folders):
    make(tmp_path, *folders)
    outer = {folder.partition("/")[0] for folder in folders}
    assert classes(tmp_path) == {(each, each, None) for each in outer}


@pytest.mark.parametrize("names", [("val", "test"), ("val_data", "test_data"), ("test_set",)])
def test_subsets_without_train_are_refused(tmp_path, names):
    make(tmp_path, *(f"{name}/{each}" for name in names for each in ("cats", "dogs")))
    with pytest.raises(RequestError, match="but no train folder"):
        find_layout(tmp_path, "sky")


def test_the_split_of_the_folders_is_that_of_the_source(tmp_path, make_images):
    for part, number in (("training_set", 5), ("test_set", 2)):
        for each in ("cats", "dogs"):
            make_images(tmp_path / part / each, number)
    make_images(tmp_path / "training_set" / "birds", 3)
    source = open_source(tmp_path)
    assert source.task.names == ("birds", "cats", "dogs")
    assert source.table["split"].value_counts().to_dict() == {"train": 13, "test": 4}
    assert source.notes == ["No image of class 'birds' in test/."]


def test_images_of_subsets_without_classes_point_to_their_catalogue(tmp_path):
    make(tmp_path, "train_images", "test_images")
    (tmp_path / "train.csv").touch()
    with pytest.raises(RequestError) as caught:
        open_source(tmp_path)
    assert "has 2 images but no class folders" in str(caught.value)
    assert "if train.csv is its catalogue, give that file" in str(caught.value)


def test_one_folder_of_classes_is_pointed_to(tmp_path):
    make(tmp_path, "archive/cats", "archive/dogs")
    with pytest.raises(RequestError, match=r"if cats, dogs are the classes, give .*/archive"):
        open_source(tmp_path)


def test_the_option_says_that_folders_are_classes(tmp_path):
    make(tmp_path, "spiral/raw", "spiral/masks", "edge_on/raw", "edge_on/masks")
    source = open_source(f"{tmp_path}:folders=classes")
    assert source.task.names == ("edge_on", "spiral")
    with pytest.raises(RequestError, match="expected :folders=classes, not 'x'"):
        open_source(f"{tmp_path}:folders=x")


@pytest.mark.parametrize("suffix", ["gif", "HEIC", "avif", "svg", "tga", "ppm", "cr2"])
def test_kinds_that_are_not_read_are_named_before_any_verdict(tmp_path, suffix):
    for number in range(3):
        for each in ("cats", "dogs"):
            (tmp_path / each).mkdir(exist_ok=True)
            (tmp_path / each / f"{number}.{suffix}").touch()
    with pytest.raises(RequestError) as caught:
        open_source(tmp_path)
    told = f"passed over: 6 .{suffix.lower()} (JPEG, PNG, WebP, TIFF and FITS are read)"
    assert told in str(caught.value)
    make(tmp_path, "birds")
    with pytest.raises(RequestError) as caught:
        open_source(tmp_path)
    assert "only one class, 'birds'" in str(caught.value)
    assert told in str(caught.value)


def test_a_class_of_files_that_are_not_read_is_told(tmp_path):
    make(tmp_path, "cats", "dogs")
    (tmp_path / "birds").mkdir()
    for number in range(5):
        (tmp_path / "birds" / f"{number}.gif").touch()
    assert open_source(tmp_path).notes == [
        "5 files or folders were ignored, not being images of a class: birds/0.gif, birds/1.gif, "
        "birds/2.gif and 2 more (5 .gif).",
        "Folders without images were ignored: birds (5 .gif).",
    ]


def test_what_systems_leave_is_no_class(tmp_path):
    make(tmp_path, "cats", "dogs", "__MACOSX/cats", "@eaDir/cats", ".ipynb_checkpoints")
    (tmp_path / "cats" / "Thumbs.db").touch()
    (tmp_path / "cats" / "._1.png").touch()
    source = open_source(tmp_path)
    assert source.task.names == ("cats", "dogs")
    assert source.table["id"].tolist() == ["cats/1", "dogs/1"]
    assert source.notes == []


def test_hidden_images_alone_are_told(tmp_path):
    make(tmp_path, ".cats", ".dogs")
    with pytest.raises(RequestError, match="passed over: 2 hidden"):
        open_source(tmp_path)


@pytest.mark.parametrize("name", ["kag.zip", "sky.tar.gz", "sky.7z"])
def test_an_archive_is_to_be_unpacked(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(RequestError, match="is an archive: unpack it, and give the directory"):
        open_source(tmp_path / name)
    with pytest.raises(RequestError, match="unpack archives first"):
        open_source(tmp_path)


@pytest.mark.parametrize("name", ["a.png", "m31.fits.gz"])
def test_one_image_is_no_source(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(RequestError, match="is one image; a source is a directory"):
        open_source(tmp_path / name)
