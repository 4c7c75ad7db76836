"""The report of votes: its sentences, its warnings, its page and its figures."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image

from hubblefork.report.figures import draw_charts, save_figures
from hubblefork.report.run_page import render
from hubblefork.report.votes import (
    answer_rows,
    cards,
    cautions,
    example_rows,
    fractions,
    mean_error,
    path,
    sentences,
)
from hubblefork.sky.decision_tree import GALAXY_ZOO_2


def plain(lines: list[str]) -> str:
    return "\n".join(lines).replace("\u00a0", " ")


def test_the_summary_has_the_error_its_interval_and_that_of_the_mean(votes):
    run = votes()
    text = plain(sentences(run))
    low, high = run.metrics["intervals"]["rmse"]
    assert "learnt from 180 images of ‘simulated’ with the votes of volunteers" in text
    assert f"by {run.metrics['rmse']:.4f} (RMSE over all answers, 95 % interval" in text
    assert f"{low:.4f} to {high:.4f}" in text
    true, _ = fractions(run)
    of_mean = np.sqrt(((true - true.mean(axis=0)) ** 2).mean())
    assert f"would miss them by {of_mean:.4f}" in text


def test_the_first_question_is_compared_by_its_commonest_answer(votes):
    run = votes(noise=2.0)
    true, predicted = fractions(run)
    same = (true[:, :3].argmax(axis=1) == predicted[:, :3].argmax(axis=1)).mean()
    assert 0.5 < same < 1
    assert {card["title"]: card["value"] for card in cards(run)}["First question"] == (
        f"{100 * same:.1f}\u00a0%"
    )


def test_a_good_run_needs_no_caution(votes):
    assert cautions(votes()) == []


def test_cautions_name_what_was_not_learnt(votes):
    text = plain(cautions(votes(noise=9.0)))
    assert re.search(r"No nearer than the mean of the galaxies on questions? .*6", text)
    assert "Only 9 galaxies in the test set" in plain(cautions(votes(number=9)))


def test_fractions_that_break_the_tree_are_told(votes):
    run = votes()
    values = run.predictions.values.copy()
    values[:, GALAXY_ZOO_2.index("Class7.1")] += 0.1
    broken = replace(run.predictions, values=values)
    text = plain(cautions(votes(predictions=broken)))
    assert "do not sum to the fraction of volunteers" in text
    assert "for 100.0 % of the galaxies" in text


def test_over_fitting_is_told_in_rmse(votes):
    history = votes().history.assign(val_rmse=0.3)
    text = plain(cautions(votes(history=history)))
    assert "the RMSE was 0.0400 in training and 0.3000 in validation" in text


def test_every_answer_has_a_row_below_its_question(votes):
    rows = answer_rows(votes())
    assert [row["number"] for row in rows] == list(range(1, 12))
    columns = [answer["column"] for row in rows for answer in row["answers"]]
    assert tuple(columns) == GALAXY_ZOO_2.columns
    np.testing.assert_allclose(
        [answer["of_mean"] for row in rows for answer in row["answers"]], mean_error(votes())
    )


@pytest.mark.parametrize("number", [1, 3, 60])
def test_examples_are_half_at_random_and_half_the_worst(votes, number):
    run = votes(number=number)
    rows = example_rows(run)
    assert len(rows) == min(number, 10)
    assert len({row["id"] for row in rows}) == len(rows)
    assert sum(row["worst"] for row in rows) == len(rows) // 2
    true, predicted = fractions(run)
    errors = np.sqrt(((true - predicted) ** 2).mean(axis=1))
    worst = [row["rmse"] for row in rows if row["worst"]]
    np.testing.assert_allclose(worst, np.sort(errors)[::-1][: len(worst)])


def test_a_path_ends_where_the_tree_does():
    true = np.zeros(37)
    for column in ("Class1.2", "Class2.1", "Class9.2", "Class6.1", "Class8.6"):
        true[GALAXY_ZOO_2.index(column)] = 1
    steps = path(true, true)
    texts = [step["text"] for step in steps]
    assert texts == ["features or disk", "edge-on: yes", "bulge: boxy", "odd: yes", "merger"]
    assert [step["depth"] for step in steps] == [0, 1, 2, 0, 1]


def test_a_step_shows_what_was_answered_and_what_was_predicted_and_nothing_else():
    true, predicted = np.zeros(37), np.zeros(37)
    for column, fraction in (
        ("Class1.1", 0.9), ("Class1.2", 0.1), ("Class7.1", 0.9), ("Class6.2", 1.0),
    ):  # fmt: skip
        true[GALAXY_ZOO_2.index(column)] = fraction
    predicted[GALAXY_ZOO_2.index("Class1.3")] = 0.3
    first, second, _ = path(true, predicted)
    answers = [(each["text"], each["chosen"]) for each in first["answers"]]
    assert answers == [("smooth", True), ("features or disk", False), ("star or artefact", False)]
    assert [each["text"] for each in second["answers"]] == ["completely round"]


@cache
def drawn(make) -> dict[str, bytes]:
    """The charts of the plain run, drawn once for all pages."""
    return draw_charts(make())


def test_the_page_holds_every_question_and_asks_the_network_for_nothing(votes):
    text = render(votes(), drawn(votes))
    assert all(question.text in text for question in GALAXY_ZOO_2.questions)
    assert text.count('src="data:image/') == 3 + 10
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r'"data:[^"]*"', "", text))
    assert "A classifier" not in text
    assert "accuracy" not in text.lower()


def test_a_model_without_history_still_has_a_page(votes):
    split = {"rule": "all", "seed": None, "sha256": None, "sizes": {"test": 60}}
    charts = {name: png for name, png in drawn(votes).items() if name != "curves"}
    text = render(votes(history=votes().history.head(0), split=split), charts)
    assert "trained before" in text
    assert text.count('src="data:image/') == 2 + 10


def test_figures_are_written_as_png(votes, tmp_path, fine_figures):
    paths = save_figures(votes(number=2000), tmp_path)
    assert [path.name for path in paths] == [
        "curves.png", "answers.png", "questions.png", "examples.png",
    ]  # fmt: skip
    for each in paths:
        with Image.open(each) as image:
            assert min(image.size) > 300
