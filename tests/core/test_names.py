"""A name is one name, however it is coded, and a file's suffixes come off whole."""

import os
import unicodedata

import pytest

from hubblefork.core.names import as_on_disk, normalised, stem

NFC, NFD = (unicodedata.normalize(form, "Käfer é") for form in ("NFC", "NFD"))


def test_one_text_has_one_spelling():
    assert NFC != NFD
    assert normalised(f" {NFD}\n") == normalised(NFC) == NFC


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m31.fits.gz", "m31"),
        ("m31.FIT.GZ", "m31"),
        ("m31.fits.fz", "m31"),
        ("brain.nii.gz", "brain"),
        ("table.tar.bz2", "table"),
        ("m31.v2.jpg", "m31.v2"),
        ("J1234+56.78.fits.gz", "J1234+56.78"),
        ("J1234+56.78.gz", "J1234+56.78"),
        ("a.b/m31", "a.b/m31"),
        ("m31", "m31"),
        ("dir/.hidden", "dir/.hidden"),
    ],
)
def test_suffixes_come_off_whole(name, expected):
    assert stem(name) == expected


@pytest.mark.parametrize(("there", "asked"), [(NFC, NFD), (NFD, NFC), (f"{NFD} ", NFC)])
def test_a_file_is_found_however_its_name_is_coded(tmp_path, there, asked):
    (tmp_path / there).mkdir()
    (tmp_path / there / f"{there}.png").write_bytes(b"x")
    found, gone = as_on_disk(
        [str(tmp_path / asked / f"{there.strip()}.png"), str(tmp_path / asked / "other.png")]
    )
    if there.strip() != there:
        assert found == str(tmp_path / there / f"{there.strip()}.png")  # another name
    else:
        assert os.path.isfile(found)
    assert not os.path.exists(gone)


def test_of_two_files_the_one_that_is_named_is_found(tmp_path):
    for name in (NFC, NFD):
        (tmp_path / name).write_text(name)
    paths = [str(tmp_path / name) for name in (NFC, NFD)]
    assert as_on_disk(paths) == paths
