"""No acknowledged label is ever lost, and nothing that was written is ever taken out."""

import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.tasks.classes import Classes
from hubblefork.workbench.store import LabelStore, read_labels

TASK = Classes(("disc", "bar"))


def image(number: int) -> tuple[str, str]:
    return f"g{number}", f"{number:064x}"


def events(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "labels.jsonl"


def _answer_until_killed(path: Path, acknowledged) -> None:
    with LabelStore.open(path, TASK) as store:
        for number in range(100_000):
            store.answer("ann", image(number), ["bar"], key=str(number))
            acknowledged.send(number)


def test_acknowledged_labels_outlive_kill_9(path):
    start = multiprocessing.get_context("fork")
    acknowledged, sending = start.Pipe(duplex=False)
    process = start.Process(target=_answer_until_killed, args=(path, sending))
    process.start()
    assert [acknowledged.recv() for _ in range(50)] == list(range(50))
    process.kill()
    process.join()
    stored = read_labels(path).standing()
    # Those after the fiftieth may have been written too; none of them is out of order.
    assert len(stored) >= 50
    assert [each.image for each in stored] == [f"g{number}" for number in range(len(stored))]


def test_half_a_line_is_cut_off_and_the_next_label_is_whole(path, capsys):
    with LabelStore.open(path, TASK) as store:
        store.answer("ann", image(1), ["bar"], key="1")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind": "answer", "num')
    assert len(read_labels(path).standing()) == 1
    with LabelStore.open(path, TASK) as store:
        assert "cut off" in capsys.readouterr().err
        store.answer("ann", image(2), ["disc"], key="2")
    assert path.read_bytes().startswith(whole)
    assert [each["number"] for each in events(path)] == [1, 2]


def test_a_damaged_line_is_named_and_nothing_is_written(path):
    with LabelStore.open(path, TASK) as store:
        for number in range(3):
            store.answer("ann", image(number), ["bar"], key=str(number))
    damaged = path.read_bytes().replace(b'"image": "g1"', b'"image": "g1')
    path.write_bytes(damaged)
    with pytest.raises(RequestError, match="damaged at line 3"), LabelStore.open(path, TASK):
        pytest.fail("it was opened")
    assert path.read_bytes() == damaged


def test_one_process_writes_at_a_time(path):
    with LabelStore.open(path, TASK):
        with pytest.raises(RequestError, match="another process"), LabelStore.open(path, TASK):
            pytest.fail("it was opened twice")
        assert read_labels(path).standing() == []
    with LabelStore.open(path, TASK) as store:
        assert store.standing() == []


def test_labels_of_other_classes_are_not_mixed(path):
    with LabelStore.open(path, TASK):
        pass
    others = Classes(("disc", "ring"))
    with pytest.raises(RequestError, match="another --labels"), LabelStore.open(path, others):
        pytest.fail("it was opened")


def test_no_other_file_is_written_to(path):
    path.write_text("my notes\n")
    with pytest.raises(RequestError, match="is not a file of labels"), LabelStore.open(path, TASK):
        pytest.fail("it was opened")
    assert path.read_text() == "my notes\n"


def test_a_request_that_is_repeated_is_stored_once(path):
    with LabelStore.open(path, TASK) as store:
        first = store.answer("ann", image(1), ["bar"], key="same")
        assert store.answer("ann", image(1), ["bar"], key="same") == first
    assert len(events(path)) == 1


def test_a_label_says_whether_the_model_was_shown_before(path):
    with LabelStore.open(path, TASK) as store:
        assert not store.answer("ann", image(1), ["bar"], key="1").shown
        store.show("ann", [image(1), image(2)])
        store.show("ann", [image(2)])  # is known
        assert store.answer("ann", image(2), ["bar"], key="2").shown
        assert not store.answer("bob", image(2), ["bar"], key="3").shown
    with LabelStore.open(path, TASK) as store:
        assert store.answer("ann", image(1), ["disc"], key="4").shown
    assert [each["kind"] for each in events(path)].count("shown") == 1


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ann", "bob"]), st.integers(0, 3), st.booleans()), max_size=12
    )
)
def test_undo_is_a_row_more_and_takes_back_the_last(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    expected: dict[str, list[int]] = {"ann": [], "bob": []}
    lines = 0
    for place, (rater, number, undo) in enumerate(steps):
        with LabelStore.open(path, TASK) as store:  # each time as after a reload
            if not undo:
                store.answer(rater, image(number), ["bar"], key=str(place))
                expected[rater].append(number)
                lines += 1
            elif expected[rater]:
                assert store.undo(rater).image == f"g{expected[rater].pop()}"
                lines += 1
            else:
                assert store.undo(rater) is None
            assert len(events(path)) == lines
            standing = {(each.rater, each.image) for each in store.standing()}
        assert standing == {(who, f"g{k}") for who, given in expected.items() for k in given}
