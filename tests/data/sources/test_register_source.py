"""Sources by name: a decorator, and a package of one's own."""

import sys

import numpy as np
import pytest

import hubblefork
import hubblefork.data.sources
from hubblefork.core.errors import RequestError
from hubblefork.data.sources import describe_sources, open_source, register_source
from hubblefork.data.sources.base import Source

IMAGES = np.zeros((4, 16, 16), np.uint8)


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    registered = hubblefork.data.sources._registry
    monkeypatch.setattr(registered, "_registered", dict(registered._registered))


def test_a_decorated_function_opens_what_is_named():
    asked = []

    @hubblefork.register_source("blank")
    def blank(text: str, labelled: bool) -> Source:
        """Black images."""
        asked.append((text, labelled))
        return open_source((IMAGES, ["a", "b"] * 2))

    source = open_source("blank:4:x")
    assert (source.name, len(source.table)) == ("blank:4:x", 4)
    open_source("blank", labelled=False)
    assert asked == [("4:x", True), ("", False)]
    assert describe_sources()["blank"] == "Black images."
    assert "blank" in str(_refusal("blnk"))


def test_a_class_is_called_too():
    @register_source("own")
    class Own(Source):
        def __init__(self, text):
            self.about = text

        def stamp(self):
            return "1"

        content = stamp

        def job(self, rows):
            raise AssertionError(rows)

    assert open_source("own:thing").about == "thing"


def _refusal(text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        open_source(text)
    assert "\n" not in str(caught.value)
    return caught.value


def test_what_is_no_source_is_refused():
    register_source("number")(lambda text: 7)
    assert "returned int; expected a hubblefork Source" in str(_refusal("number:1"))


@pytest.mark.parametrize("name", ["simulated", "kaggle"])
def test_a_name_of_hubblefork_is_taken(name):
    with pytest.raises(RequestError, match=f"a source called '{name}' exists already"):
        register_source(name)(open_source)


@pytest.mark.parametrize("name", ["a:b", "", "a/b", 7, open_source])
def test_an_odd_name_is_refused(name):
    with pytest.raises(RequestError, match="cannot be the name of a source"):
        register_source(name)(open_source)


def test_a_definition_again_takes_the_place_of_the_first():
    def define(value):
        @register_source("again")
        def opener(text):
            return open_source((IMAGES, value))

    define(["a", "b"] * 2)
    define(["c", "d"] * 2)
    assert open_source("again").task.names == ("c", "d")
    with pytest.raises(RequestError, match="exists already; choose another name"):
        register_source("again")(lambda text: None)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that announces two sources, one of which cannot be imported."""
    (tmp_path / "dark_sky.py").write_text(
        "import numpy as np\n"
        "from hubblefork.data.sources import open_source\n"
        "def open_dark(text):\n"
        "    images = np.zeros((int(text), 16, 16), np.uint8)\n"
        "    return open_source((images, ['a', 'b'] * (len(images) // 2)))\n"
    )
    about = tmp_path / "dark_sky-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: dark-sky\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[hubblefork.sources]\ndark = dark_sky:open_dark\nlost = no_such_module:open_lost\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("dark_sky", None)


@pytest.mark.usefixtures("package")
def test_an_installed_package_announces_its_sources():
    assert describe_sources()["dark"] == "from dark_sky:open_dark"
    assert "dark_sky" not in sys.modules
    source = open_source("dark:6")
    assert (source.name, len(source.table)) == ("dark:6", 6)
    assert "'lost' (no_such_module:open_lost) cannot be imported" in str(_refusal("lost:1"))
