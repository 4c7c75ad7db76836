"""Text that is nested without end, or endless, is refused in one line, wherever it is read."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.core.parsing import parse_json, parse_toml
from hubblefork.data.sources import open_source
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.sky.decision_tree import load_tree

MANY = 100_000


@pytest.mark.parametrize(
    "text",
    ["[" * MANY, '{"a":' * MANY, "[" * 40 + "]" * 40, "1" * 5000, '"\\ud800' * 3, "\x00"],
)
def test_json_is_refused_by_a_value_error(text):
    with pytest.raises(ValueError, match=r"^[^\n]{,200}$"):
        parse_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * MANY,
        "a = " + "{a = " * MANY,
        ".".join("a" * MANY) + " = 1",
        "x = {" + " . ".join(["'a'"] * MANY) + " = 1}",
        "[" + ".".join("a" * 40) + "]",
        "a = " + "1" * 5000,
        "a = 1\n" * MANY * 2,
    ],
)
def test_toml_is_refused_by_a_value_error(text):
    with pytest.raises(ValueError, match=r"^[^\n]{,200}$"):
        parse_toml(text)


def test_what_people_write_is_read():
    long = "A sentence. Another one... e.g. this. " * 100
    assert parse_toml(f'about = "{long}"\n[a.b]\nc = [[1, 2], [3]]')["about"] == long
    assert parse_json(json.dumps({"a": [[{"b": 1.5}]]})) == {"a": [[{"b": 1.5}]]}


def deep_recipe(folder):
    (folder / "deep.toml").write_text("name = " + "[" * MANY)
    load_recipe(folder / "deep.toml")


def deep_setting(folder):
    load_recipe("lenet5", {"network.options.width": "[" * MANY})


def deep_tree(folder):
    (folder / "deep.toml").write_text("name = " + "[" * MANY)
    load_tree(str(folder / "deep.toml"))


def deep_rule(folder):
    (folder / "deep.toml").write_text("name = " + "[" * MANY)
    open_source("simulated:votes:8", classes=str(folder / "deep.toml"))


def deep_state(folder):
    (folder / "state.json").write_text("[" * MANY)
    open_source(folder)


def deep_run(folder):
    (folder / "recipe.toml").write_text('name = "a"')
    (folder / "provenance.json").write_text("[" * MANY)
    _ = Run.open(folder).provenance


@pytest.mark.parametrize(
    "read", [deep_recipe, deep_setting, deep_tree, deep_rule, deep_state, deep_run]
)
def test_every_reader_says_so_in_one_line(read, tmp_path):
    with pytest.raises(
        RequestError, match=r"^[^\n]*nested more than 32 levels deep[^\n]*$"
    ) as error:
        read(tmp_path)
    assert len(str(error.value)) < 500


def test_a_message_that_quotes_a_megabyte_is_cut(tmp_path):
    column = "x" * 1_000_000
    pq.write_table(pa.table({column: [1]}), tmp_path / "table.parquet")
    with pytest.raises(RequestError) as error:
        open_source(tmp_path / "table.parquet")
    message = str(error.value)
    assert len(message) <= 1000
    assert "no column image" in message
    assert message.endswith("expected id, image and label; --columns image=COLUMN names another")
