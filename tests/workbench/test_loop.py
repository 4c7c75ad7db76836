"""Batches of the loop, and what is told of them."""

import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.calibration import fit_calibration
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.workbench import loop as module
from hubblefork.workbench.last_layer import LastLayer, standardised
from hubblefork.workbench.loop import BATCH, Loop
from hubblefork.workbench.store import LabelStore
from tests.workbench.conftest import NAMES, collection, galaxies


@pytest.fixture
def shown():
    return collection(400)


@pytest.fixture
def store(shown, tmp_path):
    with LabelStore.open(tmp_path / "labels.jsonl", shown.questions.task) as opened:
        yield opened


def truth(shown, row: int) -> str:
    """What the features of the collection tell."""
    return NAMES[int(shown.predictions.values[row].argmax())]


def answer(store, shown, rows, rater: str = "ann", name: str | None = None) -> None:
    for row in map(int, rows):
        given = name or truth(shown, row)
        key = f"{rater}-{row}-{store.events()}"
        store.answer(rater, shown.image(row), [given], key=key)


def label(loop: Loop, store, shown, batches: int) -> None:
    for _ in range(batches):
        answer(store, shown, loop.rows(str(loop.next_batch("ann"))))


def test_a_fifth_of_each_batch_is_drawn_at_random_and_no_image_comes_twice(shown, store):
    loop = Loop(shown, store)
    label(loop, store, shown, 5)
    rows = np.concatenate([loop.rows(str(number)) for number in range(1, 6)])
    assert len(set(rows.tolist())) == len(rows) == 5 * BATCH
    places = []
    for batch in store.batches():
        assert len(batch.images) == 5 * len(batch.random)
        places += batch.random
    assert len(set(places)) > 8  # anywhere in their batch


def test_random_images_are_predicted_by_the_labels_before_them(shown, store):
    loop = Loop(shown, store)
    label(loop, store, shown, 3)
    features = standardised(shown.features)
    first, *others = store.batches()
    assert first.values is None
    for batch in others:
        earlier = [row for before in store.batches()[: batch.number - 1]
                   for row in map(shown.row, before.images)]  # fmt: skip
        classes = shown.predictions.values[earlier].argmax(axis=1)
        layer = LastLayer.fit(features[earlier], classes, 3)
        drawn = [shown.row(image) for image in batch.drawn]
        np.testing.assert_allclose(batch.values, layer.probabilities(features[drawn]), atol=1e-6)
        assert batch.labels == len(earlier)


def test_curve_and_calibration_come_from_random_images_alone(shown, store):
    loop = Loop(shown, store)
    label(loop, store, shown, 2)
    # Of the images that were chosen, all labels are wrong now: the curve does not see them.
    before = loop.told("ann")
    batch = store.batches()[1]
    chosen = [shown.row(image) for image in batch.images if image not in batch.drawn]
    for row in chosen:
        wrong = NAMES[NAMES.index(truth(shown, row)) - 1]
        answer(store, shown, [row], name=wrong)
    told = loop.told("ann")
    for same in ("curve", "temperature", "random", "confidence", "calibrated"):
        assert told[same] == before[same]
    values = np.array(batch.values)
    true = np.array([NAMES.index(truth(shown, shown.row(image))) for image in batch.drawn])
    right = int((values.argmax(axis=1) == true).sum())
    (point,) = told["curve"]
    assert (point["n"], point["labels"], point["accuracy"]) == (5, 25, right / 5)
    assert (point["low"], point["high"]) == wilson_interval(right, 5)
    assert told["temperature"] == fit_calibration(values, true).temperature


def test_a_label_that_was_given_after_a_look_at_the_model_measures_nothing(shown, store):
    loop = Loop(shown, store)
    label(loop, store, shown, 1)
    rows = loop.rows(str(loop.next_batch("ann")))
    store.show("ann", store.batches()[1].drawn[:2])
    answer(store, shown, rows)
    assert loop.told("ann")["random"] == 3
    assert loop.told("ann")["labels"] == 2 * BATCH


def test_typical_images_come_first_and_undecided_ones_when_there_are_enough(
    shown, store, monkeypatch
):
    monkeypatch.setattr(module, "TYPICAL_PER_CLASS", 10)
    loop = Loop(shown, store)
    label(loop, store, shown, 2)
    features = standardised(shown.features)

    def margins(number: int) -> tuple[float, float]:
        """The mean margin of the chosen images of a batch, and of all images."""
        batch = store.batches()[number - 1]
        known = [row for before in store.batches()[: number - 1]
                 for row in map(shown.row, before.images)]  # fmt: skip
        layer = LastLayer.fit(features[known], shown.predictions.values[known].argmax(axis=1), 3)
        ordered = np.sort(layer.probabilities(features), axis=1)
        margin = ordered[:, 2] - ordered[:, 1]
        chosen = [shown.row(image) for image in batch.images if image not in batch.drawn]
        return margin[chosen].mean(), margin.mean()

    label(loop, store, shown, 1)
    early, everywhere = margins(2)
    assert early > 0.5 * everywhere
    late, everywhere = margins(3)  # fifty labels of three classes
    assert late < 0.5 * everywhere


def test_a_batch_without_an_answer_is_offered_again_and_one_with_answers_is_not(shown, store):
    loop = Loop(shown, store)
    assert loop.next_batch("ann") == loop.next_batch("ann") == 1
    assert loop.next_batch("bob") == 2
    answer(store, shown, loop.rows("1")[:1])
    assert loop.told("ann")["batch"] == {"number": 1, "left": BATCH - 1}
    assert loop.next_batch("ann") == 3
    assert loop.told("bob")["batch"] == {"number": 2, "left": BATCH}


def test_a_loop_goes_on_where_it_was_left(shown, tmp_path):
    path = tmp_path / "labels.jsonl"
    with LabelStore.open(path, shown.questions.task) as store:
        loop = Loop(shown, store)
        label(loop, store, shown, 3)
        before, batches = loop.told("ann"), store.batches()
    with LabelStore.open(path, shown.questions.task) as store:
        assert store.batches() == batches
        assert Loop(shown, store).told("ann") == before


def test_an_undone_or_disputed_label_teaches_nothing(shown, store):
    loop = Loop(shown, store)
    answer(store, shown, [3, 4, 5], name="disc")
    answer(store, shown, [4, 5], "bob", name="with_bar")
    answer(store, shown, [5], "cleo", name="with_bar")
    assert loop.labels() == {3: 0, 5: 1}
    store.undo("ann")
    store.undo("ann")
    assert loop.labels() == {3: 0, 4: 1, 5: 1}


def test_all_images_are_offered_in_the_end_and_then_one_line_says_so(tmp_path):
    shown = collection(30)
    with LabelStore.open(tmp_path / "labels.jsonl", shown.questions.task) as store:
        loop = Loop(shown, store)
        label(loop, store, shown, 2)
        assert loop.told("ann")["labels"] == 30
        with pytest.raises(RequestError, match="no image is left"):
            loop.next_batch("ann")


def test_the_first_question_of_a_tree_is_learnt(tmp_path):
    shown = galaxies(40)
    with LabelStore.open(tmp_path / "labels.jsonl", shown.questions.task) as store:
        loop = Loop(shown, store)
        for row in loop.rows(str(loop.next_batch("ann"))).tolist():
            path = ["Class1.3"] if row % 2 else ["Class1.1", "Class7.1", "Class6.2"]
            store.answer("ann", shown.image(row), path, key=str(row))
        loop.next_batch("ann")
        values = np.array(store.batches()[1].values)
        assert values.shape == (5, 3)
        assert values[:, 1].tolist() == [0] * 5  # nobody has answered so


@pytest.mark.parametrize("batch", ["0", "2", "-1", "x", "", "１"])
def test_a_batch_that_is_not_there_is_one_line(shown, store, batch):
    loop = Loop(shown, store)
    loop.next_batch("ann")
    with pytest.raises(RequestError, match="expected a number from 1 to 1"):
        loop.rows(batch)


def test_without_a_model_one_line_says_what_is_missing(shown, store):
    from dataclasses import replace

    with pytest.raises(RequestError, match="serve a run"):
        Loop(replace(shown, features=None), store).next_batch("ann")


def test_points_of_the_curve_are_of_enough_images():
    right = np.ones(52, bool)
    right[:10] = False
    taught = np.repeat([25, 50, 75, 100], 13)
    curve = module.learning_curve(taught, right)
    assert [(each["labels"], each["n"]) for each in curve] == [(37.5, 26), (87.5, 26)]
    assert [each["accuracy"] for each in curve] == [16 / 26, 1]
    assert module.learning_curve(np.array([], int), np.array([], bool)) == []
