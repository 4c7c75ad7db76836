"""Queues: their order, who has answered what, and what they tell of the model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.misclassified import confident_errors, least_certain
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.workbench.audit import random_order, random_sample
from hubblefork.workbench.queues import Queues
from hubblefork.workbench.store import LabelStore, read_labels
from tests.workbench.conftest import NAMES, collection, compared, galaxies


@pytest.fixture(scope="module")
def shown():
    return compared(60)


@pytest.fixture
def store(shown, tmp_path):
    with LabelStore.open(tmp_path / "labels.jsonl", shown.questions.task) as store:
        yield store


def answer(store, shown, row: int, name: str, rater: str = "ann", queue: str = "") -> None:
    key = f"{len(store.given())} {rater}"
    store.answer(rater, shown.image(row), [name], key=key, queue=queue)


def test_the_order_is_that_of_the_tables_of_explain(shown, store):
    queues, found, true = Queues(shown, store), shown.predictions, shown.true
    tables = {
        "least-certain": least_certain(found.ids, found.values, NAMES),
        "mistakes": confident_errors(found.ids, true, found.values, NAMES),
        "mislabels": likely_mislabels(found.ids, true, found.values, NAMES),
    }
    for name, table in tables.items():
        rows = queues.rows({"queue": name})
        assert rows.tolist() == table["row"].tolist(), name
        assert len(rows) > 20
    typical = found.typicality[queues.rows({"queue": "least-typical"})]
    assert len(typical) == 60
    assert (np.diff(typical) >= 0).all()


def test_filters_hold_within_a_queue_and_another_order_goes_before_its_own(shown, store):
    queues = Queues(shown, store)
    whole = queues.rows({"queue": "mistakes"})
    discs = queues.rows({"queue": "mistakes", "label": "disc"})
    assert discs.tolist() == [row for row in whole if shown.true[row] == 0]
    again = queues.rows({"queue": "mistakes", "order": "column.id"})
    assert sorted(again) == sorted(whole)
    assert again.tolist() == sorted(whole, key=lambda row: f"g{row}")


def test_two_runs_are_told_apart_by_what_each_has_right(shown, store):
    queues, pair = Queues(shown, store), shown.pair
    right = [dict(zip(pair.rows, each.correct, strict=True)) for each in pair.answers]
    corrected, broken = (queues.rows({"queue": name}) for name in ("corrected", "broken"))
    assert sorted(corrected) == sorted(r for r in pair.rows if right[1][r] and not right[0][r])
    assert sorted(broken) == sorted(r for r in pair.rows if right[0][r] and not right[1][r])
    assert (len(broken), len(corrected)) == (pair.test.only_first, pair.test.only_second)
    assert min(len(broken), len(corrected)) > 3
    differing = queues.rows({"queue": "runs-differ"}).tolist()
    assert set(corrected) | set(broken) <= set(differing)
    gap = dict(zip(pair.rows, np.abs(np.subtract(*(
        each.values[np.arange(len(each)), each.labels] for each in pair.answers
    ))), strict=True))  # fmt: skip
    for rows in (differing, corrected, broken):
        assert (np.diff([gap[row] for row in rows]) <= 0).all()


def test_raters_who_differ_are_found_the_most_divided_first(shown, store):
    queues = Queues(shown, store)
    given = {5: ("disc", "disc", "ringed"), 7: ("disc", "with_bar", "ringed"), 9: ("disc",) * 3}
    for row, names in given.items():
        for rater, name in zip(("ann", "bob", "cleo"), names, strict=True):
            answer(store, shown, row, name, rater)
    answer(store, shown, 11, "ringed")
    assert queues.rows({"queue": "raters-differ"}).tolist() == [7, 5]
    for _ in given:
        store.undo("cleo")
    assert queues.rows({"queue": "raters-differ"}).tolist() == [7]


def test_who_differs_from_the_labels_is_found(shown, store):
    answer(store, shown, 0, "disc")  # labels are disc, with_bar, ringed, disc, ...
    answer(store, shown, 1, "disc")
    answer(store, shown, 2, "disc")
    answer(store, shown, 2, "ringed")
    assert Queues(shown, store).rows({"queue": "labels-differ"}).tolist() == [1]


def test_who_differs_from_volunteers_is_found_by_the_fraction_of_those_who_were_asked(tmp_path):
    shown = galaxies(40)
    with LabelStore.open(tmp_path / "labels.jsonl", shown.questions.task) as store:
        for row in range(40):
            path = ["Class1.1", "Class7.1", "Class6.2"]
            store.answer("ann", shown.image(row), path, key=str(row))
        rows = Queues(shown, store).rows({"queue": "labels-differ"})
    true, tree = shown.true.astype(float), shown.questions.task.tree
    least = np.min(
        [
            true[:, place] / true[:, question.columns].sum(axis=1)
            for question in tree.questions
            for place in (tree.columns.index(name) for name in path)
            if place in range(len(tree.columns))[question.columns]
        ],
        axis=0,
    )
    assert rows.tolist() == [row for row in np.argsort(least, kind="stable") if least[row] < 0.5]


def test_the_audit_is_a_random_order_that_asks_again_what_other_queues_have_asked(shown, store):
    queues, audit = Queues(shown, store), {"queue": "random-audit"}
    order = queues.rows(audit).tolist()
    assert sorted(order) == list(range(60))
    assert Queues(shown, store).rows(audit).tolist() == order
    for row in order[:3]:
        answer(store, shown, row, "disc", queue="queue=least-certain")
    assert queues.rows(audit, "ann").tolist() == order
    for row in order[:2]:
        answer(store, shown, row, "ringed", queue="queue=random-audit")
    answer(store, shown, order[5], "ringed", queue="queue=random-audit&at=5")  # clicked at
    answer(store, shown, order[6], "ringed", queue="queue=random-audit&label=disc")
    answer(store, shown, order[0], "with_bar", queue="queue=mislabels")  # corrected later
    assert queues.rows(audit, "ann").tolist() == order[2:]
    assert queues.rows(audit, "bob").tolist() == order
    sample = random_sample(read_labels(store.path))
    assert [(each.image, each.answer) for each in sample] == [
        (f"g{order[1]}", ("ringed",)), (f"g{order[0]}", ("with_bar",))
    ]  # fmt: skip


@given(st.integers(1, 200), st.integers(1, 50), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_images_that_are_added_leave_the_random_order_of_the_others(number, more, seed):
    images = [(f"g{seed}-{k}", f"{k:x}") for k in range(number + more)]
    order = random_order(images[:number])
    assert sorted(order) == list(range(number))
    whole = random_order(images)
    assert whole[whole < number].tolist() == order.tolist()


def test_the_random_order_owes_nothing_to_the_place():
    order = random_order([(f"g{k}", f"{k:064x}") for k in range(5000)])
    # The mean place of the first thousand is known to 46 of 5,000.
    assert abs(order[:1000].mean() - 2499.5) < 4 * 5000 / np.sqrt(12 * 1000)
    assert abs(np.corrcoef(order, np.arange(5000))[0, 1]) < 4 / np.sqrt(5000)


def test_what_tells_of_the_model_is_known(shown, store):
    queues = Queues(shown, store)
    silent = {"raters-differ", "labels-differ", "random-audit"}
    for name in queues.by_name:
        assert queues.tells({"queue": name}) == (name not in silent), name
    assert not queues.tells({"label": "disc"})
    assert queues.tells({"queue": "random-audit", "probability": "0.5.."})
    assert queues.tells({"order": "-typicality"})


def test_what_a_queue_lacks_is_one_line(tmp_path):
    shown = replace(collection(9), predictions=None, true=None, model="")
    with LabelStore.open(tmp_path / "labels.jsonl", shown.questions.task) as store:
        queues = Queues(shown, store)
        there = {each["name"] for each in queues.to_json("ann") if "missing" not in each}
        assert there == {"raters-differ", "random-audit"}
        for name in ("mistakes", "corrected", "mislabels", "labels-differ", "nothing"):
            with pytest.raises(RequestError, match="queue") as error:
                queues.rows({"queue": name})
            assert "\n" not in str(error.value)


def test_the_numbers_of_a_queue_are_those_of_its_rows(shown, store):
    queues = Queues(shown, store)
    first = int(queues.rows({"queue": "mistakes"})[0])
    answer(store, shown, first, "disc")
    told = {each["name"]: each for each in queues.to_json("ann")}
    assert told["mistakes"]["left"] == told["mistakes"]["images"] - 1
    assert {each["name"]: each for each in queues.to_json("bob")}["mistakes"]["left"] == (
        told["mistakes"]["images"]
    )
    likely = int(shown.mislabels["likely"].sum())
    assert f"{likely} of 60\u00a0labels are likely wrong" in told["mislabels"]["text"]
