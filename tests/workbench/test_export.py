"""Labels as tables: of any format, with who, when, what and how."""

import pandas as pd
import pytest
from astropy.table import Table

from hubblefork.core.errors import RequestError
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes
from hubblefork.workbench.export import export_labels
from hubblefork.workbench.store import LabelStore


def read(path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path, keep_default_na=False)
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    named = {"use_names_over_ids": True} if path.suffix == ".vot" else {}
    table = Table.read(path, **named)
    table.convert_bytestring_to_unicode()
    return table.to_pandas().fillna("")


@pytest.mark.parametrize("ending", ["csv", "parquet", "fits", "vot"])
def test_labels_are_exported_with_where_they_come_from(ending, tmp_path):
    with LabelStore.open(tmp_path / "labels.jsonl", Classes(("disc", "bar"))) as store:
        audit = "queue=random-audit"
        store.answer("ann", ("g1", "d1"), ["disc"], key="1", model="m1", queue="label=bar")
        store.answer("ann", ("g2", "d2"), ["disc"], key="2", shown=True)
        store.answer("ann", ("g2", "d2"), ["bar"], key="3", model="m1", shown=True)
        store.answer("bob", ("g1", "d1"), ["bar"], key="4", model="m1", queue=audit)
        store.answer("bob", ("g3", "d3"), ["bar"], key="5")
        store.undo("bob")
    out = export_labels(tmp_path / "labels.jsonl", tmp_path / f"out.{ending}")
    table = read(out)
    told = table[["id", "answer", "rater", "digest", "model", "queue"]].astype(str)
    assert told.to_numpy().tolist() == [
        ["g1", "disc", "ann", "d1", "m1", "label=bar"],
        ["g2", "bar", "ann", "d2", "m1", ""],
        ["g1", "bar", "bob", "d1", "m1", "queue=random-audit"],
    ]
    assert table["audit"].astype(bool).tolist() == [False, False, True]
    assert table["shown"].astype(bool).tolist() == [False, True, False]
    assert pd.to_datetime(table["time"]).is_monotonic_increasing


@pytest.mark.parametrize("ending", ["csv", "fits"])
def test_answers_of_a_tree_are_fractions_too(ending, tmp_path):
    task = Votes()
    with LabelStore.open(tmp_path / "labels.jsonl", task) as store:
        store.answer("ann", ("g1", "d1"), ["Class1.1", "Class7.1", "Class6.2"], key="1")
    table = read(export_labels(tmp_path / "labels.jsonl", tmp_path / f"out.{ending}"))
    assert str(table["answer"][0]) == "Class1.1|Class7.1|Class6.2"
    chosen = [name for name in task.names if table[name][0] == 1]
    assert chosen == ["Class1.1", "Class6.2", "Class7.1"]
    assert not task.tree.check(task.labels(table)).any()


def test_nothing_is_replaced(tmp_path):
    with LabelStore.open(tmp_path / "labels.jsonl", Classes(("disc", "bar"))):
        pass
    (tmp_path / "mine.csv").write_text("a,b\n")
    for out in ("mine.csv", "labels.jsonl", "table.xyz"):
        with pytest.raises(RequestError):
            export_labels(tmp_path / "labels.jsonl", tmp_path / out)
    assert (tmp_path / "mine.csv").read_text() == "a,b\n"
