"""FITS files that are small and claim much are refused before they cost; whole ones are read."""

import gzip
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits

from hubblefork.sky.fits import read_fits
from hubblefork.sky.fits_images import FitsError
from tests.memory import memory_limited


def written(*hdus):
    file = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file)
    return file.getvalue()


def refusal(content):
    with memory_limited(), pytest.raises(FitsError) as error:
        read_fits(content)
    return str(error.value)


def test_a_gzipped_tile_that_unpacks_without_end_is_refused():
    whole = written(fits.CompImageHDU(np.zeros((64, 64), np.int16), compression_type="GZIP_1",
                                      tile_shape=(64, 64)))  # fmt: skip
    with fits.open(BytesIO(whole), disable_image_compression=True) as hdus:
        header = hdus[1].header.copy()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    tile = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    header["PCOUNT"], header["NAXIS1"], header["NAXIS2"], header["TFIELDS"] = len(tile), 8, 1, 1
    header["TFORM1"] = f"1PB({len(tile)})"
    for key in list(header):
        if key.startswith(("TTYPE", "TFORM")) and not key.endswith("1"):
            del header[key]
    data = struct.pack(">ii", len(tile), 0) + tile
    bomb = whole[:2880] + header.tostring().encode() + data + bytes(-len(data) % 2880)
    assert refusal(bomb) == "a tile of more than 64 KB when unpacked"


@pytest.mark.parametrize("kind", ["GZIP_1", "GZIP_2", "RICE_1"])
def test_tiles_of_any_size_that_hold_what_they_say_are_read(kind):
    counts = np.random.default_rng(0).integers(0, 9000, (300, 200)).astype(np.int16)
    for tile in ((300, 200), (1, 200)):
        hdu = fits.CompImageHDU(counts, compression_type=kind, tile_shape=tile)
        np.testing.assert_array_equal(read_fits(written(hdu)).counts[::-1, :, 0], counts)


def test_a_header_without_end_is_refused():
    card = b"COMMENT x".ljust(80)
    head = written()[:240]  # the first three cards
    content = head + card * 200_000 + b"END".ljust(80)
    content += b" " * (-len(content) % 2880)
    for each in (content, gzip.compress(content, 1)):
        assert refusal(each) == "headers of more than 8 MB"


def test_a_file_of_countless_parts_is_refused():
    part = written(fits.ImageHDU())[2880:]
    assert refusal(written() + part * 5000) == "more than 1,000 parts"


def test_a_mosaic_of_many_parts_is_read():
    parts = [fits.ImageHDU(np.full((9, 7), n, np.float32), name=f"CCD{n}") for n in range(60)]
    assert read_fits(written(*parts), "CCD59").counts[0, 0, 0] == 59


def test_a_table_before_the_image_is_passed_over():
    table = fits.BinTableHDU.from_columns(
        [fits.Column("a", "PJ()", array=np.array([np.arange(n) for n in range(50)], object))]
    )
    image = fits.ImageHDU(np.full((9, 7), 3, np.float32))
    assert read_fits(written(table, image)).counts.max() == 3


def test_a_size_that_is_no_number_is_damage():
    content = written(fits.ImageHDU(np.zeros((9, 7)))).replace(
        b"NAXIS1  =                    7", b"NAXIS1  =                  7.x"
    )
    assert "NAXIS1 is not a whole number" in refusal(content)
