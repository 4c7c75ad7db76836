import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

import hubblefork.data.images.raster
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import is_image_name, read_image, read_images

AS_IT_IS = Framing()


def ramp(width: int, height: int) -> np.ndarray:
    """A smooth image that differs in every corner and channel."""
    x = np.linspace(0, 255, width)[None, :]
    y = np.linspace(0, 255, height)[:, None]
    return np.stack(np.broadcast_arrays(x, y, (x + 255 - y) / 2), axis=-1).astype(np.uint8)


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def png(width: int, height: int, depth: int, colour: int, rows: bytes, text: bytes = b"") -> bytes:
    """A PNG file of raw rows, each with its filter byte, of kinds that Pillow cannot write."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + text + data


def reason(path: Path, framing: Framing = AS_IT_IS) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read_image(path, framing)
    return caught.value.reason


# What is read


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_lossless_formats_keep_every_pixel(tmp_path, suffix):
    pixels = ramp(40, 40)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels).save(path, lossless=True)
    np.testing.assert_array_equal(read_image(path, AS_IT_IS).pixels, pixels)


MODES = {
    "jpg": ["1", "L", "RGB", "CMYK", "YCbCr"],
    "png": ["1", "L", "LA", "P", "RGB", "RGBA"],
    "webp": ["L", "RGB", "RGBA"],
    "tif": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"],
}


@pytest.mark.parametrize(
    ("suffix", "mode"), [(suffix, mode) for suffix in MODES for mode in MODES[suffix]]
)
def test_every_mode_becomes_red_green_blue(tmp_path, suffix, mode):
    if (suffix, mode) == ("tif", "YCbCr") and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow reads the YCbCr TIFF files that it writes from version 13 on")
    level = 255 if mode == "1" else 204  # which the palette has
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (20, 20), (level, level, level)).convert(mode).save(path)
    pixels = read_image(path, AS_IT_IS).pixels
    assert pixels.shape == (20, 20, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels, level, atol=2)


def test_transparent_parts_become_black(tmp_path):
    pixels = np.full((8, 8, 4), 200, np.uint8)
    pixels[:, :4, 3], pixels[:, 4:, 3] = 0, 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png", AS_IT_IS).pixels
    assert (read[:, :4] == 0).all()
    assert (read[:, 4:] == 200).all()


@pytest.mark.parametrize(("colours", "bands"), [([0, 0, 0, 9, 9, 9], 1), ([0, 0, 0, 9, 9, 8], 3)])
def test_a_palette_has_the_bands_of_its_colours(tmp_path, colours, bands):
    image = Image.new("P", (8, 8), 1)
    image.putpalette(colours)
    image.save(tmp_path / "palette.png")
    assert read_image(tmp_path / "palette.png", AS_IT_IS).bands == bands


def test_a_transparent_palette_becomes_black(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 90, 120, 150])
    image.save(tmp_path / "solid.png")
    image.save(tmp_path / "clear.png", transparency=1)
    assert (read_image(tmp_path / "solid.png", AS_IT_IS).pixels == (90, 120, 150)).all()
    assert (read_image(tmp_path / "clear.png", AS_IT_IS).pixels == 0).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path, suffix):
    wide = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    Image.fromarray(wide).save(tmp_path / f"a.{suffix}")
    read = read_image(tmp_path / f"a.{suffix}", AS_IT_IS).pixels
    np.testing.assert_array_equal(read[..., 0].ravel(), np.arange(256))


def test_big_endian_sixteen_bits_are_scaled(tmp_path):
    wide = Image.frombytes("I;16B", (2, 2), struct.pack(">4H", 0, 257, 32896, 65535))
    wide.save(tmp_path / "a.tif")
    read = read_image(tmp_path / "a.tif", AS_IT_IS).pixels
    assert read[..., 0].ravel().tolist() == [0, 1, 128, 255]


def test_sixteen_bit_colour_keeps_its_upper_bits(tmp_path):
    row = b"\0" + struct.pack(">6H", 0, 128 << 8, 65535, 10 << 8, 20 << 8, 30 << 8)
    (tmp_path / "a.png").write_bytes(png(2, 2, 16, 2, row + row))
    read = read_image(tmp_path / "a.png", AS_IT_IS).pixels
    assert read[0].tolist() == [[0, 128, 255], [10, 20, 30]]


def test_grey_is_luma_with_one_channel(tmp_path):
    pixels = ramp(32, 32)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=98)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    for name in ("a.png", "a.jpg"):
        read = read_image(tmp_path / name, Framing(channels=1)).pixels
        assert read.shape == (32, 32, 1)
        np.testing.assert_allclose(read[..., 0], luma, atol=4)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_images_stand_as_they_were_taken(tmp_path, suffix, orientation):
    image = Image.fromarray(ramp(48, 48))
    exif = image.getexif()
    exif[274] = orientation
    path = tmp_path / f"a.{suffix}"
    image.save(path, exif=exif)
    with Image.open(path) as stored:
        expected = np.asarray(
            ImageOps.exif_transpose(stored).resize((24, 24), Image.Resampling.BOX)
        )
    read = read_image(path, Framing(size=24)).pixels
    np.testing.assert_allclose(read, expected.astype(float), atol=8)


def test_the_first_bytes_tell_the_format_not_the_name(tmp_path):
    Image.fromarray(ramp(9, 9)).save(tmp_path / "a.jpg", format="PNG")
    assert read_image(tmp_path / "a.jpg", AS_IT_IS).pixels.shape == (9, 9, 3)


# Framing


@pytest.mark.parametrize(("width", "height"), [(30, 20), (20, 30), (31, 20), (20, 20)])
def test_without_a_crop_the_centred_square_of_the_short_side_is_kept(tmp_path, width, height):
    pixels = ramp(width, height)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    left, top = (width - 20) // 2, (height - 20) // 2
    expected = pixels[top : top + 20, left : left + 20]
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", AS_IT_IS).pixels, expected)


def test_a_crop_keeps_the_centre_in_pixels_of_the_original(tmp_path):
    pixels = ramp(41, 30)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png", Framing(crop=10)).pixels
    np.testing.assert_array_equal(read, pixels[10:20, 15:25])


def test_an_image_smaller_than_the_crop_is_refused(tmp_path):
    Image.fromarray(ramp(50, 30)).save(tmp_path / "a.png")
    assert (
        reason(tmp_path / "a.png", Framing(crop=31)) == "50x30 pixels, smaller than the crop of 31"
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "I;16"])
@pytest.mark.parametrize("framing", [Framing(), Framing(size=20), Framing(crop=91, size=10)])
def test_an_image_read_in_strips_is_the_same(tmp_path, monkeypatch, mode, framing):
    path = tmp_path / "a.png"
    if mode == "I;16":
        Image.fromarray(ramp(101, 97)[..., 2].astype(np.uint16) * 257).save(path)
    else:
        Image.fromarray(ramp(101, 97)).convert(mode).save(path)
    whole = read_image(path, framing).pixels
    monkeypatch.setattr(hubblefork.data.images.raster, "_STRIP_PIXELS", 1000)
    np.testing.assert_array_equal(read_image(path, framing).pixels, whole)


def test_making_smaller_does_not_alias(tmp_path):
    checks = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checks).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png", Framing(size=32)).pixels
    np.testing.assert_allclose(read, 127.5, atol=2)


def test_making_larger_is_smooth(tmp_path):
    Image.fromarray(ramp(8, 8)).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png", Framing(size=64)).pixels.astype(int)
    assert read.shape == (64, 64, 3)
    assert np.abs(np.diff(read, axis=1)).max() <= 8


# What cannot be read


def test_an_empty_file_says_so(tmp_path):
    (tmp_path / "a.png").touch()
    assert reason(tmp_path / "a.png") == "the file is empty"


def test_a_missing_file_says_so(tmp_path):
    assert reason(tmp_path / "a.png") == "the file is not there"


def test_what_is_no_image_says_so(tmp_path):
    (tmp_path / "a.jpg").write_text("id,image,label\n")
    (tmp_path / "b.webp").write_bytes(b"RIFF\x10\0\0\0WAVEfmt \0\0\0\0")
    Image.new("RGB", (8, 8)).save(tmp_path / "c.png", format="GIF")
    for name in ("a.jpg", "b.webp", "c.png"):
        assert reason(tmp_path / name) == "not a JPEG, PNG, WebP, TIFF or FITS image"


def test_a_folder_in_the_place_of_an_image_is_no_crash(tmp_path):
    (tmp_path / "a.png").mkdir()
    assert "directory" in reason(tmp_path / "a.png").lower()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_truncated_file_says_so(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(ramp(100, 100)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert reason(path).startswith("damaged or incomplete (")


def test_a_huge_image_is_refused_by_its_header(tmp_path):
    # 20,000 x 20,000 as the header says, with hardly any pixels behind it.
    (tmp_path / "a.png").write_bytes(png(20_000, 20_000, 8, 2, b"\0" * 100))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = reason(tmp_path / "a.png", Framing(size=64))
    assert said == "20000x20000 pixels, more than 100 megapixels"


_BOMB = zlib.compress(bytes(50 << 20), 9)


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"zTXt", b"a\0\0" + _BOMB),
        chunk(b"iTXt", b"a\0\1\0\0\0" + _BOMB),
        chunk(b"iCCP", b"a\0\0" + _BOMB),
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 80,
    ],
    ids=["zTXt", "iTXt", "iCCP", "many"],
)
def test_a_text_that_inflates_without_end_is_refused(tmp_path, text):
    (tmp_path / "a.png").write_bytes(png(4, 4, 8, 2, b"\0" * 52, text))
    tracemalloc.start()
    said = reason(tmp_path / "a.png")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said.startswith("damaged or incomplete (")
    assert most < 100 << 20


def test_a_file_that_is_larger_than_any_image_is_not_read(tmp_path):
    with open(tmp_path / "a.jpg", "wb") as file:
        file.write(b"\xff\xd8\xff")
        file.truncate(900_000_000)  # a hole, which takes no room
    assert reason(tmp_path / "a.jpg") == "900 MB, more than 800 MB"


def test_a_link_to_itself_says_so(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "a.png")
    assert reason(tmp_path / "a.png") == "a link that leads back to itself"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert reason(tmp_path / "a.jpg") == "a named pipe, not a file"


@pytest.mark.skipif(sys.platform != "linux", reason="asks this system for the memory in use")
def test_large_images_are_in_memory_once_and_endless_rows_are_not_inflated(tmp_path):
    Image.new("RGBA", (4000, 4000), (9, 9, 9, 128)).save(tmp_path / "clear.png", compress_level=1)
    (tmp_path / "endless.png").write_bytes(png(4, 4, 8, 2, bytes(200 << 20)))
    code = (
        "from pathlib import Path\n"
        "from hubblefork.data.images.framing import Framing\n"
        "from hubblefork.data.images.read import read_image\n"
        "status = Path('/proc/self/status')\n"
        "used = lambda: int(status.read_text().split('VmHWM:')[1].split()[0])\n"
        "before = used()\n"
        f"read_image({str(tmp_path / 'endless.png')!r}, Framing(size=64))\n"
        f"read_image({str(tmp_path / 'clear.png')!r}, Framing(size=64))\n"
        "print((used() - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # The large one takes 4 bytes a pixel when it is decoded: 61 MiB.
    assert int(done.stdout) < 90


def test_a_large_image_within_the_limit_is_read_without_a_warning(tmp_path):
    # Pillow itself would warn above 89 megapixels.
    Image.new("1", (9_900, 9_900), 1).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = read_image(tmp_path / "a.png", Framing(crop=16, channels=1)).pixels
    assert (read == 255).all()


def test_numbers_without_a_range_are_refused(tmp_path):
    Image.fromarray(np.ones((8, 8), np.float32)).save(tmp_path / "a.tif")
    assert "range is not known" in reason(tmp_path / "a.tif")


def test_odd_metadata_is_read_past_without_a_warning(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(ramp(16, 16)).save(path, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12")
    # In a process of its own, because pytest brings its own rules for warnings.
    code = (
        "from hubblefork.data.images.framing import Framing\n"
        "from hubblefork.data.images.read import read_image\n"
        f"print(read_image({str(path)!r}, Framing()).pixels.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(16, 16, 3)\n"
    assert done.stderr == ""


def _encoded(format: str) -> bytes:
    stream = BytesIO()
    Image.fromarray(ramp(24, 24)).save(stream, format=format)
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=150)
@given(
    content=st.sampled_from([_encoded(each) for each in ("JPEG", "PNG", "WEBP", "TIFF")]),
    data=st.data(),
)
def test_damage_anywhere_gives_an_image_or_a_reason(tmp_path_factory, content, data):
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    result = read_images([path], Framing(size=8))[0]
    if isinstance(result, UnreadableImage):
        assert result.reason
    else:
        assert result.pixels.shape == (8, 8, 3)


def test_several_images_are_read_with_reasons_in_place(tmp_path):
    Image.fromarray(ramp(8, 8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").touch()
    first, second = read_images([tmp_path / "a.png", tmp_path / "b.png"], AS_IT_IS)
    assert first.pixels.shape == (8, 8, 3)
    assert second.reason == "the file is empty"


def test_names_of_images():
    assert is_image_name("a.JPeG")
    assert is_image_name("dir/галактика.tiff")
    assert not is_image_name(".hidden.jpg")
    assert not is_image_name("jpg")


def test_real_galaxies_are_read(real_data):
    paths = sorted((real_data / "gz2_five_class_native" / "spiral").glob("*.jpg"))[:20]
    for image in read_images(paths, Framing(crop=256, size=64)):
        assert image.pixels.shape == (64, 64, 3)
        assert image.size == (424, 424)
        centre, edge = image.pixels[24:40, 24:40].mean(), image.pixels[:4].mean()
        assert centre > edge


def test_an_error_without_words_adds_nothing_to_the_reason(tmp_path):
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0junk")
    assert reason(path) == "damaged or incomplete"
