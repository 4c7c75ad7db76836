import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import hubblefork.data.packing
from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import read_image
from hubblefork.data.packing import open_packed, pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import ImageFiles

FRAMING = Framing(size=16)


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def nothing_left(cache: Path) -> bool:
    return not any(path.is_file() for path in cache.rglob("*"))


def refusal(source, framing: Framing, cache: Path) -> str:
    with pytest.raises(RequestError) as caught:
        pack(open_source(source), framing, cache, workers=1)
    assert nothing_left(cache)
    return str(caught.value)


def test_every_image_is_packed_in_its_row(two_classes, cache):
    dataset = pack(open_source(two_classes), FRAMING, cache)
    for row, origin in enumerate(dataset.table["origin"]):
        expected = read_image(two_classes / origin, FRAMING).pixels
        np.testing.assert_array_equal(dataset.images[row], expected)
    assert dataset.table["digest"].nunique() == 22


@pytest.mark.parametrize("prefer", ["threads", "processes"])
def test_workers_change_nothing(tmp_path, make_images, monkeypatch, prefer):
    for name in ("a", "b"):
        make_images(tmp_path / "sky" / name, 100, 12, 12)
    monkeypatch.setattr(ImageFiles, "prefer", prefer)
    source = open_source(tmp_path / "sky")
    alone = pack(source, FRAMING, tmp_path / "one", workers=1)
    several = pack(source, FRAMING, tmp_path / "two", workers=3)
    assert (several.path / "images.npy").read_bytes() == (alone.path / "images.npy").read_bytes()
    assert several.table.equals(alone.table)


def test_provenance_is_kept(two_classes, cache):
    (two_classes / "credits.csv").touch()
    dataset = pack(open_source(two_classes), FRAMING, cache, workers=1)
    info = json.loads((dataset.path / "dataset.json").read_text())
    assert info["format"] == 3
    assert info["source"] == str(two_classes)
    assert info["task"] == {"kind": "classes", "names": ["edge_on", "spiral"]}
    assert info["shape"] == [22, 16, 16, 3]
    assert info["counts"] == {"edge_on": 12, "spiral": 10}
    assert Framing.from_json(info["framing"]) == FRAMING
    assert "credits.csv" in info["notes"][0]
    assert info["left_out"] == []
    assert len(info["content"]) == len(info["key"]) == 64


def test_a_second_run_reads_no_image(two_classes, cache, monkeypatch):
    first = pack(open_source(two_classes), FRAMING, cache, workers=1)
    # Whatever opens an image from here on fails.
    monkeypatch.setattr(hubblefork.data.packing, "read_blocks", None)
    monkeypatch.setattr(ImageFiles, "content", None)
    assert pack(open_source(two_classes), FRAMING, cache, workers=1).path == first.path


def test_moved_images_are_not_packed_again_but_named_anew(two_classes, cache, monkeypatch):
    first = pack(open_source(two_classes), FRAMING, cache, workers=1)
    moved = two_classes.rename(two_classes.with_name("moved"))
    monkeypatch.setattr(hubblefork.data.packing, "read_blocks", None)
    second = pack(open_source(moved), FRAMING, cache, workers=1)
    assert second.path == first.path
    assert second.source == second.info["source"] == str(moved)


def test_another_framing_label_or_image_is_packed_anew(two_classes, cache):
    def key(framing: Framing = FRAMING) -> str:
        return pack(open_source(two_classes), framing, cache, workers=1).key

    keys = [key(), key(Framing(size=16, channels=1)), key(Framing(size=12))]
    (two_classes / "spiral" / "000.png").rename(two_classes / "edge_on" / "100.png")
    keys.append(key())
    Image.new("RGB", (24, 24)).save(two_classes / "edge_on" / "100.png")
    keys.append(key())
    assert len(set(keys)) == 5


def test_a_dataset_that_was_removed_is_packed_again(two_classes, cache):
    first = pack(open_source(two_classes), FRAMING, cache, workers=1)
    for file in first.path.iterdir():
        file.unlink()
    first.path.rmdir()
    assert open_packed(first.key, cache) is None
    assert len(pack(open_source(two_classes), FRAMING, cache, workers=1)) == 22
    assert len(open_packed(first.key, cache)) == 22


def test_images_that_cannot_be_read_are_left_out_counted_and_told(two_classes, cache, capsys):
    spiral = two_classes / "spiral"
    (spiral / "003.png").write_bytes(b"")
    (spiral / "005.png").write_text("no image")
    (two_classes / "edge_on" / "000.png").write_bytes(
        (two_classes / "edge_on" / "000.png").read_bytes()[:200]
    )
    for _ in range(2):  # told again when it comes from the cache
        dataset = pack(open_source(two_classes), FRAMING, cache, workers=1)
        said = capsys.readouterr().err
        assert "left out 3 of 22 images: edge_on/000.png (damaged" in said
        assert "spiral/003.png (the file is empty)" in said
    assert dataset.images.shape[0] == len(dataset) == 19
    assert dataset.info["counts"] == {"edge_on": 11, "spiral": 8}
    left_out = dataset.info["left_out"]
    assert left_out[1] == {
        "id": "spiral/003",
        "origin": "spiral/003.png",
        "reason": "the file is empty",
    }
    kept = read_image(spiral / "004.png", FRAMING).pixels
    row = dataset.table.index[dataset.table["id"] == "spiral/004"][0]
    np.testing.assert_array_equal(dataset.images[row], kept)


def test_if_nothing_can_be_read_it_is_refused(two_classes, cache):
    for path in two_classes.rglob("*.png"):
        path.write_bytes(b"")
    for framing in (FRAMING, Framing()):
        said = refusal(two_classes, framing, cache)
        assert "none of its 22 images can be used: edge_on/000.png (the file is empty)" in said


def test_a_class_that_loses_all_its_images_is_refused(two_classes, cache):
    for path in (two_classes / "spiral").iterdir():
        path.write_bytes(b"")
    assert "no image of class 'spiral' can be used" in refusal(two_classes, FRAMING, cache)


def test_without_a_size_all_images_must_have_one(two_classes, cache):
    dataset = pack(open_source(two_classes), None, cache, workers=1)
    assert dataset.images.shape == (22, 24, 24, 3)
    Image.new("RGB", (30, 31)).save(two_classes / "spiral" / "004.png")
    for file in dataset.path.iterdir():
        file.unlink()
    (next((cache / "stamps").iterdir())).unlink()
    said = refusal(two_classes, Framing(), cache)
    assert "differ in size (spiral/004.png gives 30x30, an earlier one 24x24)" in said
    assert "--size" in said


def test_a_disk_without_room_is_told_before_the_work(two_classes, cache, monkeypatch):
    monkeypatch.setattr(hubblefork.data.packing, "read_blocks", None)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    said = refusal(two_classes, FRAMING, cache)
    assert said.startswith("packing needs ")
    assert str(cache) in said


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit on the size of files")
def test_a_disk_that_fills_up_leaves_nothing_behind(two_classes, cache):
    # A limit on the size of a file ends a write as a full disk does: with an OSError.
    code = f"""
import resource
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import ImageFiles
from hubblefork.core.errors import RequestError
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    pack(open_source({str(two_classes)!r}), Framing(size=64), {str(cache)!r}, workers=1)
except RequestError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write the packed images in {cache}: File too large;")
    assert list(cache.rglob("*")) in ([], [cache / "datasets"])


def test_a_cache_that_cannot_be_made_is_refused(two_classes, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="cannot write the packed images in"):
        pack(open_source(two_classes), FRAMING, tmp_path / "file", workers=1)


def test_the_notes_are_those_of_the_source_at_hand(two_classes, cache):
    (two_classes / "old.txt").touch()
    assert "old.txt" in pack(open_source(two_classes), FRAMING, cache, workers=1).info["notes"][0]
    (two_classes / "old.txt").rename(two_classes / "new.txt")
    assert "new.txt" in pack(open_source(two_classes), FRAMING, cache, workers=1).info["notes"][0]
    (two_classes / "new.txt").unlink()
    assert pack(open_source(two_classes), FRAMING, cache, workers=1).info["notes"] == []


def test_every_change_of_the_images_is_noticed(two_classes, cache):
    def digests() -> set:
        return set(pack(open_source(two_classes), FRAMING, cache, workers=1).table["digest"])

    before = digests()
    one, other = two_classes / "spiral" / "000.png", two_classes / "spiral" / "001.png"
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())  # content
    assert len(digests()) == len(before) - 1
    (two_classes / "spiral" / "099.png").write_bytes(content)  # added
    assert digests() == before
    os.replace(two_classes / "spiral" / "099.png", one)  # replaced
    assert digests() == before
    one.unlink()  # removed
    assert len(digests()) == len(before) - 1


@pytest.mark.skipif(os.name != "posix", reason="this system does not tell when a file changed")
def test_a_change_that_keeps_size_and_time_is_noticed(two_classes, cache):
    first = pack(open_source(two_classes), FRAMING, cache, workers=1)
    path = two_classes / "spiral" / "000.png"
    state = path.stat()
    path.write_bytes(b"\0" * state.st_size)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert len(pack(open_source(two_classes), FRAMING, cache, workers=1)) == len(first) - 1


def test_an_image_that_vanishes_before_it_is_packed_is_left_out(two_classes, cache):
    source = open_source(two_classes)
    (two_classes / "spiral" / "000.png").unlink()
    dataset = pack(source, FRAMING, cache, workers=1)
    assert dataset.info["left_out"] == [
        {"id": "spiral/000", "origin": "spiral/000.png", "reason": "the file is not there"}
    ]


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_a_file_that_vanishes_before_it_is_packed_is_told_as_such(tmp_path, cache, suffix):
    path = tmp_path / f"sky.{suffix}"
    if suffix == "npz":
        pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
        np.savez(path, images=pixels, labels=[0, 1] * 3)
    else:
        images = [BytesIO() for _ in range(6)]
        for number, each in enumerate(images):
            Image.new("L", (8, 8), number).save(each, "PNG")
        content = [{"bytes": each.getvalue(), "path": None} for each in images]
        pd.DataFrame({"image": content, "label": ["a", "b"] * 3}).to_parquet(path)
    source = open_source(path)
    path.unlink()
    with pytest.raises(RequestError, match=r"cannot be read: No such file or directory$"):
        pack(source, FRAMING, cache, workers=1)
    assert nothing_left(cache)


def test_an_image_that_changes_while_it_is_packed_is_told(two_classes, cache):
    class Restless(ImageFiles):
        def job(self, rows):
            (two_classes / "spiral" / "000.png").unlink(missing_ok=True)
            return super().job(rows)

    found = open_source(two_classes)
    source = Restless(found.name, found.task, found.table, found.paths, [])
    with pytest.raises(RequestError, match="changed while it was packed"):
        pack(source, FRAMING, cache, workers=1)
    assert nothing_left(cache)


_PACK = """
import sys, time
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import ImageFiles

class Slow(ImageFiles):
    def job(self, rows):
        print(rows.start, flush=True)
        time.sleep(float(sys.argv[3]))
        return super().job(rows)

found = open_source(sys.argv[1])
source = Slow(found.name, found.task, found.table, found.paths, [])
print(pack(source, Framing(size=16), sys.argv[2], workers=1).path)
"""


def packing_slowly(source: Path, cache: Path, seconds: float) -> subprocess.Popen:
    command = [sys.executable, "-c", _PACK, str(source), str(cache), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="this system has no locks of folders")
def test_a_packing_that_is_killed_is_done_again_and_nothing_of_it_stays(
    tmp_path, make_images, cache
):
    for name in ("a", "b"):
        make_images(tmp_path / "sky" / name, 100, 12, 12)
    killed = packing_slowly(tmp_path / "sky", cache, 0.2)
    while killed.stdout.readline() != "128\n":  # the third block of four
        pass
    half = list((cache / "datasets").iterdir())
    assert [path.name[0] for path in half] == ["."]
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert (half[0] / "images.npy").stat().st_size > 128
    dataset = pack(open_source(tmp_path / "sky"), FRAMING, cache, workers=1)
    assert len(dataset) == 200
    assert list((cache / "datasets").iterdir()) == [dataset.path]


def test_processes_that_pack_the_same_at_once_do_not_harm_each_other(two_classes, cache):
    packing = [packing_slowly(two_classes, cache, 0.3) for _ in range(2)]
    paths = {each.communicate()[0].splitlines()[-1] for each in packing}
    assert [each.returncode for each in packing] == [0, 0]
    assert {str(path) for path in (cache / "datasets").iterdir()} == paths
    alone = pack(open_source(two_classes), FRAMING, cache.with_name("alone"), workers=1)
    together = open_packed(alone.key, cache)
    assert together.table.equals(alone.table)
    np.testing.assert_array_equal(together.images, alone.images)


def test_threads_that_pack_the_same_at_once_do_not_harm_each_other(two_classes, cache):
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(pack, open_source(two_classes), FRAMING, cache, 1) for _ in range(4)]
        paths = {job.result().path for job in jobs}
    assert list((cache / "datasets").iterdir()) == list(paths)
    assert len(open_packed(paths.pop().name, cache)) == 22


@pytest.mark.skipif(os.name != "posix", reason="looks at the processes of this system")
def test_workers_do_not_outlive_a_parent_that_is_killed(tmp_path):
    code = """
import os, signal, sys
from functools import partial
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import read_images
from hubblefork.data.images.blocks import read_blocks
jobs = (partial(read_images, []) for _ in range(100))
next(read_blocks(jobs, Framing(), (1, 1, 3), 2, "processes"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    # The workers hold the pipe of their parent open: it ends when the last of them has gone.
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_an_error_of_a_worker_process_reaches_the_caller(cache):
    with pytest.raises(RequestError, match="crop is 80; expected at most 69"):
        pack(open_source("simulated:100"), Framing(crop=80), cache, workers=2)
    assert nothing_left(cache)


def test_real_galaxies_are_packed(real_data, cache):
    source = open_source(real_data / "gz2_five_class_native")
    dataset = pack(source, Framing(crop=256, size=64), cache)
    assert dataset.info["counts"] == dict.fromkeys(dataset.task.names, 200)
    assert dataset.images[:, 28:36, 28:36].mean() > 2 * dataset.images[:, :4].mean()
