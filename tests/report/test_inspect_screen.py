import io

import pytest
from rich.console import Console

from hubblefork.data.images.framing import Framing
from hubblefork.data.inspection import inspect_dataset
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.report.inspect import screen


def printed(source, width: int = 80) -> str:
    dataset = pack(open_source(source), Framing(size=16), workers=1)
    stream = io.StringIO()
    Console(file=stream, width=width).print(screen(inspect_dataset(dataset)))
    return stream.getvalue()


@pytest.mark.parametrize("width", [50, 80, 200])
def test_one_screen_tells_counts_guess_and_cautions(shapes, width):
    text = printed(shapes, width)
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.replace("\u00a0", " ").split())
    assert "bar 40 50.0 % 32 4 4" in words
    assert "Fewer than 30 test images" in words
    assert "\x1b" not in text


def test_a_name_in_brackets_is_no_markup(tmp_path, shapes):
    for name in ("[red]bar", "[/] disc"):
        folder = tmp_path / "sky" / name.replace("/", "slash")
        folder.mkdir(parents=True)
        for file in list(shapes.glob("bar/*.png"))[:4]:
            (folder / file.name).write_bytes(file.read_bytes())
    assert "[red]bar" in printed(tmp_path / "sky")


def test_of_many_classes_the_most_common_are_shown(tmp_path, shapes):
    files = sorted(shapes.glob("*/*.png"))
    for number in range(26):
        folder = tmp_path / "sky" / f"class {number:02}"
        folder.mkdir(parents=True)
        for file in files[: 3 + number]:
            (folder / file.name).write_bytes(file.read_bytes())
    text = printed(tmp_path / "sky")
    assert "the 20 most common of 26 classes" in text
    assert "class 25" in text
    assert "class 05" not in text
