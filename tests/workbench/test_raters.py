"""Agreement of raters by their labels, by hand, for classes and for a tree."""

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.agreement import fleiss_kappa, krippendorff_alpha
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes
from hubblefork.workbench.raters import against_labels, agreement, export_agreement, to_json
from hubblefork.workbench.store import LabelStore, read_labels
from tests.workbench.conftest import collection, galaxies


def label(path, task, given: dict[str, list[list[str] | None]]):
    """Answers by rater, of images g0, g1, ..., where None is no answer."""
    with LabelStore.open(path, task) as store:
        for rater, answers in given.items():
            for place, each in enumerate(answers):
                if each is not None:
                    image = (f"g{place}", f"{place:064x}")
                    store.answer(rater, image, each, key=f"{rater}{place}")
    return read_labels(path)


def test_agreement_by_hand(tmp_path):
    words = {"a": ["a"], "b": ["b"], "-": None}
    # The images of `test_by_hand` of the measures: aaa aab bbb ab-
    given = {"ann": "aaba", "bob": "aabb", "cleo": "abb-"}
    labels = label(
        tmp_path / "labels.jsonl", Classes(("a", "b", "c")),
        {rater: [words[each] for each in text] for rater, text in given.items()},
    )  # fmt: skip
    table = agreement(labels).set_index("raters")
    assert list(table.index) == ["all", "ann, bob", "ann, cleo", "bob, cleo"]
    assert table["images"].tolist() == [4, 4, 3, 3]
    counts = np.array([[3, 0, 0], [2, 1, 0], [0, 3, 0], [1, 1, 0]])
    every = table.loc["all"]
    assert every["observed_agreement"] == pytest.approx((1 + 1 / 3 + 1 + 0) / 4)
    assert every["fleiss_kappa"] == pytest.approx(fleiss_kappa(counts))
    assert every["krippendorff_alpha"] == pytest.approx(krippendorff_alpha(counts))
    assert np.isnan(every["cohen_kappa"])
    assert table.loc["ann, bob", "cohen_kappa"] == pytest.approx(0.5)
    # aab against abb: they agree on 2 of 3; by chance 2/3 x 1/3 twice, 4/9.
    assert table.loc["ann, cleo", "cohen_kappa"] == pytest.approx((2 / 3 - 4 / 9) / (5 / 9))
    # Gwet's chance among three classes, two of which were given: a in 3 of 6, b in 3 of 6.
    chance = (0.5 * 0.5 + 0.5 * 0.5) / 2
    assert table.loc["ann, cleo", "gwet_ac1"] == pytest.approx((2 / 3 - chance) / (1 - chance))


def test_a_question_of_a_tree_counts_those_who_were_asked_it(tmp_path):
    smooth, round_ = ["Class1.1", "Class7.1", "Class6.2"], ["Class1.1", "Class7.2", "Class6.2"]
    star = ["Class1.3"]
    labels = label(
        tmp_path / "labels.jsonl", Votes(),
        {"ann": [smooth, smooth, star], "bob": [round_, star, star], "cleo": [smooth, None, None]},
    )  # fmt: skip
    every = agreement(labels).query("raters == 'all'").set_index("question")
    first, odd, rounded = (each for _, each in every.iterrows())
    assert list(every["images"]) == [3, 1, 1]
    assert first["observed_agreement"] == pytest.approx(2 / 3)  # the second image divides them
    assert "smooth" in every.index[0].lower()
    assert odd["observed_agreement"] == 1
    assert rounded["observed_agreement"] == pytest.approx(1 / 3)  # 2 of 3 say completely round


def test_one_rater_alone_has_no_agreement_and_the_page_gets_no_nan(tmp_path):
    shown = collection(9)
    labels = label(tmp_path / "labels.jsonl", shown.questions.task, {"ann": [["disc"], ["disc"]]})
    assert agreement(labels).empty
    told = to_json(shown, labels)
    assert told["agreement"] == []
    assert told["beside"] == "Label"
    both = label(tmp_path / "both.jsonl", shown.questions.task,
                 {"ann": [["disc"]], "bob": [["disc"]]})  # fmt: skip
    (row, pair) = to_json(shown, both)["agreement"]
    assert row["fleiss_kappa"] is None
    assert pair["gwet_ac1"] == 1


def test_volunteers_stand_beside_the_answers_of_a_rater(tmp_path):
    shown = galaxies(20)
    asked = ["Class1.1", "Class7.3", "Class6.2"]
    given = {"ann": [asked] * 12 + [["Class1.3"]] * 8}
    labels = label(tmp_path / "labels.jsonl", shown.questions.task, given)
    table = against_labels(shown, labels)
    assert set(table["rater"]) == {"ann"}
    first = table[table["question"] == shown.questions.asked[0].text]
    assert first["images"].tolist() == [12] * 3 + [8] * 3
    true = shown.true
    expected = np.concatenate([true[:12, :3].mean(axis=0), true[12:, :3].mean(axis=0)])
    np.testing.assert_allclose(first["fraction"], expected, rtol=1e-5)
    tree = shown.questions.task.tree
    rounded = [each.columns for each in tree.questions if "Class7.1" in tree.columns[each.columns]]
    own = true[:12, rounded[0]].astype(float)
    own = (own / own.sum(axis=1, keepdims=True)).mean(axis=0)
    text = next(q.text for q in shown.questions.asked if q.start == rounded[0].start)
    seen = table[table["question"] == text]
    np.testing.assert_allclose(seen["fraction"], own, rtol=1e-5)


def test_agreement_is_exported(tmp_path):
    path = tmp_path / "labels.jsonl"
    labels = label(path, Classes(("a", "b")), {"ann": [["a"], ["b"]], "bob": [["a"], ["a"]]})
    out = export_agreement(path, tmp_path / "agreement.csv")
    table = pd.read_csv(out)
    pd.testing.assert_frame_equal(table, agreement(labels), check_dtype=False)
    with pytest.raises(RequestError):
        export_agreement(path, out)
