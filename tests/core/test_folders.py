"""What lies in folders, whatever links lead where."""

import pytest

from hubblefork.core.errors import RequestError
from hubblefork.core.folders import files_below, listing


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_files_come_by_name_and_hidden_ones_do_not(tmp_path):
    make(tmp_path, "b/2", "b/1", "b/c/3", "a", ".hidden", "b/.hidden/4")
    assert listing(tmp_path) == (["b"], ["a"])
    assert list(files_below(tmp_path)) == ["a", "b/1", "b/2", "b/c/3"]
    assert list(files_below(tmp_path, "b")) == ["b/1", "b/2", "b/c/3"]


def test_links_are_followed_and_may_lead_in_circles(tmp_path):
    make(tmp_path, "sky/spiral/1", "sky/edge_on/2", "elsewhere/3")
    spiral = tmp_path / "sky" / "spiral"
    (spiral / "up").symlink_to(tmp_path / "sky")
    (spiral / "self").symlink_to(spiral)
    (spiral / "there").symlink_to(tmp_path / "elsewhere")
    (spiral / "nowhere").symlink_to(tmp_path / "nothing")
    (spiral / "loop").symlink_to(spiral / "loop")
    assert list(files_below(tmp_path / "sky", "spiral")) == [
        "spiral/1", "spiral/loop", "spiral/nowhere", "spiral/there/3",
    ]  # fmt: skip
    assert sum(name.endswith("1") for name in files_below(tmp_path / "sky")) == 1


def test_folders_that_all_link_to_each_other_are_read_once(tmp_path):
    names = [f"f{number}" for number in range(12)]  # in 12! orders, were every way to be gone
    for name in names:
        make(tmp_path, f"{name}/image")
        for other in names:
            (tmp_path / name / other).symlink_to(tmp_path / other)
    assert len(list(files_below(tmp_path))) == 12


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(RequestError, match="nowhere cannot be read: No such file"):
        listing(tmp_path / "nowhere")
