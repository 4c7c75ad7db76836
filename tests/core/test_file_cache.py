import hashlib
import os

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
