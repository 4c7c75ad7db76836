"""An environment variable that is empty counts as one that is not set."""

import ast
from pathlib import Path

import pytest

from hubblefork.core.cache import cache_folder

ROOT = Path(__file__).parent.parent


def test_an_empty_cache_folder_is_the_users(monkeypatch):
    monkeypatch.delenv("HUBBLEFORK_CACHE")
    users = cache_folder()
    monkeypatch.setenv("HUBBLEFORK_CACHE", "")
    assert cache_folder() == users


def test_defaults_stand_behind_or_which_an_empty_value_passes_on_to():
    files = [
        path for name in ("src", "scripts", "benchmarks") for path in (ROOT / name).rglob("*.py")
    ]
    found = {path: _defaults(path.read_text()) for path in [ROOT / "conftest.py", *files]}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize("read", ["environ.get('A', 'b')", "os.getenv('A', default='b')"])
def test_a_default_of_get_is_found(read):
    assert _defaults(f"x = {read}") == [1]
    assert _defaults("x = os.environ.get('A') or 'b'") == []


def _defaults(code: str) -> list[int]:
    """The lines of code that give a variable of the environment a default which "" does not get."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    asked = ("environ.get", "getenv")
    return [
        call.lineno
        for call in calls
        if ast.unparse(call.func).endswith(asked) and len(call.args) + len(call.keywords) > 1
    ]
