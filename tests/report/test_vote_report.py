"""The report of votes: its sentences, its warnings, its page and its figures, for any tree."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image

from hubblefork.report.page import render_page
from hubblefork.report.run_page import draw_charts, report_page, save_figures
from hubblefork.report.vote_charts import mean_error
from hubblefork.report.vote_report import examples, path
from hubblefork.sky.decision_tree import GALAXY_ZOO_2

# The sentences need no figures.
DRAWN = dict.fromkeys(("curves", "questions", "answers"), b"")


def sentences(run):
    return report_page(run, DRAWN).sentences


def cautions(run):
    return report_page(run, DRAWN).cautions


def render(run, drawn):
    return render_page(report_page(run, drawn), "evaluate")


def plain(lines: list[str]) -> str:
    return "\n".join(lines).replace("\u00a0", " ")


def test_the_summary_has_the_error_its_interval_and_that_of_the_mean(votes):
    run = votes()
    text = plain(sentences(run))
    low, high = run.metrics["intervals"]["rmse"]
    assert "trained on 180 images of ‘simulated’ with 37 vote fractions on 11 questions" in text
    assert f"RMSE on the test set: {run.metrics['rmse']:.4f} (95 % interval" in text
    assert f"{low:.4f} to {high:.4f}" in text
    true = run.predictions.true
    of_mean = np.sqrt(((true - true.mean(axis=0)) ** 2).mean())
    assert f"the mean fractions of these galaxies would have {of_mean:.4f}" in text


def test_the_lowest_and_the_highest_question_are_told_with_their_intervals(votes):
    run = votes()
    worst = max(run.metrics["per_question"].values(), key=lambda each: each["rmse"])
    told = "‘{}’ ({:.4f}, {:.4f} to {:.4f})".format(
        worst["text"], worst["rmse"], *worst["interval"]
    )
    assert told in plain(sentences(run))


def test_the_first_question_is_compared_by_its_most_common_answer(votes):
    run = votes(noise=2.0)
    true, predicted = run.predictions.true, run.predictions.values
    same = (true[:, :3].argmax(axis=1) == predicted[:, :3].argmax(axis=1)).mean()
    assert 0.5 < same < 1
    cards = {card.title: card.value for card in report_page(run, DRAWN).cards}
    assert cards["First question"] == f"{100 * same:.1f}\u00a0%"


def test_a_good_run_needs_no_caution(votes):
    assert cautions(votes()) == []


def test_cautions_name_what_was_not_learnt(votes):
    text = plain(cautions(votes(noise=9.0)))
    assert re.search(r"No better than the mean of the galaxies on questions? .*6", text)
    assert "There are only 9 galaxies in the test set" in plain(cautions(votes(number=9)))


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
    assert (
        "RMSE in the last epoch was 0.0400 on the training set and 0.3000 on the validation set"
        in text
    )


def test_every_answer_has_a_row_below_its_question(votes):
    run = votes()
    sections = {section.short: section for section in report_page(run, DRAWN).sections}
    rows = sections["Answers"].blocks[-1].blocks[0].cells
    columns = [row[0].small for row in rows if len(row) > 1]
    assert tuple(columns) == GALAXY_ZOO_2.columns
    assert [row[0].text for row in rows if len(row) == 1] == [
        f"{question.number}. {question.text}" for question in GALAXY_ZOO_2.questions
    ]
    of_mean = np.array([float(row[-1].text) for row in rows if len(row) > 1])
    for question in GALAXY_ZOO_2.questions:
        expected = np.sqrt((of_mean[question.columns] ** 2).mean())
        assert mean_error(run, question) == pytest.approx(expected, abs=1e-4)


def test_any_tree_has_a_page_and_figures(votes, small_tree, tmp_path):
    run = votes(tree=small_tree)
    text = render(run, None)
    for question in small_tree.questions:
        assert question.text in text
    assert "with 4 vote fractions on 2 questions" in text
    assert "one for each of the 4 answers" in text
    assert len(save_figures(run, tmp_path)) == 4


@pytest.mark.parametrize("number", [1, 3, 60])
def test_examples_are_half_at_random_and_half_the_worst(votes, number):
    run = votes(number=number)
    tiles = [tile for tile, _ in examples(run)]
    assert len(tiles) == min(number, 10)
    assert len({tile.id for tile in tiles}) == len(tiles)
    worst = [tile.text for tile in tiles if tile.text.startswith("large")]
    assert len(worst) == len(tiles) // 2
    true, predicted = run.predictions.true, run.predictions.values
    errors = np.sqrt(((true - predicted) ** 2).mean(axis=1))
    largest = np.sort(errors)[::-1][: len(worst)]
    assert worst == [f"large RMSE\u00a0{error:.4f}" for error in largest]


def test_a_path_ends_where_the_tree_does():
    true = np.zeros(37)
    for column in ("Class1.2", "Class2.1", "Class9.2", "Class6.1", "Class8.6"):
        true[GALAXY_ZOO_2.index(column)] = 1
    steps = path(GALAXY_ZOO_2, true, true)
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
    first, second, _ = path(GALAXY_ZOO_2, true, predicted)
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
    assert text.count("<svg role=") == 2 * 3
    assert text.count('src="data:image/') == 10
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", re.sub(r'"data:[^"]*"', "", text))
    assert "A classifier" not in text
    assert "accuracy" not in text.lower()


def test_a_model_without_history_still_has_a_page(votes):
    split = {"rule": "all", "seed": None, "sha256": None, "sizes": {"test": 60}}
    charts = {name: png for name, png in drawn(votes).items() if name != "curves"}
    text = render(votes(history=votes().history.head(0), split=split), charts)
    assert "trained earlier" in text
    assert text.count("<svg role=") == 2 * 2


def test_figures_are_written_as_png(votes, tmp_path, fine_figures):
    paths = save_figures(votes(number=2000), tmp_path)
    assert [path.name for path in paths] == [
        "curves.png", "questions.png", "answers.png", "examples.png",
    ]  # fmt: skip
    for each in paths:
        with Image.open(each) as image:
            assert min(image.size) > 300
