import io

import numpy as np
from rich.console import Console

from hubblefork.evaluation.vote_metrics import measure_votes
from hubblefork.report.metrics_table import print_metrics
from hubblefork.sky.decision_tree import GALAXY_ZOO_2


def printed(metrics, width: int = 80) -> str:
    stream = io.StringIO()
    print_metrics(metrics, Console(file=stream, width=width))
    return stream.getvalue().replace("\u00a0", " ")


def test_classes_are_summed_up_with_intervals(material):
    metrics = material().metrics
    text = printed(metrics)
    assert "tested on 60 images" in text
    low, high = metrics["intervals"]["accuracy"]
    assert f"{100 * metrics['accuracy']:.1f} %" in text
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in text
    assert all(name in text for name in ("round", "edge-on", "spiral"))


def test_brackets_in_a_name_are_no_markup(material):
    assert "[red]a[/red]" in printed(material(names=("[red]a[/red]", "b")).metrics)


def test_many_classes_still_fit_on_a_screen(material):
    metrics = material(names=tuple(f"species {k}" for k in range(60)), number=400).metrics
    text = printed(metrics)
    assert "the 20 of 60 classes with the lowest F1" in text
    assert len(text.splitlines()) < 40


def test_a_class_that_was_not_there_has_dashes(material):
    line = next(
        line
        for line in printed(material(true=np.repeat([0, 1], 20)).metrics).splitlines()
        if line.startswith("spiral")
    )
    assert line.split() == ["spiral", "–", "–", "–", "0"]


def test_votes_are_summed_up_by_question():
    text = printed(
        measure_votes(np.zeros((3, 37)), np.full((3, 37), 0.25), GALAXY_ZOO_2, resamples=5), 100
    )
    assert "tested on 3 galaxies" in text
    assert "0.2500" in text
    assert "Is there anything odd?" in text
