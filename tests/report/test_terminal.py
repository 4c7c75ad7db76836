import io
import re

import numpy as np
import pytest
from rich.console import Console

from hubblefork.report.terminal import as_html, metrics_screen


def printed(metrics, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(metrics_screen(metrics))
    return stream.getvalue().replace("\u00a0", " ")


def test_classes_are_summed_up_with_intervals(run_data):
    metrics = run_data().metrics
    text = printed(metrics)
    assert "tested on 60 images" in text
    low, high = metrics["intervals"]["accuracy"]
    assert f"{100 * metrics['accuracy']:.1f} %" in text
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in text
    assert all(name in text for name in ("round", "edge-on", "Spiral"))
    low, high = metrics["per_class"]["round"]["intervals"]["f1"]
    f1 = f"{100 * metrics['per_class']['round']['f1']:.1f} %"
    assert re.search(rf"{f1} +{100 * low:.1f} to {100 * high:.1f} %", text)


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_on_a_narrow_terminal_the_last_columns_are_left_out_and_none_is_cut(run_data, width):
    text = printed(run_data(names=("round", "edge-on", "disc")).metrics, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    header = next(line for line in text.splitlines() if line.startswith("class"))
    columns = ["class", "precision", "recall", "F1", "95", "%", "interval", "images"]
    shown = header.split()
    assert shown == columns[: len(shown)]
    assert len(shown) == {20: 2, 40: 4, 60: 7, 80: 8}[width]


def test_brackets_in_a_name_are_no_markup(run_data):
    assert "[red]a[/red]" in printed(run_data(names=("[red]a[/red]", "b")).metrics)


def test_many_classes_still_fit_on_a_screen(run_data):
    metrics = run_data(names=tuple(f"species {k}" for k in range(60)), number=400).metrics
    text = printed(metrics)
    assert "20 of 60, lowest F1" in text
    assert len(text.splitlines()) < 40


def test_a_class_that_was_not_there_has_dashes(run_data):
    line = next(
        line
        for line in printed(run_data(true=np.repeat([0, 1], 20)).metrics).splitlines()
        if line.startswith("Spiral")
    )
    assert line.split() == ["Spiral", "–", "–", "–", "–", "0"]


def test_votes_are_summed_up_by_question(votes, small_tree):
    text = printed(votes().metrics, 100)
    assert "tested on 60 galaxies" in text
    assert "Is there anything odd?" in text
    run = votes(tree=small_tree)
    assert "How thick are they?" in printed(run.metrics)
    first = run.metrics["per_question"]["1"]
    assert "{:.4f}  {:.4f} to {:.4f}".format(first["rmse"], *first["interval"]) in printed(
        run.metrics
    )


def test_a_notebook_shows_what_the_terminal_prints(run_data):
    html = as_html(metrics_screen(run_data().metrics))
    assert html.startswith("<pre")
    assert "Balanced accuracy" in html
