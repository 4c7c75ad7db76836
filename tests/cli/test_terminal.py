"""Whatever is in names of files and classes, and whatever the encoding: commands end well."""

import io
import sys

import pandas as pd
import pytest

from .conftest import call

HOSTILE = "\x1b[31mred\x1b]0;title\x07"


@pytest.fixture
def hubblefork(monkeypatch):
    """Run the command line with streams that take ASCII only; gives (exit status, all it said)."""

    def run(*words: object) -> tuple[int, str]:
        buffer = io.BytesIO()
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(buffer, encoding="ascii"))
        return call(monkeypatch, words), buffer.getvalue().decode("ascii")

    return run


def test_names_are_escaped_on_every_screen(hubblefork, shapes, tmp_path, without_reports):
    names = {"bar": "ζώο [red]x[/red]", "disc": HOSTILE}
    rows = [(f"{path.stem}", path, names[path.parent.name]) for path in shapes.glob("*/*.png")]
    table = pd.DataFrame(rows, columns=["id", "image", "label"])
    sky, run = tmp_path / "sky.csv", tmp_path / "run"
    table.to_csv(sky, index=False)
    small = ["--recipe", "lenet5", "--size", "16", "--set", "epochs=1"]
    for words in (
        ["inspect", sky, "--size", "16", "--out", tmp_path / "page.html"],
        ["train", sky, *small, "--out", run],
        ["evaluate", run, "--out", tmp_path / "evaluation"],
        ["predict", run, sky],
    ):
        status, said = hubblefork(*words)
        assert status == 0
        assert "\x1b" not in said
        assert "\x07" not in said
        assert r"\x1b[31mred" in said
        # Which of the names is predicted is not known.
        assert r"\u03b6\u03ce\u03bf [red]x[/red]" in said or words[0] == "predict"
    words = ["compare", run, tmp_path / "evaluation", "--out", tmp_path / "comparison.html"]
    assert hubblefork(*words)[0] == 0


def test_a_mistake_is_one_line_whatever_the_name(hubblefork, tmp_path):
    status, said = hubblefork("inspect", tmp_path / "\x1b[2Jnot\nthere é.csv")
    assert status == 2
    assert len(said.splitlines()) == 1
    assert r"\x1b[2Jnot\nthere \xe9.csv: no such file" in said


def test_mistakes_that_typer_finds_are_escaped_too(hubblefork):
    status, said = hubblefork("list", "\x1b[2Jnetworks")
    assert status == 2
    assert r"\x1b[2Jnetworks" in said
