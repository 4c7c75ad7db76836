import hashlib
import os

import pytest

import hubblefork.core.file_cache
from hubblefork.core.file_cache import file_sha256, remembered


def test_a_changed_file_is_looked_at_again(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    first = file_sha256(path)
    assert first == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert file_sha256(path) == hashlib.sha256(b"two").hexdigest()


def test_a_file_is_hashed_once(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    first = file_sha256(path)
    monkeypatch.setattr(hubblefork.core.file_cache, "_sha256", None)
    assert file_sha256(path) == first


def test_answers_to_several_questions_are_kept_apart(tmp_path):
    path = tmp_path / "a.bin"
    path.touch()
    assert remembered(path, "a", lambda: "1") == "1"
    assert remembered(path, "b", lambda: "2") == "2"


@pytest.mark.parametrize("damage", [b"", b"1", b"x\n0", b"\xff\xfe"])
def test_a_damaged_answer_is_found_again(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.bin"
    path.touch()
    assert remembered(path, "a", lambda: "1") == "1"
    (answer,) = (tmp_path / "cache" / "remembered").iterdir()
    answer.write_bytes(damage)
    assert remembered(path, "a", lambda: "1") == "1"
    assert remembered(path, "a", lambda: "not asked again") == "1"
