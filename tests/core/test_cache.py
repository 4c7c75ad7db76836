from hubblefork.core.cache import cache_folder


def test_the_cache_is_where_it_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "env"))
    assert cache_folder() == tmp_path / "env"
    assert cache_folder(tmp_path / "given") == tmp_path / "given"
    monkeypatch.delenv("HUBBLEFORK_CACHE")
    assert cache_folder().name == "hubblefork"
