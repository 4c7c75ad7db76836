"""WebDataset tars are sources like all others, read where they lie."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.prediction.inputs import open_inputs
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Unlabelled

Content = bytes | str | Mapping


def write_tar(path: Path, members: Mapping[str, Content], form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=form) as archive:
        for name, content in members.items():
            text = json.dumps(content) if isinstance(content, Mapping) else content
            data = text.encode() if isinstance(text, str) else text
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def png(level: int) -> bytes:
    """A png of one grey level."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (level,) * 3).save(file, "PNG")
    return file.getvalue()


def counts(level: float) -> bytes:
    """A FITS file of one band, brighter towards its end."""
    file = io.BytesIO()
    fits.PrimaryHDU(level + np.arange(64, dtype=np.float32).reshape(8, 8)).writeto(file)
    return file.getvalue()


def samples(number: int, start: int = 0) -> dict[str, Content]:
    """Samples of two classes with their classes beside them."""
    members: dict[str, Content] = {}
    for each in range(start, start + number):
        members[f"{each:04d}.png"] = png(each)
        members[f"{each:04d}.cls"] = str(each % 2)
    return members


def refusal(given: object, **options: object) -> str:
    with pytest.raises(RequestError) as caught:
        open_source(given, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_is_a_source(tmp_path, form):
    members = samples(6) | {f"{'long/' * 20}é{number}.v2.png": png(9) for number in range(2)}
    long = [f"{'long/' * 20}é{number}" for number in range(2)]
    members |= {f"{each}.cls": "1" for each in long}
    path = write_tar(tmp_path / "sky.tar", members, form)
    source = open_source(path)
    assert source.task == Classes(("0", "1"))
    assert source.table["id"].tolist() == [*(f"{each:04d}" for each in range(6)), *long]
    assert source.table["label"].tolist() == [0, 1, 0, 1, 0, 1, 1, 1]
    assert source.table["origin"][1] == "sky.tar/0001.png"
    levels = [each.pixels[0, 0, 0] for each in source.read(range(8), source.framing())]
    assert levels == [0, 1, 2, 3, 4, 5, 9, 9]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["sky.tar"]


def test_many_tars_are_one_source_by_folder_and_by_number(tmp_path, monkeypatch):
    for number in range(3):
        write_tar(tmp_path / f"sky-{number:02d}.tar", samples(2, 2 * number))
    folder, braces = open_source(tmp_path), open_source(f"{tmp_path}/sky-{{00..02}}.tar")
    pd.testing.assert_frame_equal(folder.table, braces.table)
    assert folder.content() == braces.content()
    assert folder.table["id"].tolist() == [f"{each:04d}" for each in range(6)]
    assert folder.table["origin"].tolist()[-1] == "sky-02.tar/0005.png"
    assert [each.pixels[0, 0, 0] for each in folder.read([4, 1], Framing())] == [4, 1]
    missing = refusal(f"{tmp_path}/sky-{{00..03}}.tar")
    assert f"1 of 4 tars are not there: {tmp_path}/sky-03.tar" in missing
    assert "stands for 0 files" in refusal(f"{tmp_path}/sky-{{09..00}}.tar")
    assert "1,000,000" in refusal(f"{tmp_path}/sky-{{000000..999999}}.tar")
    (tmp_path / "bar").mkdir()
    (tmp_path / "bar" / "1.png").write_bytes(png(1))
    assert "class" in refusal(tmp_path)  # they may have been unpacked there


def test_tars_may_repeat_keys_and_tell_a_split(tmp_path):
    for name in ("train-0", "train-1", "val-0"):
        write_tar(tmp_path / f"{name}.tar", samples(2))
    source = open_source(tmp_path)
    assert source.table["id"].tolist()[1:3] == ["train-0/0001", "train-1/0000"]
    assert source.table["split"].tolist() == ["train"] * 4 + ["val"] * 2
    assert any("TAR/KEY" in note for note in source.notes)
    write_tar(tmp_path / "more.tar", samples(2))
    assert "split" not in open_source(tmp_path).table


def test_json_and_txt_are_columns(tmp_path):
    large = 2**63 - 1
    members: dict[str, Content] = {}
    values = [
        {"objid": large, "ra": 1.5, "dec": -2, "label": "disc", "mixed": 1, "flag": True},
        {"objid": large - 1, "ra": 2, "dec": 3, "label": " bar", "mixed": "a", "box": [1, 2]},
        {"objid": 5, "ra": 3, "dec": 4.5, "label": "bar", "z": 0.25, "none": None, "odd": "\ud800"},
    ]
    for number, each in enumerate(values):
        members |= {f"{number}.jpg": png(number), f"{number}.json": each}
    members |= {"0.txt": "a galaxy\n", "1.note.txt": "edge on", "2.meta.json": {"z": 2}}
    members |= {"0.npy": b"...", "README": b"..."}
    source = open_source(write_tar(tmp_path / "a.tar", members))
    table = source.table
    assert source.task == Classes(("bar", "disc"))
    assert table["id"].tolist() == [str(large), str(large - 1), "5"]
    assert table["ra"].tolist() == [1.5, 2.0, 3.0]
    assert table["txt"].tolist()[0] == "a galaxy"
    assert table["note"].tolist()[1] == "edge on"
    assert table["meta.z"].tolist()[2] == 2
    assert table["z"].tolist()[2] == 0.25
    assert table["mixed"].tolist()[:2] == ["1", "a"]
    assert not {"box", "none", "label.1"} & set(table)
    notes = " ".join(source.notes)
    assert "box (nested)" in notes
    assert "2 members were ignored" in notes
    assert "Ids are those of the column objid." in notes
    assert (
        open_source(f"{tmp_path}/a.tar:labels=mixed:id=ra", labelled=False).table["id"][0] == "1.5"
    )
    assert len(pack(source, cache=tmp_path / "cache")) == 3  # every column can be written


def test_cls_comes_before_label_and_samples_without_are_told(tmp_path):
    members = samples(4) | {"0000.json": {"label": 7}, "0009.png": png(9), "0008.cls": "1"}
    source = open_source(write_tar(tmp_path / "a.tar", members))
    assert source.task == Classes(("0", "1"))
    assert source.table["id"].tolist() == ["0000", "0001", "0002", "0003", "0008"]
    assert "1 of 6 images have no label and were left out." in source.notes
    assert any("`label` in .json was not used" in note for note in source.notes)
    assert source.read([4], Framing())[0].reason == "there is no image under this key"
    assert open_source(tmp_path / "a.tar", labelled=False).task == Unlabelled()
    members = {f"spiral/{number}.png": png(number) for number in range(3)}
    assert "unpack it" in refusal(write_tar(tmp_path / "b.tar", members))


def test_unreadable_columns_are_told_and_the_image_stays(tmp_path):
    members = samples(4) | {"0000.json": "{", "0001.json": "[1]", "0002.txt": b"\xff"}
    source = open_source(write_tar(tmp_path / "a.tar", members))
    assert len(source.table) == 4
    [note] = [note for note in source.notes if "not JSON objects" in note]
    assert note.startswith("3 members")


def test_suffixes_of_several_images_are_bands_by_wavelength(tmp_path):
    members: dict[str, Content] = {}
    for number in range(3):
        for place, band in enumerate("gir"):
            members[f"{number}.{band}.fits"] = counts(100 * place)
    del members["2.r.fits"]
    path = write_tar(tmp_path / "a.tar", members)
    source = open_source(path, labelled=False)
    assert (source.bands, source.channels) == (3, 3)
    assert (
        "An image has a file for each band, in this order: g.fits, r.fits, i.fits." in source.notes
    )
    assert source.table["origin"][0] == "a.tar/0.g.fits, 0.r.fits, 0.i.fits"
    first, _, last = source.read(range(3), source.framing())
    for band in ("g", "r", "i"):
        (tmp_path / f"{band}.fits").write_bytes(members[f"0.{band}.fits"])
    files = {f"image_{band}": [str(tmp_path / f"{band}.fits")] for band in ("g", "r", "i")}
    catalogue = open_source(pd.DataFrame(files), labelled=False)
    expected = catalogue.read([0], catalogue.framing())[0]
    np.testing.assert_array_equal(first.pixels, expected.pixels)
    assert last.reason == "one of its bands is missing"
    two = open_source(f"{path}:images=i.fits,g.fits", labelled=False)
    assert two.channels == 2
    assert open_source(f"{path}:images=g.fits", labelled=False).bands == 1
    assert "did you mean" in refusal(f"{path}:images=h.fits", labelled=False)


def test_several_images_that_are_no_bands_are_refused(tmp_path):
    members = {"a.image.png": png(1), "a.mask.png": png(2), "b.image.png": png(3)}
    path = write_tar(tmp_path / "a.tar", members)
    assert "image.png, mask.png), which are not bands" in refusal(path, labelled=False)
    source = open_source(f"{path}:images=image.png", labelled=False)
    assert [each.pixels[0, 0, 0] for each in source.read([0, 1], Framing())] == [1, 3]


def test_only_regular_members_are_read(tmp_path):
    (tmp_path / "secret.png").write_bytes(png(77))
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:

        def add(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            content = png(5) if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))

        add("./a.png")
        add("hard.png", tarfile.LNKTYPE, "a.png")
        add("soft.png", tarfile.SYMTYPE, str(tmp_path / "secret.png"))
        add("pipe.png", tarfile.FIFOTYPE)
        add("sparse.png", tarfile.GNUTYPE_SPARSE)
        add("../up.png")
        add("folder.png", tarfile.DIRTYPE)
        add("/root.png")
        add("._a.png")
    source = open_source(path, labelled=False)
    assert source.table["id"].tolist() == ["a", "/root"]
    assert any(note.startswith("5 members are links, sparse") for note in source.notes)


@pytest.mark.parametrize("damage", ["header", "cut", "cut at a header", "gzip", "text", "more"])
def test_a_damaged_tar_is_one_line(tmp_path, damage):
    path = write_tar(tmp_path / "a.tar", samples(6))
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[2048 + 150] ^= 255
    elif damage in ("cut", "cut at a header"):
        content = content[: 4096 + 100 * (damage == "cut")]
    elif damage == "gzip":
        content = bytearray(gzip.compress(content))
    elif damage == "text":
        content = bytearray(b"hello" * 1000)
    else:
        content = content * 2
    path.write_bytes(content)
    assert "a.tar cannot be read as an uncompressed tar" in refusal(path)


def test_the_same_member_twice_and_no_image_at_all_are_refused(tmp_path):
    path = write_tar(tmp_path / "a.tar", samples(2))
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo("0001.PNG")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"more"))
    assert "two of its members are called 0001.PNG" in refusal(path)
    path = write_tar(tmp_path / "b.tar", {"a.npy": b"1", "a.cls": "1"})
    assert "holds no images" in refusal(path)
    assert "1 .npy" in refusal(path)
    assert "holds no images" in refusal(write_tar(tmp_path / "c.tar", {}))


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.zip"])
def test_other_archives_are_refused_with_what_to_do(tmp_path, name):
    (tmp_path / name).write_bytes(b"...")
    assert "is an archive: unpack it" in refusal(tmp_path / name)
    with pytest.raises(RequestError, match="is an archive: unpack it"):
        open_inputs([tmp_path / name])


def test_an_edit_is_noticed_and_a_copy_has_the_same_content(tmp_path):
    source = open_source(write_tar(tmp_path / "a.tar", samples(4)))
    stamp, content = source.stamp(), source.content()
    (tmp_path / "b").mkdir()
    copy = tmp_path / "b" / "a.tar"
    copy.write_bytes((tmp_path / "a.tar").read_bytes())
    assert open_source(copy).content() == content
    os.utime(tmp_path / "a.tar")
    assert open_source(tmp_path / "a.tar").stamp() != stamp


def test_predict_takes_tars_among_images(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"a.png": png(1), "b.png": b"no image"})
    (tmp_path / "1.png").write_bytes(png(1))
    (tmp_path / "more").mkdir()
    write_tar(tmp_path / "more" / "0.tar", samples(3))
    braces = f"{tmp_path}/more/{{0..0}}.tar"
    sources = open_inputs([tmp_path / "1.png", path, tmp_path / "more", braces])
    assert [len(each.table) for each in sources] == [1, 2, 3, 3]
    tar = sources[1]
    good, bad = tar.read([0, 1], Framing())
    assert good.pixels[0, 0, 0] == 1
    assert bad.reason


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_damage_is_a_traceback(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damage")
    content = bytearray(write_tar(folder / "a.tar", samples(3)).read_bytes()[:6144])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "a.tar").write_bytes(content + bytes(1024))
    try:
        source = open_source(folder / "a.tar", labelled=False)
    except RequestError:
        return
    assert len(source.read(range(len(source.table)), Framing())) == len(source.table)
