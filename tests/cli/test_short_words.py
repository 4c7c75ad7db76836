"""What the command line says without writing anything."""

import json
import re

import typer

from hubblefork.cli import app


def test_nothing_but_the_name_tells_what_to_type_first(hubblefork):
    status, out, err = hubblefork()
    assert (status, err) == (0, "")
    assert "hubblefork demo" in out
    assert len(out.splitlines()) < 20


def test_help_names_what_each_argument_and_option_takes(hubblefork):
    verbs = list(_verbs(typer.main.get_command(app), ()))
    assert ("survey", "export") in verbs
    for words in verbs:
        status, out, _ = hubblefork(*words, "--help")
        assert status == 0
        bare = re.findall(r"<[\w\[\]]+>|\b(?:TEXT|INTEGER|FLOAT|PATH|STR|INT)\b|\{[a-z_]+\}", out)
        assert bare == [], words
    assert "{RUN|MODEL} [SOURCE]" in hubblefork("evaluate", "--help")[1]


def _verbs(command, words):
    for name, each in getattr(command, "commands", {}).items():
        yield from _verbs(each, (*words, name))
    if words and not hasattr(command, "commands"):
        yield words


def test_recipes_are_listed_with_their_publications(hubblefork):
    _, out, _ = hubblefork("list", "recipes")
    lines = [line.strip() for line in out.splitlines()]
    place = lines.index("“Galaxy Zoo classification with Keras”")
    assert lines[place - 1].startswith("galaxy-zoo-vgg16 ")
    assert lines[place + 1] == "James Lawlor"
    assert lines[place + 4].startswith("test RMSE 0.12875 on")


def test_a_dry_run_prints_the_split_and_the_time(hubblefork, shapes, tmp_path, monkeypatch):
    for unset in ("RANK", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.setenv(unset, "")
    words = ["train", shapes, "--recipe", "lenet5", "--size", "24", "--dry-run"]
    status, out, err = hubblefork(*words, "--out", tmp_path / "run")
    assert status == 0, err
    assert err.startswith("planning to train lenet5 on")
    assert "30,606\u00a0parameters" in out
    assert "10\u00a0epochs, expected to take" in out
    assert out.splitlines()[-1] == "nothing was written"
    assert not (tmp_path / "run").exists()
    status, _, err = hubblefork(*words, "--resume")
    assert (status, len(re.findall("(?m)^hubblefork: ", err))) == (2, 1)


def test_predictions_are_json_lines(hubblefork, trained, shapes):
    images = sorted(shapes.glob("bar/*.png"))[:2]
    status, out, err = hubblefork("predict", trained, *images, "--json")
    assert status == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["id"] for row in rows] == list(map(str, images))
    assert all(abs(row["bar"] + row["disc"] - 1) < 1e-5 for row in rows)
    status, _, err = hubblefork("predict", trained, *images, "--json", "--out", "x.csv")
    assert (status, len(re.findall("(?m)^hubblefork: ", err))) == (2, 1)


def test_inspection_shows_the_split_of_a_recipe(hubblefork, shapes, tmp_path):
    page = tmp_path / "page.html"
    words = ["inspect", shapes, "--recipe", "lenet5", "--size", "24", "--out", page]
    status, _, err = hubblefork(*words)
    assert status == 0, err
    text = page.read_text()
    assert "<dt>recipe</dt><dd>lenet5</dd>" in text
    assert "<dt>test set</dt><dd>16</dd>" in text
    status, _, err = hubblefork("inspect", shapes, "--recipe", "lenet")
    assert status == 2
    assert "did you mean 'lenet5'" in err


def test_an_evaluation_against_a_column_that_is_not_there_is_one_line(hubblefork, trained):
    status, _, err = hubblefork("evaluate", trained, "--against", "z")
    assert status == 2
    assert len(re.findall("(?m)^hubblefork: ", err)) == 1
    assert "no column 'z'" in err
